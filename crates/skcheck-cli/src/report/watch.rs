//! What became of each socket between two samples, arranged: the worst first. No strings.

mod blame;
mod history;
mod row;
mod standing;
#[cfg(test)]
pub(crate) mod tests;

use std::cmp::Reverse;

use skcheck_core::watch::progress::Reading;
use skcheck_core::watch::{Judged, Judgement, Sample};
use skcheck_core::{Gap, Query};

use crate::report::circumstances::Circumstances;
use crate::report::watch::blame::{HeldUp, holder};

pub(crate) use crate::report::watch::blame::comm;
pub(crate) use crate::report::watch::history::{BlamedCause, CauseTally, History, Stall};
pub(crate) use crate::report::watch::row::WatchRow;
pub(crate) use crate::report::watch::standing::{Standing, StandingCounts};

/// One judgement, arranged for output.
#[derive(Debug)]
pub(crate) struct WatchReport<'a> {
    pub(crate) now: &'a Sample,
    pub(crate) judgement: &'a Judgement,
    /// The sockets that were asked for and hold something, the worst first; those that hold nothing too,
    /// where these were asked for.
    pub(crate) rows: Vec<WatchRow<'a>>,
    /// How many sockets stand in each way.
    pub(crate) counts: StandingCounts,
    /// What could not be seen.
    pub(crate) gaps: Vec<&'a Gap>,
    /// A process that was asked for and does not exist.
    pub(crate) missing_pid: Option<u32>,
    /// Who is kept from reading, whether that was asked for or not.
    held_up: Vec<HeldUp>,
}

impl<'a> WatchReport<'a> {
    /// Arranges a judgement.
    pub(crate) fn new(
        now: &'a Sample,
        judgement: &'a Judgement,
        history: &History,
        query: &Query,
        circumstances: &'a Circumstances,
    ) -> WatchReport<'a> {
        let row = |judged: &'a Judged| {
            let socket = now.snapshot.sockets.get(judged.now?)?;
            let standing = Standing::of(judged, socket);
            let stalled_for = history.stalled_for(&judged.key, now.at);
            // What was unread when it began to stand still is so yet.
            let age = judged.unread_age.max(stalled_for.filter(|_| judged.reading == Reading::Stalled));
            let (holder, drops) = (holder(judged, socket, &query.pids), history.dropped(judged));
            Some(WatchRow { judged, socket, standing, holder, stalled_for, age, drops })
        };
        let mut rows: Vec<WatchRow<'_>> = judgement.sockets.iter().filter_map(row).collect();
        let held_up = rows.iter().filter_map(|row| HeldUp::of(row.judged, row.holder)).collect();
        rows.retain(|row| row.judged.asked_for && (row.standing != Standing::Idle || query.include_idle));
        rows.sort_by_cached_key(|row| (row.standing, Reverse(row.weight()), row.holder, row.judged.key));
        WatchReport {
            now,
            judgement,
            counts: StandingCounts::of(rows.iter().map(|row| row.standing)),
            rows,
            gaps: now.snapshot.gaps.iter().chain(&circumstances.gap).collect(),
            missing_pid: circumstances.missing_pid,
            held_up,
        }
    }

    /// The processes that this one keeps from reading, and whether that is inferred for one of them.
    pub(crate) fn held_up_by(&self, pid: u32) -> (Vec<u32>, bool) {
        let victims = || self.held_up.iter().filter(|held_up| held_up.culprit == pid);
        let mut pids: Vec<u32> = victims().map(|held_up| held_up.victim).collect();
        pids.sort_unstable();
        pids.dedup();
        (pids, victims().any(|held_up| held_up.is_inferred))
    }
}
