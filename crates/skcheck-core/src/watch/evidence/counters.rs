//! What the counters of one socket tell, by one look at them. Pure.

use std::time::Duration;

use crate::footprint::unsent;
use crate::model::protocol::Protocol;
use crate::model::socket::Socket;
use crate::model::tcp::TcpInfo;
use crate::model::units::Payload;
use crate::snapshot::entry::SocketEntry;

pub(crate) fn bytes_received(socket: &Socket) -> Option<u64> {
    socket.tcp_info.and_then(|info: TcpInfo| info.bytes_received)
}

/// Nothing was ever consumed: everything that ever arrived still waits.
pub(crate) fn was_never_read(socket: &Socket) -> bool {
    socket.protocol.row().is_counted
        && bytes_received(socket).is_some_and(|all| socket.recv_q.size() == Some(all))
}

/// How long ago data last arrived.
pub(crate) fn last_arrival(entry: &SocketEntry) -> Option<Duration> {
    entry.socket.tcp_info?.last_data_recv
}

/// How far the peer has acknowledged: a number of which only the growth says anything, in bytes.
pub(crate) fn acked(socket: &Socket) -> Option<u64> {
    if socket.protocol == Protocol::Mptcp {
        return socket.mptcp.as_ref()?.snd_una;
    }
    socket.tcp_info?.bytes_acked
}

/// What was sent and not taken, in bytes, as far as it is known: of a unix socket its memory.
pub(crate) fn outstanding(socket: &Socket) -> Option<u64> {
    unsent(socket).map(|Payload(bytes)| bytes).or(socket.send_q.size())
}

/// Whether the last data that came has waited for half of the window.
pub(crate) fn has_waited(now: &SocketEntry, window: Duration) -> bool {
    last_arrival(now).is_some_and(|ago| ago * 2 >= window) && !window.is_zero()
}

/// Whether a socket that the earlier sample does not have stands still.
pub(crate) fn never_began(now: &SocketEntry, window: Duration) -> bool {
    was_never_read(&now.socket) && has_waited(now, window)
}
