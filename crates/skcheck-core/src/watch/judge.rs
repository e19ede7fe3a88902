//! Two samples in, what became of each socket out. Pure.

mod pairs;

use rustc_hash::FxHashSet;

use crate::holders::Holder;
use crate::snapshot::{Holding, Report};
use crate::socket::State;
use crate::watch::chain::{self, Peers};
use crate::watch::judge::pairs::Places;
use crate::watch::progress::{self, Pair, Reading, Span, Writing, rates};
use crate::watch::scene::Scene;
use crate::watch::{Judged, Judgement, Sample, StillOpen, trend};

/// Says what became of each socket between two samples, and why those that stand still do.
///
/// Samples in the wrong order have no window: of what waits nothing is known then.
pub fn judge(before: &Sample, now: &Sample) -> Judgement {
    let span = Span { before, now, window: now.at.saturating_sub(before.at) };
    let places = pairs::join(&before.snapshot, &now.snapshot);
    let mut sockets: Vec<Judged> = places.iter().map(|places| read(&span, places)).collect();
    wait_their_turn(&span, &mut sockets);
    let peers = Peers::new(&now.snapshot.sockets);
    write(&span, &peers, &mut sockets);
    explain(&span, peers, &mut sockets);
    Judgement { window: span.window, sockets, trend: trend::trend(&span) }
}

fn report(sample: &Sample, at: Option<usize>) -> Option<&Report> {
    sample.snapshot.sockets.get(at?)
}

fn pair<'a>(span: &Span<'a>, judged: &Judged) -> Pair<'a> {
    let (before, now) = (report(span.before, judged.before), report(span.now, judged.now));
    Pair { key: judged.key, before, now }
}

/// How the receiving side went, and what two samples tell beside.
fn read(span: &Span<'_>, places: &Places) -> Judged {
    let Places { key, before, now } = *places;
    let pair = Pair { key, before: report(span.before, before), now: report(span.now, now) };
    let span = &span.of(&pair);
    let received = progress::received(span, &pair);
    let rate = |bytes: Option<u64>| bytes.and_then(|bytes| rates::per_second(bytes, span.window));
    let both = pair.before.zip(pair.now);
    Judged {
        key,
        now,
        before,
        reading: received.reading,
        writing: Writing::Unknown,
        consumed: rate(received.consumed),
        consumed_at_least: received.at_least,
        arriving: rate(received.arrived),
        accepted: received.accepted,
        until: received.until,
        unread_age: received.age,
        drops: both.filter(|_| !span.window.is_zero()).and_then(|(before, now)| drops(before, now)),
        window_closed: None,
        closed: now.is_none() && span.now.drained.get(&key) == Some(&StillOpen::No),
        held_by: both.map(|(before, now)| held_by(before, now)).unwrap_or_default(),
        cause: None,
        root: None,
    }
}

/// The kernel's count is of 32 bits, and wraps.
fn drops(before: &Report, now: &Report) -> Option<u32> {
    Some(now.socket.skmem.drops?.wrapping_sub(before.socket.skmem.drops?))
}

/// Who held it before, where others do now. Holders that may not be seen any more can be the same.
fn held_by(before: &Report, now: &Report) -> Vec<Holder> {
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
    let listeners = sockets.iter().filter(is_at_work).filter_map(|judged| report(span.now, judged.now));
    let listeners = listeners.filter(|report| report.socket.state == State::Listen);
    let at_work: FxHashSet<Holder> = listeners.flat_map(|report| report.holders.iter().copied()).collect();
    for judged in sockets.iter_mut().filter(|judged| judged.reading == Reading::Stalled) {
        let Some(report) = report(span.now, judged.now) else { continue };
        let waits = matches!(report.holding, Holding::AwaitingAccept { .. });
        if waits && report.holders.iter().any(|holder| at_work.contains(holder)) {
            judged.reading = Reading::Slow;
        }
    }
}

/// How the sending side went: for unix sockets their reader tells.
fn write(span: &Span<'_>, peers: &Peers, sockets: &mut [Judged]) {
    let readings = by_place(span, sockets, |judged| judged.reading);
    for judged in sockets {
        let reader = judged.now.and_then(|now| peers.of(&span.now.snapshot.sockets, now));
        let reading = reader.and_then(|reader| readings.get(reader).copied().flatten());
        (judged.writing, judged.window_closed) = progress::writing(span, &pair(span, judged), reading);
    }
}

/// Why those that stand still do.
fn explain(span: &Span<'_>, mut peers: Peers, sockets: &mut [Judged]) {
    if sockets.iter().any(|judged| judged.writing == Writing::Stalled) {
        peers.add_tcp(&span.now.snapshot.sockets);
    }
    let progress = by_place(span, sockets, |judged| (judged.reading, judged.writing));
    let unknown = (Reading::Unknown, Writing::Unknown);
    let progress: Vec<(Reading, Writing)> = progress.into_iter().map(|it| it.unwrap_or(unknown)).collect();
    let mut scene = Scene::new(span, peers, &progress);
    for judged in sockets.iter().filter(|judged| !judged.held_by.is_empty()) {
        if let Some(at) = judged.now {
            scene.add_held_by(at, &judged.held_by);
        }
    }
    for judged in sockets {
        let Some(at) = judged.now else { continue };
        if judged.reading == Reading::Stalled {
            let (cause, root) = chain::of_reader(&scene, at).unzip();
            (judged.cause, judged.root) = (cause, root.flatten());
        } else if judged.writing == Writing::Stalled {
            judged.root = chain::of_writer(&scene, at);
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
