//! Two samples in, what became of each socket out, pass by pass. Pure.

use rustc_hash::FxHashSet;

use crate::model::holder::Holder;
use crate::model::state::State;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::evidence::sample::{Sample, StillOpen};
use crate::watch::judge::cause::link::Pace;
use crate::watch::judge::chain::explanation;
use crate::watch::judge::judgement::{Judged, Judgement};
use crate::watch::judge::matching::SocketPlaces;
use crate::watch::judge::progress::arrival::{OtherEnd, not_arriving};
use crate::watch::judge::progress::state::{Reading, Writing};
use crate::watch::judge::progress::{headroom, rates, receive_side, ring, send_side};
use crate::watch::judge::scene::Scene;
use crate::watch::judge::scene::peers::Peers;
use crate::watch::judge::scene::socket_progress::{SceneSocket, SocketProgress};
use crate::watch::judge::span::{SocketPair, Span};
use crate::watch::judge::{matching, trend};

/// Says what became of each socket between two samples, and why those that stand still do.
///
/// Samples in the wrong order have no window: of what waits nothing is known then.
pub fn judge(before: &Sample, now: &Sample) -> Judgement {
    let span = Span { before, now, window: now.at.saturating_sub(before.at) };
    let places = matching::join(&before.snapshot, &now.snapshot);
    let mut sockets: Vec<Judged> = places.iter().map(|places| read(&span, places)).collect();
    wait_their_turn(&span, &mut sockets);
    let mut peers = Peers::new(&now.snapshot.sockets);
    write(&span, &peers, &mut sockets);
    if sockets.iter().any(|judged| judged.writing != Writing::Idle) {
        peers.add_tcp(&now.snapshot.sockets);
    }
    refill(&span, &peers, &mut sockets);
    arrive(&span, &peers, &mut sockets);
    explain(&span, peers, &mut sockets);
    Judgement { window: span.window, sockets, trend: trend::trend(&span) }
}

fn entry(sample: &Sample, at: Option<usize>) -> Option<&SocketEntry> {
    sample.snapshot.sockets.get(at?)
}

fn is_asked_for(sample: &Sample, at: Option<usize>) -> bool {
    at.is_some_and(|at| at < sample.asked_for)
}

fn pair<'a>(span: &Span<'a>, judged: &Judged) -> SocketPair<'a> {
    let (before, now) = (entry(span.before, judged.before), entry(span.now, judged.now));
    SocketPair { key: judged.key, before, now }
}

/// How the receiving side went, and what two samples tell beside.
fn read(span: &Span<'_>, places: &SocketPlaces) -> Judged {
    let SocketPlaces { key, before, now } = *places;
    let pair = SocketPair { key, before: entry(span.before, before), now: entry(span.now, now) };
    let span = &span.of(&pair);
    let received = receive_side::received(span, &pair);
    let rate = |bytes: Option<u64>| bytes.and_then(|bytes| rates::per_second(bytes, span.window));
    let both = pair.before.zip(pair.now);
    let drops = both.filter(|_| !span.window.is_zero()).and_then(|(before, now)| drops(before, now));
    Judged {
        now,
        before,
        reading: received.reading,
        consumed: rate(received.consumed),
        consumed_at_least: received.at_least,
        arriving: rate(received.arrived),
        accepted: received.accepted,
        until: received.until,
        unread_age: received.age,
        drops,
        drops_per_second: rate(drops.map(u64::from)),
        asked_for: is_asked_for(span.now, now) || now.is_none() && is_asked_for(span.before, before),
        closed: now.is_none() && span.now.drained.get(&key) == Some(&StillOpen::No),
        held_by: both.map(|(before, now)| held_by(before, now)).unwrap_or_default(),
        ..Judged::new(key)
    }
}

/// The kernel's count is of 32 bits, and wraps.
fn drops(before: &SocketEntry, now: &SocketEntry) -> Option<u32> {
    if now.socket.rings.is_some_and(|rings| rings.rx.is_some()) {
        return ring::dropped(before, now);
    }
    Some(now.socket.skmem.drops?.wrapping_sub(before.socket.skmem.drops?))
}

/// Who held it before, where others do now. Holders that may not be seen any more can be the same.
fn held_by(before: &SocketEntry, now: &SocketEntry) -> Vec<Holder> {
    let was_held = before.holding == Holding::Descriptors;
    if was_held && now.holding != Holding::Hidden && before.holders != now.holders {
        before.holders.clone()
    } else {
        Vec::new()
    }
}

/// A connection that waits at a listener which accepts others does not stand still: it will have its turn.
fn wait_their_turn(span: &Span<'_>, sockets: &mut [Judged]) {
    let is_at_work = |judged: &&Judged| matches!(judged.reading, Reading::Slow | Reading::Draining);
    let listeners = sockets.iter().filter(is_at_work).filter_map(|judged| entry(span.now, judged.now));
    let listeners = listeners.filter(|entry| entry.socket.state == State::Listen);
    let at_work: FxHashSet<Holder> = listeners.flat_map(|entry| entry.holders.iter().copied()).collect();
    for judged in sockets.iter_mut().filter(|judged| judged.reading == Reading::Stalled) {
        let Some(entry) = entry(span.now, judged.now) else { continue };
        let waits = matches!(entry.holding, Holding::AwaitingAccept { .. });
        if waits && entry.holders.iter().any(|holder| at_work.contains(holder)) {
            judged.reading = Reading::Slow;
        }
    }
}

