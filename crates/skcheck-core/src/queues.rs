//! What Recv-Q and Send-Q count.

use crate::socket::{Protocol, State};
use crate::units::{Connections, Payload, Truesize};

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

/// What the two numbers that `ss` prints as Recv-Q and Send-Q count for a socket of this protocol in this
/// state.
pub fn queues(protocol: Protocol, state: State, recv: u32, send: u32) -> (RecvQueue, SendQueue) {
    let payload = |bytes: u32| Payload(bytes.into());
    let truesize = |bytes: u32| Truesize(bytes.into());
    match (protocol, state) {
        (Protocol::Udp | Protocol::UdpLite | Protocol::Raw | Protocol::Ping, _)
        | (Protocol::Packet | Protocol::Netlink, _) => {
            (RecvQueue::Truesize(truesize(recv)), SendQueue::Truesize(truesize(send)))
        }
        (_, State::Listen) => {
            (RecvQueue::Connections(Connections(recv)), SendQueue::BacklogLimit(Connections(send)))
        }
        (Protocol::Mptcp, _) => (RecvQueue::Truesize(truesize(recv)), SendQueue::Truesize(truesize(send))),
        (Protocol::Tcp, _) => (RecvQueue::Payload(payload(recv)), SendQueue::Payload(payload(send))),
        (Protocol::UnixDatagram, _) => {
            (RecvQueue::FirstDatagram(payload(recv)), SendQueue::Truesize(truesize(send)))
        }
        _ => (RecvQueue::Payload(payload(recv)), SendQueue::Truesize(truesize(send))),
    }
}
