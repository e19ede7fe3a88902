//! What a TCP socket received, and what of that its application consumed; what it sent, and what of that
//! the peer took, of MPTCP as well. Pure.
//!
//! The kernel counts what arrived in order (`bytes_received`, which moves with `rcv_nxt`), and Recv-Q is
//! `rcv_nxt` less what was copied to the application. Both count a FIN. So two samples tell exactly what
//! was consumed. The two numbers are not read under the socket's lock: a packet that arrives in between
//! counts as consumed, and less than nothing counts as nothing.

use std::time::Duration;

use crate::footprint::{unread, unsent};
use crate::model::protocol::Protocol;
use crate::model::skmem::SkMem;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::tcp::TcpInfo;
use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;
use crate::watch::progress::{Flow, Writing};

/// What went through the receive queue; `None` where the kernel does not tell.
pub(super) fn flow(before: &Socket, now: &Socket) -> Option<Flow> {
    // The state of a socket that no table knows does not tell whether a FIN is in its queue.
    let is_raw = [before, now].iter().any(|socket| socket.state == State::ClosedHeld);
    let waiting = |socket: &Socket| {
        if is_raw { socket.recv_q.size() } else { unread(socket).map(|Payload(bytes)| bytes) }
    };
    let (waited, waits) = (waiting(before)?, waiting(now)?);
    let arrived = if nothing_arrives(before.state) {
        0
    } else {
        let arrived = received(now)?.checked_sub(received(before)?)?;
        arrived.saturating_sub(u64::from(!is_raw && nothing_arrives(now.state)))
    };
    Some(Flow { consumed: waited.saturating_add(arrived).saturating_sub(waits), arrived })
}

/// Whether the peer's FIN has arrived, or the connection has ended: no data comes behind either.
fn nothing_arrives(state: State) -> bool {
    matches!(state, State::CloseWait | State::LastAck | State::Closing | State::ClosedHeld)
}

fn received(socket: &Socket) -> Option<u64> {
    socket.tcp_info.and_then(|info: TcpInfo| info.bytes_received)
}

/// Nothing was ever consumed: everything that ever arrived still waits.
pub(super) fn was_never_read(socket: &Socket) -> bool {
    socket.protocol == Protocol::Tcp && received(socket).is_some_and(|all| socket.recv_q.size() == Some(all))
}

/// How long ago data last arrived.
pub(super) fn last_arrival(report: &SocketEntry) -> Option<Duration> {
    report.socket.tcp_info?.last_data_recv
}

/// How a writer went.
pub(super) fn writing(before: Option<&Socket>, now: &Socket, window: Duration) -> Writing {
    let unsent = |socket: &Socket| unsent(socket).map(|Payload(bytes)| bytes);
    let Some(waits) = unsent(now) else { return Writing::Unknown };
    if waits == 0 {
        return Writing::Idle;
    }
    let taken = || {
        let before = before?;
        Some((unsent(before)?, acknowledged(before, now)?))
    };
    match taken() {
        _ if window.is_zero() => Writing::Unknown,
        None => Writing::Unknown,
        Some((waited, 0)) if waited > 0 => Writing::Stalled,
        // What was written in the window can still be on its way.
        Some((_, 0)) => Writing::Unknown,
        Some((waited, _)) if waits > waited => Writing::Slow,
        Some(_) => Writing::Draining,
    }
}

/// What the peer took in between, in bytes; a FIN counts.
pub(super) fn acknowledged(before: &Socket, now: &Socket) -> Option<u64> {
    match now.protocol {
        // A sequence number, which wraps.
        Protocol::Mptcp => Some(acked(now)?.wrapping_sub(acked(before)?)),
        _ => acked(now)?.checked_sub(acked(before)?),
    }
}

/// How far the peer has acknowledged: a number of which only the growth says anything, in bytes.
pub(in crate::watch) fn acked(socket: &Socket) -> Option<u64> {
    match socket.protocol {
        Protocol::Mptcp => socket.mptcp.as_ref()?.snd_una,
        _ => socket.tcp_info?.bytes_acked,
    }
}

/// What was sent and not taken, in bytes, as far as it is known: of a unix socket its memory.
pub(in crate::watch) fn outstanding(socket: &Socket) -> Option<u64> {
    unsent(socket).map(|Payload(bytes)| bytes).or(socket.send_q.size())
}

/// Whether more waits to be acknowledged than the peer has room for. Where the kernel does not tell, a full
/// buffer says as much.
pub(super) fn exceeds_window(socket: &Socket) -> bool {
    let window = socket.tcp_info.and_then(|info| info.snd_wnd);
    match (unsent(socket), window) {
        (Some(Payload(unsent)), Some(window)) => unsent > u64::from(window),
        _ => is_clogged(socket) && socket.skmem.sndbuf.is_some(),
    }
}

/// Whether the peer's window keeps a writer that stands still from sending: it is shut, or the kernel
/// noted in between that sending waited for it (`tcp_chrono_start` with `TCP_CHRONO_RWND_LIMITED`).
pub(super) fn window_closed(before: &Socket, now: &Socket) -> Option<bool> {
    let info = now.tcp_info?;
    let waited = info.rwnd_limited.zip(before.tcp_info.and_then(|info| info.rwnd_limited));
    let grew = waited.map(|(now, before)| now > before);
    let shut = info.snd_wnd.map(|window| window == 0);
    match (shut, grew) {
        (None, None) => None,
        (shut, grew) => Some(shut == Some(true) || grew == Some(true)),
    }
}

/// Whether a write would block. TCP and MPTCP: the write queue has all but a third of its limit
/// (`sk_stream_is_writeable`). Unix: a quarter of the limit is out (`unix_writable`). Others: half of it
/// (`sock_writeable`). Where the kernel does not tell, it is taken to be so.
pub(in crate::watch) fn is_clogged(socket: &Socket) -> bool {
    let SkMem { wmem_queued, wmem_alloc, sndbuf, .. } = socket.skmem;
    let (used, share) = match socket.protocol {
        Protocol::Tcp | Protocol::Mptcp => (wmem_queued.map(|bytes| u64::from(bytes) * 3), 2),
        protocol if protocol.is_unix() => (wmem_alloc.map(|bytes| u64::from(bytes) * 4), 1),
        _ => (wmem_alloc.map(|bytes| u64::from(bytes) * 2), 1),
    };
    used.zip(sndbuf).is_none_or(|(used, limit)| used > u64::from(limit) * share)
}
