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
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::units::Payload;
use crate::watch::evidence::counters::{acked, bytes_received};
use crate::watch::judge::progress::flow::Flow;
use crate::watch::judge::progress::state::Writing;

/// What went through the receive queue; `None` where the kernel does not tell.
pub(crate) fn flow(before: &Socket, now: &Socket) -> Option<Flow> {
    // The state of a socket that no table knows does not tell whether a FIN is in its queue.
    let is_raw = [before, now].iter().any(|socket| socket.state == State::ClosedHeld);
    let waiting = |socket: &Socket| {
        if is_raw { socket.recv_q.size() } else { unread(socket).map(|Payload(bytes)| bytes) }
    };
    let (waited, waits) = (waiting(before)?, waiting(now)?);
    let arrived = if nothing_arrives(before.state) {
        0
    } else {
        let arrived = bytes_received(now)?.checked_sub(bytes_received(before)?)?;
        arrived.saturating_sub(u64::from(!is_raw && nothing_arrives(now.state)))
    };
    Some(Flow { consumed: waited.saturating_add(arrived).saturating_sub(waits), arrived })
}

/// Whether the peer's FIN has arrived, or the connection has ended: no data comes behind either.
fn nothing_arrives(state: State) -> bool {
    matches!(state, State::CloseWait | State::LastAck | State::Closing | State::ClosedHeld)
}

/// How a writer went.
pub(crate) fn writing(before: Option<&Socket>, now: &Socket, window: Duration) -> Writing {
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
pub(crate) fn acknowledged(before: &Socket, now: &Socket) -> Option<u64> {
    if now.protocol == Protocol::Mptcp {
        // A sequence number, which wraps.
        return Some(acked(now)?.wrapping_sub(acked(before)?));
    }
    acked(now)?.checked_sub(acked(before)?)
}

/// Whether the peer's window keeps a writer that stands still from sending: it is shut, or the kernel
/// noted in between that sending waited for it (`tcp_chrono_start` with `TCP_CHRONO_RWND_LIMITED`).
pub(crate) fn window_closed(before: &Socket, now: &Socket) -> Option<bool> {
    let info = now.tcp_info?;
    let waited = info.rwnd_limited.zip(before.tcp_info.and_then(|info| info.rwnd_limited));
    let grew = waited.map(|(now, before)| now > before);
    let shut = info.snd_wnd.map(|window| window == 0);
    match (shut, grew) {
        (None, None) => None,
        (shut, grew) => Some(shut == Some(true) || grew == Some(true)),
    }
}
