//! How much room there is in a queue: until it is full, until it is empty, and whether its sender has more
//! than fits. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::footprint::unsent;
use crate::model::families::row::Full;
use crate::model::holder::Holder;
use crate::model::socket::Socket;
use crate::model::units::Payload;
use crate::occupancy::would_block;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::process::{Call, ProcessEvidence, Syscall, ThreadEvidence};
use crate::watch::judge::progress::rates;
use crate::watch::judge::span::Span;

/// At most until the buffer is full, where `net` bytes more come in than go out: of a queue that holds
/// `waits` bytes. Payload takes more memory than it has bytes, how much more changes while packets are merged
/// and queues are collapsed (`tcp_try_coalesce`, `tcp_collapse`), and in the end there is hardly any waste:
/// so what is free tells no time, and the limit itself a bound. For a unix socket the limit is the sender's,
/// and not in the reader's record.
pub(crate) fn until_full(span: &Span<'_>, now: &SocketEntry, waits: u64, net: u64) -> Option<Duration> {
    let limit = match now.socket.protocol.row().full {
        Full::AtItsSenders => None,
        Full::AtItsWindow | Full::ForAPacket | Full::AtItsLimit => now.socket.skmem.rcvbuf,
    };
    let limit = limit?;
    let room = u64::from(limit).saturating_sub(waits);
    if room == 0 { Some(Duration::ZERO) } else { rates::until(room, net, span.window) }
}

/// Until the queue is empty, if so much more goes out than comes in.
pub(crate) fn until_empty(span: &Span<'_>, now: &SocketEntry, net: u64) -> Option<Duration> {
    rates::until(now.footprint.received.payload?.0, net, span.window)
}

/// Whether a sender has more than there is room for at its peer: it may not send all that it was given, or
/// one of its threads is blocked in writing.
pub(crate) fn is_full(processes: &BTreeMap<u32, ProcessEvidence>, sender: &SocketEntry) -> bool {
    let socket = &sender.socket;
    let has_more = match socket.protocol.row().full {
        Full::AtItsWindow => exceeds_window(socket),
        Full::ForAPacket | Full::AtItsLimit | Full::AtItsSenders => {
            would_block(socket) && socket.skmem.sndbuf.is_some()
        }
    };
    has_more || sender.holders.iter().any(|holder| is_writing(processes, *holder))
}

/// Whether a thread of that process is blocked in writing to that descriptor.
fn is_writing(processes: &BTreeMap<u32, ProcessEvidence>, Holder { pid, fd, .. }: Holder) -> bool {
    let is_it = |thread: &ThreadEvidence| match thread.syscall {
        Some(Syscall::In { call: Call::Write, arguments: [first, ..], .. }) => {
            first & u64::from(u32::MAX) == u64::from(fd)
        }
        _ => false,
    };
    processes.get(&pid).is_some_and(|process| process.threads.iter().any(is_it))
}

/// Whether more waits to be acknowledged than the peer has room for. Where the kernel does not tell, a full
/// buffer says as much.
fn exceeds_window(socket: &Socket) -> bool {
    let window = socket.tcp_info.and_then(|info| info.snd_wnd);
    match (unsent(socket), window) {
        (Some(Payload(unsent)), Some(window)) => unsent > u64::from(window),
        _ => would_block(socket) && socket.skmem.sndbuf.is_some(),
    }
}
