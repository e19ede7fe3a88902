//! How a receiving side goes. Pure.

use std::time::Duration;

use crate::model::queues::RecvQueue;
use crate::model::state::State;
use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::counters::{has_waited, last_arrival, was_never_read};
use crate::watch::evidence::sample::StillOpen;
use crate::watch::judge::progress::flow::{Received, of_flow};
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::progress::{listener, ring, tcp, uncounted_queue};
use crate::watch::judge::span::{SocketPair, Span};

/// Judges a receive queue.
///
/// `span` is of this socket.
pub(crate) fn received(span: &Span<'_>, pair: &SocketPair<'_>) -> Received {
    let Some(now) = pair.now else { return gone(span, pair) };
    if now.socket.state == State::Listen {
        return listener::received(span, pair.before, now);
    }
    if let Some(received) = ring::received(span, pair.before, now) {
        return received;
    }
    let mut received = match pair.before {
        Some(before) if !span.window.is_zero() => {
            let is_counted = now.socket.protocol.row().is_counted;
            let received = if is_counted { of_tcp } else { uncounted_queue::received };
            received(span, before, now)
        }
        Some(_) => Received::just(Reading::Unknown),
        None => appeared(span, now),
    };
    if is_empty(now) {
        received = Received { reading: Reading::Idle, until: None, ..received };
    }
    received.age = age(span, pair.before, now, &received);
    received
}

/// A socket that holds nothing any more. What arrived and was read beside what waited is not known.
fn gone(span: &Span<'_>, pair: &SocketPair<'_>) -> Received {
    if span.now.drained.get(&pair.key) != Some(&StillOpen::Yes) {
        return Received::just(Reading::Unknown);
    }
    let waited = pair.before.and_then(|before| before.footprint.received.payload);
    let consumed = waited.map(|Payload(bytes)| bytes);
    Received { consumed, at_least: consumed.is_some(), ..Received::just(Reading::Idle) }
}

/// A socket that the earlier sample does not have: it is new, held nothing, or less than was asked for. All
/// that can be told is whether it was ever read. What came just now may be read at once: data that has
/// waited for less than half of the window says nothing.
fn appeared(span: &Span<'_>, now: &SocketEntry) -> Received {
    if !was_never_read(&now.socket) {
        return Received::just(Reading::Unknown);
    }
    let reading = if has_waited(now, span.window) { Reading::Stalled } else { Reading::Unknown };
    Received { consumed: Some(0), ..Received::just(reading) }
}

/// Without what the kernel tells under the socket's lock, as of others.
fn of_tcp(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry) -> Received {
    let Some(flow) = tcp::flow(&before.socket, &now.socket) else {
        return uncounted_queue::received(span, before, now);
    };
    of_flow(span, before, now, flow)
}

/// Whether nothing is there to be read. A FIN is nothing to be read, nor is what lies behind a hole in the
/// stream.
fn is_empty(entry: &SocketEntry) -> bool {
    let received = &entry.footprint.received;
    match entry.socket.recv_q {
        _ if received.payload == Some(Payload(0)) => true,
        RecvQueue::Truesize(charge) => charge.0 == 0,
        RecvQueue::FirstDatagram(Payload(0)) => {
            received.payload.is_none() && received.charged.is_none_or(|charge| charge.0 == 0)
        }
        _ => false,
    }
}

/// The oldest unread byte came no later than the newest. And as long as less was consumed than waited at the
/// beginning of the window, some of what waited then still does.
fn age(
    span: &Span<'_>,
    before: Option<&SocketEntry>,
    now: &SocketEntry,
    received: &Received,
) -> Option<Duration> {
    if matches!(received.reading, Reading::Idle) {
        return None;
    }
    let last = last_arrival(now).filter(|_| now.footprint.received.payload.is_some());
    let since_before = before.and_then(|before| {
        let stays = match (before.footprint.received.payload, received.consumed) {
            (Some(Payload(waited)), Some(consumed)) => !received.at_least && consumed < waited,
            // Where it is not known how much waits, only a reader that stands still tells.
            _ => received.reading == Reading::Stalled && !is_empty(before),
        };
        let waited_before = last_arrival(before).unwrap_or_default();
        stays.then(|| span.window.saturating_add(waited_before))
    });
    last.max(since_before)
}
