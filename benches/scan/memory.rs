//! What memory the command takes, each of its processes for itself.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::{ends_within, skcheck};
use crate::family::family;

/// How often all are looked at: what one gets in its last moments, and at once gives back, is not seen.
const EVERY: Duration = Duration::from_millis(1);

/// VmHWM in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Peak {
    /// Of the largest process.
    pub(crate) largest: u64,
    /// Of all together. What they share counts once for each.
    pub(crate) sum: u64,
    /// How many processes there were.
    pub(crate) processes: usize,
}

/// The most of some runs of `skcheck` with these arguments; none where it cannot do that.
pub(crate) fn peak(arguments: &[&str], runs: usize) -> io::Result<Option<Peak>> {
    let mut most: Option<Peak> = None;
    for _ in 0..runs.max(1) {
        let Some(now) = once(arguments)? else { return Ok(None) };
        let before = most.unwrap_or_default();
        most = Some(Peak {
            largest: now.largest.max(before.largest),
            sum: now.sum.max(before.sum),
            processes: now.processes.max(before.processes),
        });
    }
    Ok(most)
}

fn once(arguments: &[&str]) -> io::Result<Option<Peak>> {
    let mut child = skcheck(arguments)?.spawn()?;
    // As it was last seen: it only grows, and begins anew with exec.
    let mut peaks = BTreeMap::new();
    while !ends_within(&child, EVERY)? {
        // One that is just ending has no memory any more.
        peaks.extend(family(child.id())?.into_iter().filter_map(|pid| Some((pid, high_water(pid)?))));
    }
    let is_well = child.wait()?.code() == Some(0);
    let largest = peaks.values().copied().max().unwrap_or_default();
    let peak = Peak { largest, sum: peaks.values().sum(), processes: peaks.len() };
    Ok(is_well.then_some(peak))
}

/// VmHWM in KiB.
fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
