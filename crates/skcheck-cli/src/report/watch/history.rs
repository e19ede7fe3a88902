//! What a watch remembers from one window to the next: a constant amount for each reader that stands
//! still or has dropped packets, and for each cause that was found. No strings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use skcheck_core::watch::cause::{CauseCode, End};
use skcheck_core::watch::progress::Reading;
use skcheck_core::watch::{Judged, Judgement, Sample, SocketKey};
use skcheck_core::{Holder, Holding};

use crate::report::watch::blame::{HeldUp, alike, comm, holder};
use crate::report::watch::standing::{Standing, StandingCounts};

/// How many different causes are remembered: a host on which everything ends and begins again must not
/// make a long watch grow.
const MOST_CAUSES: usize = 64;

/// How many processes are remembered that one cause keeps from reading, and that may be behind one.
const MOST_HELD_UP: usize = 16;

/// What was seen since a watch began.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// How long was watched.
    pub(crate) watched: Duration,
    /// How many windows that were.
    pub(crate) windows: u64,
    /// Packets that were dropped: a count.
    pub(crate) drops: u64,
    /// Bytes that readers consumed, of those of whom that can be told; `None` where it can be told of none.
    pub(crate) consumed: Option<u64>,
    /// They consumed that much at least.
    pub(crate) consumed_at_least: bool,
    /// Bytes that arrived for them, in the same way.
    pub(crate) arrived: Option<u64>,
    /// The reader or listener that stood still for the longest time, whether it still does or not.
    pub(crate) longest: Option<Stall>,
    /// Why readers stood still.
    causes: BTreeMap<BlamedCause, CauseTally>,
    /// Readers and listeners that stand still, and since when.
    since: BTreeMap<SocketKey, Since>,
    /// What sockets have dropped since they were first seen, where that is anything.
    dropped: BTreeMap<SocketKey, u64>,
}

/// When a socket began to stand still, and how it stands.
#[derive(Debug, Clone, Copy)]
struct Since {
    began: Duration,
    standing: Standing,
}

/// A reader that stood still, or a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stall {
    pub(crate) time: Duration,
    pub(crate) holder: Option<Holder>,
    pub(crate) comm: Option<Vec<u8>>,
    /// It still did in the end.
    pub(crate) lasts: bool,
    /// It is a listener, or a connection that waits at one.
    pub(crate) accepts: bool,
    /// It is in a message that nobody has received: its descriptor is that of another socket.
    pub(crate) in_flight: bool,
    key: SocketKey,
}

/// A cause, and whose it is: that at the end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlamedCause {
    /// `None`: it reads, and slowly, and nothing shows why.
    pub(crate) code: Option<CauseCode>,
    pub(crate) pid: Option<u32>,
}

/// How often a cause was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CauseTally {
    pub(crate) comm: Option<Vec<u8>>,
    /// In so many windows.
    pub(crate) windows: u64,
    /// For so many sockets at once, at most.
    pub(crate) sockets: u64,
    /// The processes that it keeps from reading, beside its own, each with its name; the first few.
    pub(crate) holds_up: BTreeMap<u32, Option<Vec<u8>>>,
    /// That it does so is inferred for one of them.
    pub(crate) is_inferred: bool,
    /// Processes that hold the same and stand still for the same reason; the first few.
    pub(crate) alike: BTreeMap<u32, Option<Vec<u8>>>,
    /// The processes one of which keeps it from reading, where it cannot be told which, or whether; the first
    /// few.
    pub(crate) perhaps_by: BTreeMap<u32, Option<Vec<u8>>>,
}

/// For how many sockets a cause was found in one window, and whom it keeps from reading.
#[derive(Default)]
struct Once {
    sockets: u64,
    holds_up: BTreeSet<u32>,
    is_inferred: bool,
    alike: BTreeSet<u32>,
    perhaps_by: BTreeSet<u32>,
}

impl History {
    /// Takes one more window into account.
    pub(crate) fn note(&mut self, before: &Sample, now: &Sample, judgement: &Judgement) {
        self.windows += 1;
        self.watched = self.watched.saturating_add(judgement.window);
        let mut since = BTreeMap::new();
        let mut dropped = BTreeMap::new();
        let mut reasons: BTreeMap<BlamedCause, Once> = BTreeMap::new();
        for judged in judgement.sockets.iter().filter(|judged| judged.asked_for) {
            let drops = u64::from(judged.drops.unwrap_or(0));
            self.drops = self.drops.saturating_add(drops);
            let so_far = self.dropped.get(&judged.key).copied().unwrap_or(0).saturating_add(drops);
            if so_far > 0 && judged.now.is_some() {
                dropped.insert(judged.key, so_far);
            }
            add(&mut self.consumed, judged.consumed, judgement.window);
            add(&mut self.arrived, judged.arriving, judgement.window);
            self.consumed_at_least |= judged.consumed_at_least && judged.consumed > Some(0);
            let socket = judged.now.and_then(|now_at| now.snapshot.sockets.get(now_at));
            if let Some(socket) = socket.filter(|_| judged.reading == Reading::Stalled) {
                let began = self.since.get(&judged.key).map_or(before.at, |since| since.began);
                since.insert(judged.key, Since { began, standing: Standing::of(judged, socket) });
                if let Some(reason) = reason(judged) {
                    let once = reasons.entry(reason).or_default();
                    once.sockets += 1;
                    if let Some(held_up) = HeldUp::of(judged, holder(judged, socket, &[])) {
                        once.holds_up.insert(held_up.victim);
                        once.is_inferred |= held_up.is_inferred;
                    }
                    once.alike.extend(alike(judged));
                    once.perhaps_by.extend(perhaps_by(judged));
                }
            }
        }
        (self.since, self.dropped) = (since, dropped);
        self.note_longest(now, judgement);
        for (reason, once) in reasons {
            self.found(reason, &once, now);
        }
    }