/// How the sending side went: for unix sockets their reader tells.
fn write(span: &Span<'_>, peers: &Peers, sockets: &mut [Judged]) {
    let readings = by_place(span, sockets, |judged| judged.reading);
    for judged in sockets {
        let reader = judged.now.and_then(|now| peers.of(now, |at| span.now.snapshot.sockets.get(at)));
        let reading = reader.and_then(|reader| readings.get(reader).copied().flatten());
        let pair = pair(span, judged);
        let span = &span.of(&pair);
        let sent = send_side::sent(span, &pair, reading);
        (judged.writing, judged.window_closed) = (sent.writing, sent.window_closed);
        judged.taken = sent.taken.and_then(|bytes| rates::per_second(bytes, span.window));
    }
}

/// What is read from a queue whose sender has more is filled in again: it will not be empty, and for that
/// sender it is full.
fn refill(span: &Span<'_>, peers: &Peers, sockets: &mut [Judged]) {
    let reports = &span.now.snapshot.sockets;
    let reads = |judged: &&mut Judged| matches!(judged.reading, Reading::Slow | Reading::Draining);
    for judged in sockets.iter_mut().filter(reads) {
        let sender =
            judged.now.and_then(|now| peers.of(now, |at| reports.get(at))).and_then(|at| reports.get(at));
        judged.sender_is_full = sender.is_some_and(|sender| headroom::is_full(&span.now.processes, sender));
        if judged.sender_is_full {
            judged.until = None;
        }
    }
}

/// Whether what those have sent arrives that stand still.
fn arrive(span: &Span<'_>, peers: &Peers, sockets: &mut [Judged]) {
    let reports = &span.now.snapshot.sockets;
    let consumed = by_place(span, sockets, |judged| judged.consumed);
    for judged in sockets.iter_mut().filter(|judged| judged.writing == Writing::Stalled) {
        let Some((at, writer)) = judged.now.and_then(|at| Some((at, reports.get(at)?))) else { continue };
        let reader = peers.of(at, |at| reports.get(at));
        let other = match reader.and_then(|at| Some((at, reports.get(at)?))) {
            Some((at, reader)) => OtherEnd::of(reader, consumed.get(at).copied().flatten().flatten()),
            // A sample has every socket that holds something.
            None if !writer.peer_holders.is_empty() => OtherEnd::Empty,
            None => OtherEnd::Unseen,
        };
        judged.not_arriving = not_arriving(writer, other);
    }
}

/// Why those that stand still do, and who keeps those that are slow.
fn explain(span: &Span<'_>, peers: Peers, sockets: &mut [Judged]) {
    let went = by_place(span, sockets, |judged| SocketProgress {
        reading: judged.reading,
        writing: judged.writing,
        pace: Pace { consumed: judged.consumed, at_least: judged.consumed_at_least },
        taken: judged.taken,
        age: judged.unread_age,
        window_closed: judged.window_closed,
        not_arriving: judged.not_arriving,
    });
    let scene_socket = |(entry, went): (_, &Option<SocketProgress>)| SceneSocket {
        entry,
        progress: went.unwrap_or(SocketProgress::UNKNOWN),
    };
    let entries = span.now.snapshot.sockets.iter();
    let mut scene = Scene::new(span, peers, entries.zip(&went).map(scene_socket).collect());
    for judged in sockets.iter().filter(|judged| !judged.held_by.is_empty()) {
        if let Some(at) = judged.now {
            scene.add_held_by(at, &judged.held_by);
        }
    }
    for judged in sockets {
        let Some(at) = judged.now else { continue };
        match (judged.reading, judged.writing) {
            (Reading::Stalled, _) => {
                let (cause, root) = explanation::of_reader(&scene, at).unzip();
                (judged.cause, judged.root) = (cause, root.flatten());
            }
            (_, Writing::Stalled) => judged.root = explanation::of_writer(&scene, at),
            (Reading::Slow | Reading::Draining, _) => {
                // At least as much is read as comes, and nobody has more.
                let has_caught_up = judged.reading == Reading::Draining && !judged.sender_is_full;
                let (cause, root) = explanation::of_slow_reader(&scene, at, has_caught_up).unzip();
                (judged.cause, judged.root) = (cause, root.flatten());
            }
            (_, Writing::Slow | Writing::Draining) => judged.root = explanation::of_writer(&scene, at),
            _ => {}
        }
    }
}

/// Something of each socket of the later sample, by its place there.
fn by_place<T: Clone>(span: &Span<'_>, sockets: &[Judged], of: fn(&Judged) -> T) -> Vec<Option<T>> {
    let mut all = vec![None; span.now.snapshot.sockets.len()];
    for judged in sockets {
        if let Some(slot) = judged.now.and_then(|now| all.get_mut(now)) {
            *slot = Some(of(judged));
        }
    }
    all
}
