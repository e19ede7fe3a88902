//! What Recv-Q and Send-Q count.

use crate::model::families::row::Counts;
use crate::model::protocol::Protocol;
use crate::model::skmem::is_size;
use crate::model::state::State;
use crate::model::units::{Connections, Payload, Truesize};

/// The Recv-Q of a socket. One column of `ss`, four meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvQueue {
    /// In-order bytes that the application has not read. TCP (`tcp_diag_get_info`: `rcv_nxt -
    /// copied_seq`, so a FIN that the application has not seen counts as one byte), unix stream
    /// and seqpacket (`unix_inq_len`).
    Payload(Payload),
    /// Memory charged for what was received: UDP (`udp_rqueue_get`), MPTCP, raw, ping, packet and netlink
    /// (`sk_rmem_alloc`).
    Truesize(Truesize),
    /// Connections that wait for `accept`: listeners (`sk_ack_backlog`).
    Connections(Connections),
    /// Bytes of the first datagram in the queue; those behind it are not counted: unix datagram
    /// (`unix_inq_len`).
    FirstDatagram(Payload),
    /// Not told.
    Unknown,
}

impl RecvQueue {
    /// The number as `ss` prints it, where it is a size; `None` for a count of connections and
    /// where it is not told.
    pub fn size(self) -> Option<u64> {
        match self {
            RecvQueue::Payload(Payload(n)) | RecvQueue::FirstDatagram(Payload(n)) => Some(n),
            RecvQueue::Truesize(Truesize(n)) => Some(n),
            RecvQueue::Connections(_) | RecvQueue::Unknown => None,
        }
    }

    /// Whether anything is known to wait in the queue, connections included.
    pub fn holds_something(self) -> bool {
        match self {
            RecvQueue::Connections(Connections(n)) => n > 0,
            other => other.size().is_some_and(|n| n > 0),
        }
    }
}

/// The Send-Q of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendQueue {
    /// Bytes written and not yet acknowledged by the peer: TCP (`write_seq - snd_una`).
    Payload(Payload),
    /// Memory charged for what was sent: UDP, MPTCP, raw, ping, packet and netlink (`sk_wmem_alloc`); unix
    /// sockets: what the peer has not read (`unix_outq_len`).
    Truesize(Truesize),
    /// How many connections may wait for `accept`: listeners (`sk_max_ack_backlog`).
    BacklogLimit(Connections),
    /// Not told.
    Unknown,
}

impl SendQueue {
    /// The number as `ss` prints it, where it is a size; `None` for a listener's limit and where
    /// it is not told.
    pub fn size(self) -> Option<u64> {
        match self {
            SendQueue::Payload(Payload(n)) | SendQueue::Truesize(Truesize(n)) => Some(n),
            SendQueue::BacklogLimit(_) | SendQueue::Unknown => None,
        }
    }
}

/// The receive queue of a unix socket, all of it: every datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnixQueue {
    /// Bytes that have not been read.
    pub payload: Payload,
    /// What senders are charged for it.
    pub truesize: Truesize,
    /// How many packets.
    pub packets: u64,
}

/// What the two numbers that `ss` prints as Recv-Q and Send-Q count for a socket of this protocol in this
/// state.
///
/// But for the counts of listeners they are `int` or `long` in the kernel, and below 0 only by accident: the
/// difference of two numbers that were not read at one moment (`udp_rqueue_get`; `write_seq - snd_una` in
/// `tcp_diag_get_info`), or an error (`unix_inq_len` of a socket that just begins to listen). Of TCP's Send-Q
/// that says that everything is acknowledged; anywhere else nothing is known.
pub(crate) fn queues(protocol: Protocol, state: State, recv: u32, send: u32) -> (RecvQueue, SendQueue) {
    let (recv_q, send_q) = as_told(protocol, state, recv, send);
    let is_count = matches!(recv_q, RecvQueue::Connections(_));
    let recv_q = if is_count || is_size(recv) { recv_q } else { RecvQueue::Unknown };
    let send_q = match send_q {
        _ if is_count || is_size(send) => send_q,
        SendQueue::Payload(_) => SendQueue::Payload(Payload(0)),
        _ => SendQueue::Unknown,
    };
    (recv_q, send_q)
}

fn as_told(protocol: Protocol, state: State, recv: u32, send: u32) -> (RecvQueue, SendQueue) {
    let row = protocol.row();
    if row.listens && state == State::Listen {
        return (RecvQueue::Connections(Connections(recv)), SendQueue::BacklogLimit(Connections(send)));
    }
    let payload = |bytes: u32| Payload(bytes.into());
    let truesize = |bytes: u32| Truesize(bytes.into());
    let received = match row.recv_q {
        Some(Counts::Payload) => RecvQueue::Payload(payload(recv)),
        Some(Counts::FirstDatagram) => RecvQueue::FirstDatagram(payload(recv)),
        Some(Counts::Truesize) => RecvQueue::Truesize(truesize(recv)),
        None => RecvQueue::Unknown,
    };
    let sent = match row.send_q {
        Some(Counts::Payload | Counts::FirstDatagram) => SendQueue::Payload(payload(send)),
        Some(Counts::Truesize) => SendQueue::Truesize(truesize(send)),
        None => SendQueue::Unknown,
    };
    (received, sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_were_not_read_at_one_moment() {
        let check = |protocol, state, recv: i32, send: i32, expected| {
            assert_eq!(queues(protocol, state, recv.cast_unsigned(), send.cast_unsigned()), expected);
        };
        let acknowledged = SendQueue::Payload(Payload(0));
        check(Protocol::Tcp, State::Established, 7, -3, (RecvQueue::Payload(Payload(7)), acknowledged));
        let sent = SendQueue::Truesize(Truesize(5));
        check(Protocol::Udp, State::Close, -512, 5, (RecvQueue::Unknown, sent));
        let received = RecvQueue::Truesize(Truesize(5));
        check(Protocol::Raw, State::Close, 5, -1, (received, SendQueue::Unknown));
        // -EINVAL
        check(
            Protocol::UnixStream,
            State::Close,
            -22,
            0,
            (RecvQueue::Unknown, SendQueue::Truesize(Truesize(0))),
        );
        let counts = (RecvQueue::Connections(Connections(1 << 31)), SendQueue::BacklogLimit(Connections(9)));
        check(Protocol::Tcp, State::Listen, i32::MIN, 9, counts);
    }
}
