//! What went through a receive queue between two samples, and the verdict on it. Pure.

use std::time::Duration;

use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::counters::has_waited;
use crate::watch::judge::progress::headroom::{until_empty, until_full};
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::span::Span;

/// Bytes that went through a receive queue in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) consumed: u64,
    pub(crate) arrived: u64,
}

/// What became of a receive queue. Bytes are those of the whole window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) reading: Reading,
    pub(crate) consumed: Option<u64>,
    pub(crate) at_least: bool,
    pub(crate) arrived: Option<u64>,
    /// Connections, of a listener.
    pub(crate) accepted: Option<u64>,
    pub(crate) until: Option<Duration>,
    pub(crate) age: Option<Duration>,
}

impl Received {
    pub(crate) fn just(reading: Reading) -> Received {
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

/// The verdict where it is known to the byte what went through the queue.
pub(crate) fn of_flow(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry, flow: Flow) -> Received {
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
pub(crate) fn by_payload(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry) -> Received {
    let payload = |entry: &SocketEntry| entry.footprint.received.payload.map(|Payload(bytes)| bytes);
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
