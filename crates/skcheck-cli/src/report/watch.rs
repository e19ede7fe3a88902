//! What became of each socket between two samples, arranged: the worst first. No strings.

pub(crate) mod history;
#[cfg(test)]
pub(crate) mod tests;

use std::cmp::Reverse;
use std::time::Duration;

use skcheck_core::watch::cause::{Cause, Link, Wait};
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::watch::{Judged, Judgement, Sample};
use skcheck_core::{Gap, Holder, Holding, Query, RecvQueue, Report as SocketReport, SendQueue, Side};

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
    /// How many sockets stand in each way.
    pub(crate) counts: Counts,
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
    /// For how long nobody has read, or accepted, as far as was watched.
    pub(crate) stalled_for: Option<Duration>,
    /// How long the oldest unread byte, or connection, has waited at least.
    pub(crate) age: Option<Duration>,
    /// Packets that were dropped since it was first seen; `None` where the kernel does not tell.
    pub(crate) drops: Option<u64>,
}

/// How badly a socket stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    ReaderStalled,
    /// A listener at which connections wait, and nobody accepts.
    NobodyAccepts,
    /// A connection with unread data that nobody has accepted.
    NotAccepted,
    WriterStalled,
    /// A listener at which connections pile up faster than they are accepted.
    AcceptsSlowly,
    ReaderSlow,
    WriterSlow,
    Unknown,
    ReaderDraining,
    WriterDraining,
    Idle,
}

/// How many sockets of one kind stand still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Readers: connections that nobody has accepted among them only where their listener does not show.
    pub(crate) readers: u64,
    /// Listeners at which nobody accepts.
    pub(crate) listeners: u64,
    /// All sockets that do.
    pub(crate) all: u64,
}

impl Counts {
    pub(crate) fn of(standings: impl Iterator<Item = Standing>) -> Counts {
        let (mut counts, mut not_accepted) = (Counts::default(), 0);
        for standing in standings {
            match standing {
                Standing::ReaderStalled => counts.readers += 1,
                Standing::NobodyAccepts => counts.listeners += 1,
                Standing::NotAccepted => not_accepted += 1,
                _ => continue,
            }
            counts.all += 1;
        }
        if counts.listeners == 0 {
            counts.readers += not_accepted;
        }
        counts
    }
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
            // What was unread when it began to stand still is so yet.
            let age = judged.unread_age.max(stalled_for.filter(|_| judged.reading == Reading::Stalled));
            let (holder, drops) = (holder(judged, socket, query), history.dropped(judged));
            Some(Row { judged, socket, standing, holder, stalled_for, age, drops })
        };
        let mut rows: Vec<Row<'_>> = judgement.sockets.iter().filter_map(row).collect();
        rows.retain(|row| row.standing != Standing::Idle || query.include_idle);
        rows.sort_by_cached_key(|row| (row.standing, Reverse(row.weight()), row.holder, row.judged.key));
        WatchReport {
            now,
            judgement,
            counts: Counts::of(rows.iter().map(|row| row.standing)),
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
        if let Some((waiting, _)) = self.accept_queue() {
            return waiting.into();
        }
        let is_writer = matches!(
            self.standing,
            Standing::WriterStalled | Standing::WriterSlow | Standing::WriterDraining
        );
        weight(self.socket, is_writer)
    }

    /// How many connections wait at a listener, and how many may.
    pub(crate) fn accept_queue(&self) -> Option<(u32, Option<u32>)> {
        accept_queue(self.socket)
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
    pub(crate) fn of(judged: &Judged, socket: &SocketReport) -> Standing {
        if let Some((waiting, limit)) = accept_queue(socket) {
            // In a busy listener somebody always waits for a moment: only a full one is worth a word.
            let is_full = limit.is_some_and(|limit| waiting >= limit.max(1));
            return match judged.reading {
                Reading::Stalled => Standing::NobodyAccepts,
                Reading::Slow => Standing::AcceptsSlowly,
                Reading::Unknown if is_full => Standing::Unknown,
                _ => Standing::Idle,
            };
        }
        let awaits_accept = matches!(socket.holding, Holding::AwaitingAccept { .. });
        match (judged.reading, judged.writing) {
            (Reading::Stalled, _) if awaits_accept => Standing::NotAccepted,
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

fn accept_queue(socket: &SocketReport) -> Option<(u32, Option<u32>)> {
    match (socket.socket.recv_q, socket.socket.send_q) {
        (RecvQueue::Connections(waiting), SendQueue::BacklogLimit(limit)) => Some((waiting.0, Some(limit.0))),
        (RecvQueue::Connections(waiting), _) => Some((waiting.0, None)),
        _ => None,
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