    /// How long the reader of this socket has stood still at that time; `None` where it does not.
    pub(crate) fn stalled_for(&self, key: &SocketKey, at: Duration) -> Option<Duration> {
        self.since.get(key).map(|since| at.saturating_sub(since.began))
    }

    /// What a socket has dropped since it was first seen; `None` where the kernel does not tell.
    pub(crate) fn dropped(&self, judged: &Judged) -> Option<u64> {
        self.dropped.get(&judged.key).copied().or_else(|| judged.drops.map(u64::from))
    }

    /// How many sockets stand still in the end.
    pub(crate) fn stalled(&self) -> StandingCounts {
        StandingCounts::of(self.since.values().map(|since| since.standing))
    }

    /// Why readers stood still, the most frequent first.
    pub(crate) fn causes(&self) -> Vec<(BlamedCause, &CauseTally)> {
        let mut causes: Vec<(BlamedCause, &CauseTally)> =
            self.causes.iter().map(|(reason, found)| (*reason, found)).collect();
        causes.sort_by_key(|(_, found)| std::cmp::Reverse((found.windows, found.sockets)));
        causes
    }

    fn note_longest(&mut self, now: &Sample, judgement: &Judgement) {
        let oldest = self.since.iter().min_by_key(|(_, since)| since.began);
        if let Some((key, Since { began, standing })) = oldest {
            let time = now.at.saturating_sub(*began);
            if self.longest.as_ref().is_none_or(|longest| time >= longest.time) {
                let judged = judgement.sockets.iter().find(|judged| judged.key == *key);
                let holder =
                    judged.and_then(|judged| holder(judged, now.snapshot.sockets.get(judged.now?)?, &[]));
                let name = holder.and_then(|holder| comm(now, holder.pid)).map(<[u8]>::to_vec);
                let accepts = matches!(standing, Standing::NobodyAccepts | Standing::NotAccepted);
                let socket = judged.and_then(|judged| now.snapshot.sockets.get(judged.now?));
                let in_flight = socket.is_some_and(|it| matches!(it.holding, Holding::InFlight { .. }));
                self.longest =
                    Some(Stall { time, holder, comm: name, lasts: true, accepts, in_flight, key: *key });
            }
        }
        if let Some(longest) = &mut self.longest {
            longest.lasts = self.since.contains_key(&longest.key);
        }
    }

    fn found(&mut self, reason: BlamedCause, once: &Once, now: &Sample) {
        if self.causes.len() >= MOST_CAUSES && !self.causes.contains_key(&reason) {
            return;
        }
        let found = self.causes.entry(reason).or_default();
        found.windows += 1;
        found.sockets = found.sockets.max(once.sockets);
        if found.comm.is_none() {
            found.comm = reason.pid.and_then(|pid| comm(now, pid)).map(<[u8]>::to_vec);
        }
        found.is_inferred |= once.is_inferred;
        remember(&mut found.holds_up, &once.holds_up, now);
        remember(&mut found.alike, &once.alike, now);
        remember(&mut found.perhaps_by, &once.perhaps_by, now);
    }
}

/// Adds processes, with their names, as long as there is room.
fn remember(known: &mut BTreeMap<u32, Option<Vec<u8>>>, pids: &BTreeSet<u32>, now: &Sample) {
    for pid in pids {
        if known.len() < MOST_HELD_UP {
            known.entry(*pid).or_insert_with(|| comm(now, *pid).map(<[u8]>::to_vec));
        }
    }
}

/// Whose reading a process may wait for that does not read: of several, or of one beside other readers.
fn perhaps_by(judged: &Judged) -> impl Iterator<Item = u32> {
    let links = judged.root.iter().flat_map(|root| match &root.end {
        End::OneOf(links) => links.as_slice(),
        _ if root.is_unsure() => root.links.as_slice(),
        _ => &[],
    });
    let own = judged.cause.as_ref().and_then(|cause| cause.pid);
    links.filter_map(|link| link.reader).map(|reader| reader.pid).filter(move |pid| Some(*pid) != own)
}

/// The cause at the end of a chain; that of the socket where there is none.
fn reason(judged: &Judged) -> Option<BlamedCause> {
    let root = judged.root.as_ref().filter(|root| !root.is_unsure());
    match (root.map(|root| &root.end), &judged.cause) {
        (Some(End::Stalled(reader, cause)), _) => {
            Some(BlamedCause { code: Some(cause.code), pid: Some(reader.pid) })
        }
        (Some(End::Slow(reader, _, why)), _) => {
            Some(BlamedCause { code: why.as_ref().map(|cause| cause.code), pid: Some(reader.pid) })
        }
        (_, Some(cause)) => Some(BlamedCause { code: Some(cause.code), pid: cause.pid }),
        (_, None) => None,
    }
}

/// Adds what a rate is in a window, where it is known.
fn add(sum: &mut Option<u64>, per_second: Option<u64>, window: Duration) {
    let Some(per_second) = per_second else { return };
    let bytes = u64::try_from(u128::from(per_second) * window.as_millis() / 1000).unwrap_or(u64::MAX);
    *sum = Some(sum.unwrap_or(0).saturating_add(bytes));
}
