//! Which processes are worth a look. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::model::holder::Holder;
use crate::model::queues::RecvQueue;
use crate::model::units::{Connections, Truesize};
use crate::occupancy::would_block;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::counters::{acked, never_began, outstanding};
use crate::watch::evidence::key::KeyedSockets;
use crate::watch::evidence::sample::Sample;

/// How many processes are looked at closely in one sample.
pub(crate) const MOST_CLOSELY: usize = 64;

/// How many others are looked at.
const MOST_LIGHTLY: usize = 64;

/// The processes to look at, the heaviest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Holders of readers that stand still, and of others that can be held up themselves, each followed by
    /// those that keep it from writing.
    pub(crate) closely: Vec<u32>,
    /// Other holders of unread data.
    pub(crate) lightly: Vec<u32>,
}

/// Chooses by what has moved since `before`; those that were asked for, and who keeps these waiting, go
/// before all others.
pub(crate) fn candidates(before: Option<&Sample>, now: &Sample) -> Chosen {
    let moved = Moved::new(before, now);
    let (mut still, mut unread) = (Weights::default(), Weights::default());
    let mut kept_by: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (at, entry) in now.snapshot.sockets.iter().enumerate() {
        let asked_for = at < now.asked_for;
        if has_unread(entry) {
            unread.add(&entry.holders, entry, asked_for);
            let is_still = moved.reader_is_still(entry);
            let holders = entry.holders.iter().copied();
            let slow = holders.filter(|holder| is_still || moved.clogged.contains(&holder.pid));
            still.add(&slow.collect::<Vec<Holder>>(), entry, asked_for);
        }
        if moved.writer_is_still(entry) {
            if asked_for && waits_for_another(entry).next().is_some() {
                still.add(&entry.peer_holders, entry, true);
            }
            for holder in &entry.holders {
                let peers = entry.peer_holders.iter().map(|peer| peer.pid);
                kept_by.entry(holder.pid).or_default().extend(peers);
            }
        }
    }
    let closely = follow(&still.heaviest(), &kept_by);
    let seen: FxHashSet<u32> = closely.iter().copied().collect();
    let mut lightly = unread.heaviest();
    lightly.retain(|pid| !seen.contains(pid));
    lightly.truncate(MOST_LIGHTLY);
    Chosen { closely, lightly }
}

/// What has moved since the sample before. Who moves at all is known only from the second sample on.
struct Moved<'a> {
    before: Option<&'a Sample>,
    now: &'a Sample,
    was: KeyedSockets<'a>,
    /// Processes that may not read on because they cannot write to another.
    clogged: FxHashSet<u32>,
}

impl<'a> Moved<'a> {
    fn new(before: Option<&'a Sample>, now: &'a Sample) -> Moved<'a> {
        let earlier = before.into_iter().flat_map(|before| &before.snapshot.sockets);
        let clogged = now.snapshot.sockets.iter().filter(|entry| before.is_some() && is_clogged(entry));
        Moved {
            before,
            now,
            was: KeyedSockets::of(earlier),
            clogged: clogged.flat_map(waits_for_another).collect(),
        }
    }

    fn reader_is_still(&self, entry: &SocketEntry) -> bool {
        let Some(was) = self.was.same_as(entry) else {
            let window = |before: &Sample| self.now.at.saturating_sub(before.at);
            return self.before.is_some_and(|before| never_began(entry, window(before)));
        };
        let first = self.before.and_then(|before| before.first_packet(was));
        let both = first.zip(self.now.first_packet(entry));
        reader_is_still(was, entry) && both.is_none_or(|(was, is)| was == is)
    }

    fn writer_is_still(&self, entry: &SocketEntry) -> bool {
        self.before.is_some() && is_clogged(entry)
            || self.was.same_as(entry).is_some_and(|was| writer_is_still(was, entry))
    }
}

/// Who holds a socket at whose other end there is, or can be, another process.
fn waits_for_another(entry: &SocketEntry) -> impl Iterator<Item = u32> {
    let pids = entry.holders.iter().map(|holder| holder.pid);
    let is_own =
        |pid: u32| !entry.peer_holders.is_empty() && entry.peer_holders.iter().all(|peer| peer.pid == pid);
    pids.filter(move |pid| !is_own(*pid))
}

