//! How a listener goes: whether the connections that wait there are accepted. Pure.
//!
//! The kernel counts who waits, and not who was accepted. But it names them, and whoever waits in both
//! samples was not accepted in between. One that has gone was, unless its client has reset it: then it still
//! counts, and has no name any more.

use rustc_hash::FxHashSet;

use crate::model::queues::{RecvQueue, SendQueue};
use crate::model::state::State;
use crate::model::units::Connections;
use crate::snapshot::entry::{SocketEntry, Waiter};
use crate::watch::progress::{Reading, Received, Span, ran};

/// An accept queue.
#[derive(Debug, Clone, Copy)]
pub(in crate::watch) struct Queue {
    pub(in crate::watch) waiting: u32,
    pub(in crate::watch) limit: Option<u32>,
}

impl Queue {
    /// That of a listener; `None` for another socket, and where the kernel does not tell.
    pub(in crate::watch) fn of(listener: &SocketEntry) -> Option<Queue> {
        let RecvQueue::Connections(Connections(waiting)) = listener.socket.recv_q else { return None };
        let limit = match listener.socket.send_q {
            SendQueue::BacklogLimit(Connections(limit)) => Some(limit),
            _ => None,
        };
        (listener.socket.state == State::Listen).then_some(Queue { waiting, limit })
    }

    /// One more than the limit fits (`sk_acceptq_is_full`); at the limit it is as good as full.
    pub(in crate::watch) fn is_full(self) -> bool {
        self.limit.is_some_and(|limit| self.waiting >= limit.max(1))
    }
}

/// Judges a listener. Connections that are accepted count as what is read.
pub(super) fn received(span: &Span<'_>, before: Option<&SocketEntry>, now: &SocketEntry) -> Received {
    let Some(is) = Queue::of(now) else { return Received::just(Reading::Unknown) };
    if is.waiting == 0 {
        return Received::just(Reading::Idle);
    }
    let both = before.and_then(|before| Some((before, Queue::of(before)?)));
    let Some((before, was)) = both.filter(|_| !span.window.is_zero()) else {
        return Received::just(Reading::Unknown);
    };
    let (stayed, left) = compare(&before.waiters, &now.waiters);
    // Those that wait without a name were reset by their clients.
    let nameless = |queue: Queue, report: &SocketEntry| {
        u64::from(queue.waiting).saturating_sub(report.waiters.len() as u64)
    };
    let reset = nameless(is, now).saturating_sub(nameless(was, before));
    let accepted = left.saturating_sub(reset).max(was.waiting.saturating_sub(is.waiting).into());
    if accepted > 0 {
        let grows = is.is_full() || is.waiting > was.waiting;
        let reading = if grows { Reading::Slow } else { Reading::Draining };
        return Received { accepted: Some(accepted), ..Received::just(reading) };
    }
    let all_stayed = stayed > 0 && left <= reset;
    if was.waiting > 0 && (all_stayed || ran::slept(span, before, now, &now.holders)) {
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
