//! What became of each socket between two samples, arranged: the worst first. No strings.

pub(crate) mod history;
#[cfg(test)]
pub(crate) mod tests;

use std::cmp::Reverse;
use std::time::Duration;

use skcheck_core::watch::cause::{Cause, Link, Wait};
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::watch::{Judged, Judgement, Sample};
use skcheck_core::{Gap, Holder, Query, Report as SocketReport, Side};

use crate::report::is_narrowed;
use crate::report::measured::weight;
use crate::report::watch::history::History;

/// One judgement, arranged for output.
#[derive(Debug)]
pub(crate) struct WatchReport<'a> {
    pub(crate) now: &'a Sample,
    pub(crate) judgement: &'a Judgement,
    /// The sockets that hold something, the worst first; those that hold nothing too, where these were
    /// asked for.
    pub(crate) rows: Vec<Row<'a>>,
    /// How many readers stand still.
    pub(crate) stalled: usize,
    /// What could not be seen.
    pub(crate) gaps: Vec<&'a Gap>,
    /// The query leaves sockets out: a chain may go on through one of them.
    pub(crate) narrowed: bool,
    /// A process that was asked for and does not exist.
    pub(crate) missing_pid: Option<u32>,
}

/// One socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) judged: &'a Judged,
    pub(crate) socket: &'a SocketReport,
    pub(crate) standing: Standing,
    /// Who is to read it, or to accept it: the one that the cause is about, or that was asked for.
    pub(crate) holder: Option<Holder>,
    /// For how long nobody has read, as far as was watched.
    pub(crate) stalled_for: Option<Duration>,
    /// Packets that were dropped since it was first seen; `None` where the kernel does not tell.
    pub(crate) drops: Option<u64>,
}

/// How badly a socket stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    ReaderStalled,
    WriterStalled,
    ReaderSlow,
    WriterSlow,
    Unknown,
    ReaderDraining,
    WriterDraining,
    Idle,
}

impl<'a> WatchReport<'a> {
    /// Arranges a judgement. `gap` is what is missing beside what the sample misses.
    pub(crate) fn new(
        now: &'a Sample,
        judgement: &'a Judgement,
        history: &History,
        query: &Query,
        gap: Option<&'a Gap>,
    ) -> WatchReport<'a> {
        let row = |judged: &'a Judged| {
            let socket = now.snapshot.sockets.get(judged.now?)?;
            let standing = Standing::of(judged, socket);
            let stalled_for = history.stalled_for(&judged.key, now.at);
            let (holder, drops) = (holder(judged, socket, query), history.dropped(judged));
            Some(Row { judged, socket, standing, holder, stalled_for, drops })
        };
        let mut rows: Vec<Row<'_>> = judgement.sockets.iter().filter_map(row).collect();
        rows.retain(|row| row.standing != Standing::Idle || query.include_idle);
        rows.sort_by_cached_key(|row| (row.standing, Reverse(row.weight()), row.holder, row.judged.key));
        WatchReport {
            now,
            judgement,
            stalled: rows.iter().filter(|row| row.standing == Standing::ReaderStalled).count(),
            rows,
            gaps: now.snapshot.gaps.iter().chain(gap).collect(),
            narrowed: is_narrowed(query),
            missing_pid: None,
        }
    }

    /// The processes that this one keeps from reading, and whether that is inferred for one of them.
    pub(crate) fn held_up_by(&self, pid: u32) -> (Vec<u32>, bool) {
        let is_victim = |row: &&Row<'_>| row.culprit().is_some_and(|(end, _)| end.pid == pid);
        let victims = || self.rows.iter().filter(is_victim);
        let mut pids: Vec<u32> = victims().filter_map(|row| row.holder).map(|holder| holder.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        (pids, victims().any(Row::is_inferred))
    }
}

impl<'a> Row<'a> {
    fn weight(&self) -> u64 {
        let is_writer = matches!(
            self.standing,
            Standing::WriterStalled | Standing::WriterSlow | Standing::WriterDraining
        );
        weight(self.socket, is_writer)
    }

    /// The process at the end of its chain, where that is another than its own.
    pub(crate) fn culprit(&self) -> Option<(Holder, &'a Cause)> {
        let (end, cause) = self.judged.root.as_ref()?.end.as_ref()?;
        (Some(end.pid) != self.holder.map(|holder| holder.pid)).then_some((*end, cause.as_ref()))
    }

    /// The links of its chain; none where nothing but its own process keeps it waiting.
    pub(crate) fn links(&self) -> &'a [Link] {
        self.judged.root.as_ref().map_or(&[], |root| &root.links)
    }

    /// Whether a process on its chain is an event loop, or has other threads: that its writing is what keeps
    /// it from reading is inferred then.
    pub(crate) fn is_inferred(&self) -> bool {
        self.links().iter().any(|link| matches!(link.wait, Wait::EventLoop | Wait::OneThread))
    }

    /// Those who wait for each other, each once, beginning with its own; empty where nobody does.
    pub(crate) fn circle(&self) -> Vec<u32> {
        if !self.judged.root.as_ref().is_some_and(|root| root.is_circle) {
            return Vec::new();
        }
        let links = self.links().iter();
        let around = links.flat_map(|link| [Some(link.writer.pid), link.reader.map(|reader| reader.pid)]);
        let mut pids: Vec<u32> = Vec::new();
        for pid in [self.holder.map(|holder| holder.pid)].into_iter().chain(around).flatten() {
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        pids
    }
}

impl Standing {
    fn of(judged: &Judged, socket: &SocketReport) -> Standing {
        match (judged.reading, judged.writing) {
            (Reading::Stalled, _) => Standing::ReaderStalled,
            (_, Writing::Stalled) => Standing::WriterStalled,
            (Reading::Slow, _) => Standing::ReaderSlow,
            (_, Writing::Slow) => Standing::WriterSlow,
            (Reading::Unknown, _) if may_hold(&socket.footprint.received) => Standing::Unknown,
            (Reading::Draining, _) => Standing::ReaderDraining,
            (_, Writing::Draining) => Standing::WriterDraining,
            _ => Standing::Idle,
        }
    }
}

/// Whether something may wait on this side: what is unknown may.
fn may_hold(side: &Side) -> bool {
    side.payload.map_or(side.charged.is_none_or(|charged| charged.0 > 0), |payload| payload.0 > 0)
}

fn holder(judged: &Judged, socket: &SocketReport, query: &Query) -> Option<Holder> {
    let of = |pid: u32| socket.holders.iter().find(|holder| holder.pid == pid).copied();
    let blamed = judged.cause.as_ref().and_then(|cause| cause.pid).and_then(of);
    blamed.or_else(|| query.pids.iter().find_map(|pid| of(*pid))).or(socket.holders.first().copied())
}

/// The name of a process, as far as a sample tells.
pub(crate) fn comm(sample: &Sample, pid: u32) -> Option<&[u8]> {
    let held = sample.snapshot.process(pid).and_then(|process| process.comm.as_deref());
    held.or_else(|| sample.processes.get(&pid)?.comm.as_deref())
}
