//! What was read of a queue whose socket has no count of what arrived: all but TCP. Pure.
//!
//! # What proves that nothing was read
//!
//! - The same packet is first in both samples, with as much left of it to read.
//! - None of the processes that are known to hold the socket has run in between.
//! - Nothing can have arrived (the other end is closed for writing, or its processes have not run, and either
//!   nobody else can have it or the first packet is the same), and as much waits as before.
//!
//! # What does not
//!
//! The same payload, the same charge and the same number of drops in both samples. A writer that is blocked
//! fills the queue up again at once: with messages of one size the numbers are the same each time that one
//! looks, however much is read. A UDP queue that overflows is as full in every sample, for the same reason.
//! So without a proof the answer is [`Reading::Unknown`].

use std::time::Duration;

use crate::model::queues::RecvQueue;
use crate::model::socket::{Shutdown, Socket};
use crate::model::units::{Payload, Truesize};
use crate::occupancy::would_block;
use crate::snapshot::entry::SocketEntry;
use crate::watch::judge::progress::flow::{Flow, Received, by_payload, of_flow};
use crate::watch::judge::progress::headroom::until_full;
use crate::watch::judge::progress::state::{Reading, Writing};
use crate::watch::judge::progress::{rates, scheduling};
use crate::watch::judge::span::Span;

/// What the first packets of two samples tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstPackets {
    /// They are one, and nothing was read of it.
    Same,
    /// They are one, and so many bytes were read of it.
    Partly(u64),
    /// The earlier one is gone.
    Moved,
    /// Nothing.
    Silent,
}

/// Judges the receive queue of a socket that is not TCP.
pub(crate) fn received(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry) -> Received {
    let first_packets = first_packets(span, before, now);
    let unread = payload(before).zip(payload(now));
    let was_read = match first_packets {
        FirstPackets::Same => Some(0),
        FirstPackets::Partly(bytes) => Some(bytes),
        // What shrinks was read: before its processes were looked at, which the sockets are first.
        FirstPackets::Silent
            if !has_shrunk(before, now) && scheduling::slept(span, before, now, &now.holders) =>
        {
            Some(0)
        }
        FirstPackets::Moved | FirstPackets::Silent => None,
    };
    match (unread, was_read) {
        (Some((waited, waits)), Some(consumed)) => {
            let arrived = waits.saturating_add(consumed).saturating_sub(waited);
            of_flow(span, before, now, Flow { consumed, arrived })
        }
        (Some((waited, waits)), None) if nothing_arrives(span, before, now) => {
            of_flow(span, before, now, Flow { consumed: waited.saturating_sub(waits), arrived: 0 })
        }
        (Some((waited, waits)), None) => match first_packets {
            FirstPackets::Moved if waits > waited => Received::just(Reading::Slow),
            FirstPackets::Moved if waits == waited => Received::just(Reading::Draining),
            _ => by_payload(span, before, now),
        },
        (None, Some(0)) if waited(before) => {
            Received { consumed: Some(0), ..Received::just(Reading::Stalled) }
        }
        (None, _) => by_charge(span, before, now, first_packets),
    }
}

/// Where the payload is unknown: the charge of UDP and its like is of this queue alone, and it shrinks only
/// when somebody reads. What senders are charged for a unix datagram socket shrinks when they close, too.
fn by_charge(
    span: &Span<'_>,
    before: &SocketEntry,
    now: &SocketEntry,
    first_packets: FirstPackets,
) -> Received {
    let Some((charged, charge)) = own_charge(&before.socket).zip(own_charge(&now.socket)) else {
        return Received::just(Reading::Unknown);
    };
    let slow = |until| Received { until, ..Received::just(Reading::Slow) };
    let has_dropped = now.socket.skmem.drops > before.socket.skmem.drops;
    match first_packets {
        // What is lost is what nobody made room for in time.
        FirstPackets::Moved if has_dropped => slow(Some(Duration::ZERO)),
        _ if has_dropped && charge < charged => slow(Some(Duration::ZERO)),
        _ if charge < charged => {
            let until = rates::until(charge, charged - charge, span.window);
            Received { until, ..Received::just(Reading::Draining) }
        }
        // What was read counts for the limit for a while (`udp_rmem_release`), so it can be full earlier.
        FirstPackets::Moved if charge > charged => slow(until_full(span, now, charge, charge - charged)),
        FirstPackets::Moved => Received::just(Reading::Draining),
        _ => Received::just(Reading::Unknown),
    }
}

fn has_shrunk(before: &SocketEntry, now: &SocketEntry) -> bool {
    payload(now) < payload(before) || own_charge(&now.socket) < own_charge(&before.socket)
}

