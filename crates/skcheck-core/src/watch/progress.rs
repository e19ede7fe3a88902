//! How the two sides of a socket go. Pure.

pub(crate) mod accept;
pub(crate) mod arrival;
pub(crate) mod packets;
pub(crate) mod ran;
pub(super) mod rates;
pub(super) mod ring;
pub(crate) mod room;
pub(super) mod tcp;

use std::time::Duration;

use crate::model::protocol::Protocol;
use crate::model::queues::RecvQueue;
use crate::model::state::State;
use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;
use crate::watch::progress::room::{until_empty, until_full};
use crate::watch::{Sample, SocketKey, StillOpen};

pub use crate::watch::progress::arrival::NotArriving;
pub(super) use crate::watch::progress::arrival::not_arriving;
pub(super) use crate::watch::progress::room::is_full;

/// How a reader goes. For a listener, connections that are accepted count as what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// It has unread data, and consumed nothing.
    Stalled,
    /// It consumes less than arrives.
    Slow,
    /// It consumes at least what arrives.
    Draining,
    /// Nothing is unread.
    Idle,
    /// What it consumed cannot be told.
    Unknown,
}

impl Reading {
    /// `stalled`, `slow`, `draining`, `idle` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Reading::Stalled => "stalled",
            Reading::Slow => "slow",
            Reading::Draining => "draining",
            Reading::Idle => "idle",
            Reading::Unknown => "unknown",
        }
    }
}

/// How a writer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writing {
    /// It has data that the peer has not taken, and the peer took nothing.
    Stalled,
    /// The peer takes less than is written.
    Slow,
    /// The peer takes at least what is written.
    Draining,
    /// Everything was taken.
    Idle,
    /// What the peer took cannot be told.
    Unknown,
}

impl Writing {
    /// `stalled`, `slow`, `draining`, `idle` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Writing::Stalled => "stalled",
            Writing::Slow => "slow",
            Writing::Draining => "draining",
            Writing::Idle => "idle",
            Writing::Unknown => "unknown",
        }
    }
}

/// Bytes that went through a receive queue in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flow {
    consumed: u64,
    arrived: u64,
}

/// Two samples, and what lies between them.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    pub(super) before: &'a Sample,
    pub(super) now: &'a Sample,
    pub(super) window: Duration,
}

impl<'a> Span<'a> {
    /// The same for one socket: its numbers are read some time after a sample begins, and on a busy host not
    /// always as late.
    pub(super) fn of(self, pair: &Pair<'_>) -> Span<'a> {
        let read_at = |sample: &Sample, report: &SocketEntry| sample.at.saturating_add(report.read_after);
        let both = pair.before.zip(pair.now).filter(|_| !self.window.is_zero());
        let window =
            both.map(|(before, now)| read_at(self.now, now).saturating_sub(read_at(self.before, before)));
        Span { window: window.unwrap_or(self.window), ..self }
    }
}

/// One socket in two samples.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) key: SocketKey,
    pub(super) before: Option<&'a SocketEntry>,
    pub(super) now: Option<&'a SocketEntry>,
}

/// What became of a receive queue. Bytes are those of the whole window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) reading: Reading,
    pub(super) consumed: Option<u64>,
    pub(super) at_least: bool,
    pub(super) arrived: Option<u64>,
    /// Connections, of a listener.
    pub(super) accepted: Option<u64>,
    pub(super) until: Option<Duration>,
    pub(super) age: Option<Duration>,
}

impl Received {
    fn just(reading: Reading) -> Received {
        Received {
            reading,
            consumed: None,
            at_least: false,
            arrived: None,
            accepted: None,
            until: None,
            age: None,
        }
    }
}

