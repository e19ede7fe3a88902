//! What became of each socket between two samples, arranged: the worst first. No strings.

pub(crate) mod history;
#[cfg(test)]
pub(crate) mod tests;

use std::cmp::Reverse;
use std::time::Duration;

use skcheck_core::watch::cause::{End, Fact, Link, Root, Wait};
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::watch::{Judged, Judgement, Sample};
use skcheck_core::{Gap, Holder, Holding, Query, RecvQueue, SendQueue, SocketEntry};

use crate::report::measured::weight;
use crate::report::watch::history::History;

/// One judgement, arranged for output.
#[derive(Debug)]
pub(crate) struct WatchReport<'a> {
    pub(crate) now: &'a Sample,
    pub(crate) judgement: &'a Judgement,
    /// The sockets that were asked for and hold something, the worst first; those that hold nothing too,
    /// where these were asked for.
    pub(crate) rows: Vec<Row<'a>>,
    /// How many sockets stand in each way.
    pub(crate) counts: Counts,
    /// What could not be seen.
    pub(crate) gaps: Vec<&'a Gap>,
    /// A process that was asked for and does not exist.
    pub(crate) missing_pid: Option<u32>,
    /// Who is kept from reading, whether that was asked for or not.
    held_up: Vec<HeldUp>,
}

/// A process that another keeps from reading.
#[derive(Debug, Clone, Copy)]
struct HeldUp {
    victim: u32,
    culprit: u32,
    is_inferred: bool,
}

/// One socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) judged: &'a Judged,
    pub(crate) socket: &'a SocketEntry,
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
            let (holder, drops) = (holder(judged, socket, &query.pids), history.dropped(judged));
            Some(Row { judged, socket, standing, holder, stalled_for, age, drops })
        };
        let mut rows: Vec<Row<'_>> = judgement.sockets.iter().filter_map(row).collect();
        let held_up = rows.iter().filter_map(|row| HeldUp::of(row.judged, row.holder)).collect();
        rows.retain(|row| row.judged.asked_for && (row.standing != Standing::Idle || query.include_idle));
        rows.sort_by_cached_key(|row| (row.standing, Reverse(row.weight()), row.holder, row.judged.key));
        WatchReport {
            now,
            judgement,
            counts: Counts::of(rows.iter().map(|row| row.standing)),
            rows,
            gaps: now.snapshot.gaps.iter().chain(gap).collect(),
            missing_pid: None,
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

impl HeldUp {
    fn of(judged: &Judged, holder: Option<Holder>) -> Option<HeldUp> {
        let (victim, culprit) = (holder?.pid, culprit(judged, holder)?.0.pid);
        Some(HeldUp { victim, culprit, is_inferred: is_inferred(judged) })
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

    /// The reader at the end of its chain, where that is another's than its own process, and how it goes;
    /// none where it is not known that it is this one which it waits for.
    pub(crate) fn culprit(&self) -> Option<(Holder, &'a End)> {
        culprit(self.judged, self.holder)
    }

    /// The descriptor that it is at; `None` where it is in a message, or waits at a listener, whose
    /// descriptor that is.
    pub(crate) fn own_fd(&self) -> Option<u32> {
        let is_elsewhere =
            matches!(self.socket.holding, Holding::InFlight { .. } | Holding::AwaitingAccept { .. });
        self.holder.filter(|_| !is_elsewhere)?.number()
    }

    /// The links of its chain; none where nothing but its own process keeps it waiting.
    pub(crate) fn links(&self) -> &'a [Link] {
        self.judged.root.as_ref().map_or(&[], |root| &root.links)
    }

    /// Whether a process on its chain is an event loop, or has other threads: that its writing is what keeps
    /// it from reading is inferred then.
    pub(crate) fn is_inferred(&self) -> bool {
        is_inferred(self.judged)
    }

    /// The other processes that hold it and stand still for the same reason: none of them waits for another.
    pub(crate) fn alike(&self) -> Vec<u32> {
        alike(self.judged)
    }

    /// Whether it is this process that does not read it, or one that stands still as well.
    pub(crate) fn concerns(&self, pid: u32) -> bool {
        self.holder.is_none_or(|holder| holder.pid == pid) || self.alike().contains(&pid)
    }

    /// Those who wait for each other, each once, beginning with its own; empty where nobody does.
    pub(crate) fn circle(&self) -> Vec<u32> {
        if !self.judged.root.as_ref().is_some_and(Root::is_circle) {
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
    pub(crate) fn of(judged: &Judged, socket: &SocketEntry) -> Standing {
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
            (Reading::Unknown, _) if may_hold(socket) => Standing::Unknown,
            (Reading::Draining, _) => Standing::ReaderDraining,
            (_, Writing::Draining) => Standing::WriterDraining,
            _ => Standing::Idle,
        }
    }
}

fn accept_queue(socket: &SocketEntry) -> Option<(u32, Option<u32>)> {
    match (socket.socket.recv_q, socket.socket.send_q) {
        (RecvQueue::Connections(waiting), SendQueue::BacklogLimit(limit)) => Some((waiting.0, Some(limit.0))),
        (RecvQueue::Connections(waiting), _) => Some((waiting.0, None)),
        _ => None,
    }
}

/// Whether something may wait to be read: what is unknown may, and what is in a ring.
fn may_hold(socket: &SocketEntry) -> bool {
    let side = &socket.footprint.received;
    let in_ring = socket.socket.rings.filter(|rings| rings.rx.is_some());
    in_ring.is_some_and(|rings| rings.fill.is_none_or(|fill| fill.full > 0))
        || side.payload.map_or(side.charged.is_none_or(|charged| charged.0 > 0), |payload| payload.0 > 0)
}

/// Who is to read a socket, or to accept it: the one that the cause is about, else one of these processes,
/// else the first.
fn holder(judged: &Judged, socket: &SocketEntry, pids: &[u32]) -> Option<Holder> {
    let of = |pid: u32| socket.holders.iter().find(|holder| holder.pid == pid).copied();
    let blamed = judged.cause.as_ref().and_then(|cause| cause.pid).and_then(of);
    blamed.or_else(|| pids.iter().find_map(|pid| of(*pid))).or(socket.holders.first().copied())
}

fn alike(judged: &Judged) -> Vec<u32> {
    let cause = judged.cause.as_ref().filter(|_| judged.root.is_none());
    let facts = cause.into_iter().flat_map(|cause| cause.evidence.iter().map(|fact| (cause.code, fact)));
    let alike = facts.filter_map(|(code, fact)| match fact {
        Fact::AlsoHeld { pid, code: other } if *other == code => Some(*pid),
        _ => None,
    });
    alike.collect()
}

fn culprit(judged: &Judged, holder: Option<Holder>) -> Option<(Holder, &End)> {
    let root = judged.root.as_ref().filter(|root| !root.is_unsure())?;
    let reader = root.reader()?;
    (Some(reader.pid) != holder.map(|holder| holder.pid)).then_some((reader, &root.end))
}

fn is_inferred(judged: &Judged) -> bool {
    let root = judged.root.iter();
    let mut links = root.flat_map(|root| &root.links);
    links.any(|link| matches!(link.wait, Wait::EventLoop | Wait::OneThread | Wait::Handed | Wait::Poll))
}

/// The name of a process, as far as a sample tells.
pub(crate) fn comm(sample: &Sample, pid: u32) -> Option<&[u8]> {
    let held = sample.snapshot.process(pid).and_then(|process| process.comm.as_deref());
    held.or_else(|| sample.processes.get(&pid)?.comm.as_deref())
}