fn payload(entry: &SocketEntry) -> Option<u64> {
    entry.footprint.received.payload.map(|Payload(bytes)| bytes)
}

fn own_charge(socket: &Socket) -> Option<u64> {
    match socket.recv_q {
        RecvQueue::Truesize(Truesize(bytes)) => Some(bytes),
        _ => None,
    }
}

/// Whether something waited already.
fn waited(before: &SocketEntry) -> bool {
    before.socket.recv_q.holds_something()
        || before.footprint.received.charged.is_some_and(|Truesize(bytes)| bytes > 0)
}

/// Whether nothing can have come into this queue: no more will be received, or the one process that can
/// send has not run.
fn nothing_arrives(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry) -> bool {
    let has_one_sender = now.socket.protocol.row().has_one_sender;
    let is_shut = before.socket.shutdown.is_some_and(|Shutdown { receive, .. }| receive);
    // Somebody who may not be looked at can have sent: but hardly a packet of the same size to the same
    // place.
    let is_same = || {
        let was = span.before.first_packet(before);
        was.is_some() && was == span.now.first_packet(now)
    };
    let is_known = || scheduling::sees_all(span) || is_same();
    has_one_sender
        && (is_shut || before.socket.peer_inode.is_some() && sender_slept(span, before, now) && is_known())
}

fn sender_slept(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry) -> bool {
    before.peer_holders == now.peer_holders
        && before.socket.peer_inode == now.socket.peer_inode
        && scheduling::all_slept(span, &now.peer_holders)
}

/// An address alone is no proof: the kernel gives that of a packet that was read to the next one. A time
/// stamp beside it is. Without one the address is believed as long as other packets wait behind it: a queue
/// that moves on has another of them first.
fn first_packets(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry) -> FirstPackets {
    let Some((was, is)) = span.before.first_packet(before).zip(span.now.first_packet(now)) else {
        // The first datagram of one queue has one length.
        return match (before.socket.recv_q, now.socket.recv_q) {
            (RecvQueue::FirstDatagram(was), RecvQueue::FirstDatagram(is)) if was != is => FirstPackets::Moved,
            _ => FirstPackets::Silent,
        };
    };
    let Some(read) = was.size.0.checked_sub(is.size.0) else { return FirstPackets::Moved };
    let is_other = (was.id, was.stamp, was.size.1) != (is.id, is.stamp, is.size.1);
    if is_other || read > 0 && !now.socket.protocol.row().is_stream {
        return FirstPackets::Moved;
    }
    let is_alone = |entry: &SocketEntry, size: (u64, u64)| {
        let charge = own_charge(&entry.socket)
            .or_else(|| entry.footprint.received.charged.map(|Truesize(bytes)| bytes));
        match payload(entry) {
            Some(bytes) => bytes <= size.0,
            None => charge.is_none_or(|bytes| bytes <= size.1),
        }
    };
    if was.stamp == 0 && (is_alone(before, was.size) || is_alone(now, is.size)) {
        return FirstPackets::Silent;
    }
    let least = payload(before).map(|bytes| bytes.saturating_sub(read));
    let has_shrunk = payload(now) < least || own_charge(&now.socket) < own_charge(&before.socket);
    match read {
        _ if has_shrunk => FirstPackets::Moved,
        0 => FirstPackets::Same,
        read => FirstPackets::Partly(read),
    }
}

/// Judges the sending side of a unix socket by the reader at its other end. The packets of all others wait
/// for nobody but the device.
pub(crate) fn writing(before: Option<&Socket>, now: &Socket, reader: Option<Reading>) -> Writing {
    let Some(out) = now.send_q.size() else { return Writing::Unknown };
    if out == 0 {
        return Writing::Idle;
    }
    let row = now.protocol.row();
    if !row.charges_senders {
        return Writing::Unknown;
    }
    let was_out = before.and_then(|before| before.send_q.size());
    match reader {
        // Who could write on waits for nobody, unless its receiver takes no more messages.
        Some(Reading::Stalled) if !row.limits_messages && !would_block(now) => Writing::Idle,
        // A datagram socket can have sent elsewhere, too: where less is out, somebody has read.
        Some(Reading::Stalled) if was_out.is_some_and(|was| was > 0 && out >= was) => Writing::Stalled,
        Some(Reading::Slow) => Writing::Slow,
        Some(Reading::Draining) => Writing::Draining,
        _ if was_out.is_some_and(|was| out < was) => Writing::Draining,
        _ => Writing::Unknown,
    }
}