/// Whether a write would block.
fn is_clogged(entry: &SocketEntry) -> bool {
    outstanding(&entry.socket).is_some_and(|unsent| unsent > 0) && would_block(&entry.socket)
}

/// What each process holds: whether anything of it was asked for, and how much that is.
#[derive(Default)]
struct Weights(BTreeMap<u32, (bool, u64)>);

impl Weights {
    fn add(&mut self, holders: &[Holder], entry: &SocketEntry, asked_for: bool) {
        let charged = entry.footprint.received.charged.map_or(0, |Truesize(bytes)| bytes);
        let ring = if ring_waits(entry) { entry.footprint.rings.map_or(0, |rings| rings.0) } else { 0 };
        let weight = charged.max(ring).max(entry.socket.recv_q.size().unwrap_or(0));
        // A socket that a process holds twice weighs twice: it matters for the order alone.
        for holder in holders {
            let (asked, sum) = self.0.entry(holder.pid).or_default();
            (*asked, *sum) = (*asked || asked_for, sum.saturating_add(weight));
        }
    }

    fn heaviest(self) -> Vec<u32> {
        let mut pids: Vec<(u32, (bool, u64))> = self.0.into_iter().collect();
        pids.sort_by_key(|(pid, weight)| (Reverse(*weight), *pid));
        pids.into_iter().map(|(pid, _)| pid).collect()
    }
}

/// Each process, and right behind it those that keep it from writing, and so on: the end of the heaviest
/// one's chain matters more than the next one.
fn follow(seeds: &[u32], kept_by: &BTreeMap<u32, BTreeSet<u32>>) -> Vec<u32> {
    let (mut order, mut seen) = (Vec::new(), FxHashSet::default());
    for seed in seeds {
        let mut open = vec![*seed];
        while let Some(pid) = open.pop() {
            if order.len() == MOST_CLOSELY {
                return order;
            }
            if seen.insert(pid) {
                order.push(pid);
                open.extend(kept_by.get(&pid).into_iter().flatten());
            }
        }
    }
    order
}

fn has_unread(entry: &SocketEntry) -> bool {
    entry.socket.recv_q.holds_something()
        || entry.footprint.received.charged.is_some_and(|charge| charge.0 > 0)
        || entry.footprint.received.payload.is_some_and(|payload| payload.0 > 0)
        || ring_waits(entry)
}

/// Whether a ring has something that its program has not given back.
fn ring_waits(entry: &SocketEntry) -> bool {
    entry.socket.rings.and_then(|rings| rings.fill).is_some_and(|fill| fill.full > 0)
}

/// Whether nothing tells that anything was read.
fn reader_is_still(was: &SocketEntry, now: &SocketEntry) -> bool {
    if let Some((was, now)) = consumed(was).zip(consumed(now)) {
        return now == was;
    }
    let payload = |entry: &SocketEntry| entry.footprint.received.payload.map(|payload| payload.0);
    let has_shrunk = |size: &dyn Fn(&SocketEntry) -> Option<u64>| {
        size(was).zip(size(now)).is_some_and(|(was, now)| now < was)
    };
    !has_shrunk(&payload) && !has_shrunk(&|entry| waiting(entry.socket.recv_q))
}

/// What a TCP application has consumed so far, in bytes; a FIN counts in both.
fn consumed(entry: &SocketEntry) -> Option<u64> {
    let received = entry.socket.tcp_info?.bytes_received?;
    let RecvQueue::Payload(unread) = entry.socket.recv_q else { return None };
    received.checked_sub(unread.0)
}

fn waiting(queue: RecvQueue) -> Option<u64> {
    match queue {
        RecvQueue::Connections(Connections(count)) => Some(count.into()),
        other => other.size(),
    }
}

/// Whether there is something to be taken, and nothing tells that anything was.
fn writer_is_still(was: &SocketEntry, now: &SocketEntry) -> bool {
    let size = |entry: &SocketEntry| outstanding(&entry.socket);
    let acked = |entry: &SocketEntry| acked(&entry.socket);
    let Some(now_unsent) = size(now).filter(|unsent| *unsent > 0) else { return false };
    match acked(was).zip(acked(now)) {
        Some((was, now)) => now == was,
        None => size(was).is_some_and(|was| now_unsent >= was),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
