//! How a listener goes: whether the connections that wait there are accepted. Pure.
//!
//! The kernel counts who waits, and not who was accepted. But it names them, and whoever waits in both
//! samples was not accepted in between. One that has gone was, unless its client has reset it: then it still
//! counts, and has no name any more.

use rustc_hash::FxHashSet;

use crate::snapshot::entry::{SocketEntry, Waiter};
use crate::watch::judge::accept_queue::AcceptQueue;
use crate::watch::judge::progress::flow::Received;
use crate::watch::judge::progress::scheduling;
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::span::Span;

/// Judges a listener. Connections that are accepted count as what is read.
pub(crate) fn received(span: &Span<'_>, before: Option<&SocketEntry>, now: &SocketEntry) -> Received {
    let Some(is) = AcceptQueue::of(now) else { return Received::just(Reading::Unknown) };
    if is.waiting == 0 {
        return Received::just(Reading::Idle);
    }
    let both = before.and_then(|before| Some((before, AcceptQueue::of(before)?)));
    let Some((before, was)) = both.filter(|_| !span.window.is_zero()) else {
        return Received::just(Reading::Unknown);
    };
    let (stayed, left) = compare(&before.waiters, &now.waiters);
    // Those that wait without a name were reset by their clients.
    let nameless = |queue: AcceptQueue, entry: &SocketEntry| {
        u64::from(queue.waiting).saturating_sub(entry.waiters.len() as u64)
    };
    let reset = nameless(is, now).saturating_sub(nameless(was, before));
    let accepted = left.saturating_sub(reset).max(was.waiting.saturating_sub(is.waiting).into());
    if accepted > 0 {
        let grows = is.is_full() || is.waiting > was.waiting;
        let reading = if grows { Reading::Slow } else { Reading::Draining };
        return Received { accepted: Some(accepted), ..Received::just(reading) };
    }
    let all_stayed = stayed > 0 && left <= reset;
    if was.waiting > 0 && (all_stayed || scheduling::slept(span, before, now, &now.holders)) {
        let age = Some(span.window);
        return Received { accepted: Some(0), age, ..Received::just(Reading::Stalled) };
    }
    Received::just(Reading::Unknown)
}

/// How many wait in both samples, and how many in the earlier one alone.
fn compare(before: &[Waiter], now: &[Waiter]) -> (u64, u64) {
    let now: FxHashSet<&Waiter> = now.iter().collect();
    let stayed = before.iter().filter(|waiter| now.contains(waiter)).count() as u64;
    (stayed, before.len() as u64 - stayed)
}