/// Judges a receive queue.
///
/// `span` is of this socket.
pub(super) fn received(span: &Span<'_>, pair: &Pair<'_>) -> Received {
    let Some(now) = pair.now else { return gone(span, pair) };
    if now.socket.state == State::Listen {
        return accept::received(span, pair.before, now);
    }
    if let Some(received) = ring::received(span, pair.before, now) {
        return received;
    }
    let mut received = match pair.before {
        Some(before) if !span.window.is_zero() => match now.socket.protocol {
            Protocol::Tcp => of_tcp(span, pair.key, before, now),
            _ => packets::received(span, pair.key, before, now),
        },
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
fn gone(span: &Span<'_>, pair: &Pair<'_>) -> Received {
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
    if !tcp::was_never_read(&now.socket) {
        return Received::just(Reading::Unknown);
    }
    let reading = if has_waited(now, span.window) { Reading::Stalled } else { Reading::Unknown };
    Received { consumed: Some(0), ..Received::just(reading) }
}

/// Without what the kernel tells under the socket's lock, as of others.
fn of_tcp(span: &Span<'_>, key: SocketKey, before: &SocketEntry, now: &SocketEntry) -> Received {
    let Some(flow) = tcp::flow(&before.socket, &now.socket) else {
        return packets::received(span, key, before, now);
    };
    of_flow(span, before, now, flow)
}

/// The verdict where it is known to the byte what went through the queue.
fn of_flow(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry, flow: Flow) -> Received {
    let Flow { consumed, arrived } = flow;
    let reading = match before.footprint.received.payload {
        _ if consumed > 0 && consumed < arrived => Reading::Slow,
        _ if consumed > 0 => Reading::Draining,
        Some(Payload(0)) if !has_waited(now, span.window) => Reading::Unknown,
        _ => Reading::Stalled,
    };
    let until = match reading {
        Reading::Slow => now
            .footprint
            .received
            .payload
            .and_then(|Payload(waits)| until_full(span, now, waits, arrived - consumed)),
        Reading::Draining => until_empty(span, now, consumed - arrived),
        _ => None,
    };
    Received { consumed: Some(consumed), arrived: Some(arrived), until, ..Received::just(reading) }
}

/// The verdict where only the queue's payload is known: if it shrank, somebody reads.
fn by_payload(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry) -> Received {
    let payload = |report: &SocketEntry| report.footprint.received.payload.map(|Payload(bytes)| bytes);
    let shrunk = payload(before).zip(payload(now)).and_then(|(before, now)| before.checked_sub(now));
    match shrunk.filter(|bytes| *bytes > 0) {
        Some(shrunk) => Received {
            consumed: Some(shrunk),
            at_least: true,
            until: until_empty(span, now, shrunk),
            ..Received::just(Reading::Draining)
        },
        None => Received::just(Reading::Unknown),
    }
}

/// Whether nothing is there to be read. A FIN is nothing to be read, nor is what lies behind a hole in the
/// stream.
fn is_empty(report: &SocketEntry) -> bool {
    let received = &report.footprint.received;
    match report.socket.recv_q {
        _ if received.payload == Some(Payload(0)) => true,
        RecvQueue::Truesize(charge) => charge.0 == 0,
        RecvQueue::FirstDatagram(Payload(0)) => {
            received.payload.is_none() && received.charged.is_none_or(|charge| charge.0 == 0)
        }
        _ => false,
    }
}

/// Whether the last data that came has waited for half of the window.
fn has_waited(now: &SocketEntry, window: Duration) -> bool {
    tcp::last_arrival(now).is_some_and(|ago| ago * 2 >= window) && !window.is_zero()
}

/// Whether a socket that the earlier sample does not have stands still.
pub(super) fn never_began(now: &SocketEntry, window: Duration) -> bool {
    tcp::was_never_read(&now.socket) && has_waited(now, window)
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
    let last = tcp::last_arrival(now).filter(|_| now.footprint.received.payload.is_some());
    let since_before = before.and_then(|before| {
        let stays = match (before.footprint.received.payload, received.consumed) {
            (Some(Payload(waited)), Some(consumed)) => !received.at_least && consumed < waited,
            // Where it is not known how much waits, only a reader that stands still tells.
            _ => received.reading == Reading::Stalled && !is_empty(before),
        };
        let waited_before = tcp::last_arrival(before).unwrap_or_default();
        stays.then(|| span.window.saturating_add(waited_before))
    });
    last.max(since_before)
}

/// What became of a sending side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) writing: Writing,
    pub(super) window_closed: Option<bool>,
    /// Bytes that the peer took in the whole window.
    pub(super) taken: Option<u64>,
}

/// Judges a sending side. `reader` is how the reader of a unix socket's peer goes: what that does not read is
/// what this one has sent.
pub(super) fn sent(span: &Span<'_>, pair: &Pair<'_>, reader: Option<Reading>) -> Sent {
    let just = |writing| Sent { writing, window_closed: None, taken: None };
    let Some(now) = pair.now else {
        let is_open = span.now.drained.get(&pair.key) == Some(&StillOpen::Yes);
        return just(if is_open { Writing::Idle } else { Writing::Unknown });
    };
    let before = pair.before.map(|report| &report.socket);
    match now.socket.protocol {
        _ if now.socket.state == State::Listen => just(Writing::Idle),
        Protocol::Tcp | Protocol::Mptcp => {
            let writing = tcp::writing(before, &now.socket, span.window);
            let waits = matches!(writing, Writing::Stalled | Writing::Slow | Writing::Draining);
            let window_closed =
                before.filter(|_| waits).and_then(|before| tcp::window_closed(before, &now.socket));
            let taken = before.and_then(|before| tcp::acknowledged(before, &now.socket));
            Sent { writing, window_closed, taken }
        }
        _ => just(packets::writing(before, &now.socket, reader)),
    }
}
