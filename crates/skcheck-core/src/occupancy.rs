//! How full a socket's buffers are, by the rule with which the kernel of each family turns away what comes
//! next. Pure.

use crate::footprint::MIN_TRUESIZE;
use crate::model::families::row::{Full, SentBy};
use crate::model::queues::{RecvQueue, SendQueue};
use crate::model::skmem::SkMem;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::units::Connections;

/// What a full Ethernet frame is charged (2304 B on x86-64): where packets have been dropped and less than
/// this is free, they are dropped still.
const FRAME: u64 = 2304;

/// How full a buffer or an accept queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// What it holds: bytes of truesize, of a listener connections.
    pub used: u64,
    /// What it may hold, in the same unit. The kernel lets some queues take one more.
    pub limit: u64,
    /// What comes next is dropped, or its sender has to wait.
    pub is_full: bool,
}

impl Occupancy {
    /// Whether it is full, or nine tenths of it are used.
    pub fn is_tight(self) -> bool {
        self.is_full || self.limit > 0 && self.used.saturating_mul(10) >= self.limit.saturating_mul(9)
    }
}

impl Socket {
    /// How full the receive buffer is, or of a listener the accept queue. `None` where the kernel does not
    /// tell, and for unix sockets, whose senders have the limit: theirs is [`send_occupancy`](Self::send_occupancy).
    ///
    /// Full is:
    /// - UDP, MPTCP, netlink: no packet has room (`__udp_enqueue_schedule_skb`, `netlink_attachskb`), not the
    ///   smallest, or none of a full frame where some were dropped before. Older kernels let one more in;
    /// - raw, ping, packet: `sk_rmem_alloc` is at `sk_rcvbuf` (`sock_queue_rcv_skb`, `packet_rcv`);
    /// - TCP, as long as the peer may send: its window is shut (`tcp_sock.rcv_wnd`), or less than a sixteenth
    ///   is free, and so it will be shut (`__tcp_select_window`);
    /// - a listener: its queue is at the limit. One more fits (`sk_acceptq_is_full`), then nobody gets in.
    pub fn receive_occupancy(&self) -> Option<Occupancy> {
        if let (RecvQueue::Connections(Connections(used)), SendQueue::BacklogLimit(Connections(limit))) =
            (self.recv_q, self.send_q)
        {
            let is_full = used >= limit.max(1);
            return Some(Occupancy { used: used.into(), limit: limit.into(), is_full });
        }
        if self.state == State::Listen {
            return None;
        }
        let (used, limit) = (self.skmem.received()?.0, u64::from(self.skmem.rcvbuf?));
        let free = limit.saturating_sub(used);
        let has_dropped = self.skmem.drops.is_some_and(|drops| drops > 0);
        let is_full = match self.protocol.row().full {
            Full::AtItsWindow => {
                let window = self.tcp_info.and_then(|info| info.rcv_wnd);
                may_receive(self.state) && (window == Some(0) || free < limit / 16)
            }
            Full::AtItsLimit => free == 0,
            Full::AtItsSenders => return None,
            Full::ForAPacket => free < MIN_TRUESIZE.0 || has_dropped && free < FRAME,
        };
        Some(Occupancy { used, limit, is_full: is_full && used > 0 })
    }

    /// How full the send buffer is: full, a write waits. TCP: `sk_wmem_queued` is at `sk_sndbuf`
    /// (`sk_stream_memory_free`); others: `sk_wmem_alloc` is (`sock_alloc_send_pskb`), where of a unix socket
    /// that is what its peers have not read. `None` where the kernel does not tell, and for listeners.
    pub fn send_occupancy(&self) -> Option<Occupancy> {
        let SkMem { wmem_queued, wmem_alloc, sndbuf, .. } = self.skmem;
        if self.state == State::Listen {
            return None;
        }
        let used = match self.protocol.row().sent_by {
            SentBy::Queued => wmem_queued,
            SentBy::Allocated => wmem_alloc,
        };
        let (used, limit) = (u64::from(used?), u64::from(sndbuf?));
        Some(Occupancy { used, limit, is_full: used > 0 && used >= limit })
    }
}

/// Whether a write would block. TCP and MPTCP: the write queue has all but a third of its limit
/// (`sk_stream_is_writeable`). Unix: a quarter of the limit is out (`unix_writable`). Others: half of it
/// (`sock_writeable`). Where the kernel does not tell, it is taken to be so.
pub(crate) fn would_block(socket: &Socket) -> bool {
    let SkMem { wmem_queued, wmem_alloc, sndbuf, .. } = socket.skmem;
    let row = socket.protocol.row();
    let (used, share) = match (row.sent_by, row.charges_senders) {
        (SentBy::Queued, _) => (wmem_queued.map(|bytes| u64::from(bytes) * 3), 2),
        (SentBy::Allocated, true) => (wmem_alloc.map(|bytes| u64::from(bytes) * 4), 1),
        (SentBy::Allocated, false) => (wmem_alloc.map(|bytes| u64::from(bytes) * 2), 1),
    };
    used.zip(sndbuf).is_none_or(|(used, limit)| used > u64::from(limit) * share)
}

/// Whether the peer may still send.
fn may_receive(state: State) -> bool {
    matches!(state, State::Established | State::SynRecv | State::FinWait1 | State::FinWait2)
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::model::protocol::{Family, Protocol};
    use crate::model::tcp::TcpInfo;

    fn socket(protocol: Protocol, state: State, used: u32, limit: u32, drops: u32) -> Socket {
        let mut socket = Socket::unknown(Family::Ipv4, protocol, state);
        (socket.skmem.rmem_alloc, socket.skmem.rcvbuf) = (Some(used), Some(limit));
        socket.skmem.drops = Some(drops);
        socket
    }

    fn is_full(socket: &Socket) -> bool {
        socket.receive_occupancy().expect("told").is_full
    }

    #[test]
    fn datagrams() {
        let check = |protocol, used, drops, expected| {
            let socket = socket(protocol, State::Close, used, 212_992, drops);
            assert_eq!(is_full(&socket), expected, "{protocol:?} {used} {drops}");
        };
        for protocol in [Protocol::Udp, Protocol::Netlink] {
            check(protocol, 212_992 - 575, 0, true);
            check(protocol, 212_992 - 576, 0, false);
            check(protocol, 212_992 - 2303, 1, true);
            check(protocol, 212_992 - 2304, 1, false);
            check(protocol, 0, 999, false);
        }
        for protocol in [Protocol::Raw, Protocol::Ping, Protocol::Packet] {
            check(protocol, 212_992, 0, true);
            check(protocol, 212_991, 9, false);
        }
        let tight = socket(Protocol::Udp, State::Close, 90, 100_000, 0);
        assert!(!tight.receive_occupancy().expect("told").is_tight());
        let tight = socket(Protocol::Udp, State::Close, 90_000, 100_000, 0);
        assert!(tight.receive_occupancy().expect("told").is_tight());
    }

    #[test]
    fn tcp_announces_no_window() {
        let tcp = |state, used| socket(Protocol::Tcp, state, used, 160_000, 0);
        assert!(is_full(&tcp(State::Established, 150_001)));
        assert!(!is_full(&tcp(State::Established, 150_000)), "a sixteenth is free");
        assert!(!is_full(&tcp(State::CloseWait, 160_000)), "nothing comes any more");
        let mut shut = tcp(State::Established, 90_000);
        shut.tcp_info = Some(TcpInfo { rcv_wnd: Some(0), ..TcpInfo::default() });
        assert!(is_full(&shut), "a segment on loopback has 64 KiB");
        shut.tcp_info = Some(TcpInfo { rcv_wnd: Some(1), ..TcpInfo::default() });
        assert!(!is_full(&shut));
        let mut behind_the_lock = tcp(State::FinWait2, 100_000);
        behind_the_lock.skmem.backlog = Some(59_000);
        assert!(is_full(&behind_the_lock));
    }

    #[test]
    fn listeners_and_what_has_no_limit_of_its_own() {
        let mut listener = socket(Protocol::Tcp, State::Listen, 0, 0, 0);
        assert_eq!(listener.receive_occupancy(), None, "the limit is not told");
        let queue =
            |waiting| (RecvQueue::Connections(Connections(waiting)), SendQueue::BacklogLimit(Connections(3)));
        (listener.recv_q, listener.send_q) = queue(2);
        assert!(!is_full(&listener));
        (listener.recv_q, listener.send_q) = queue(4);
        assert_eq!(listener.receive_occupancy(), Some(Occupancy { used: 4, limit: 3, is_full: true }));
        assert_eq!(socket(Protocol::UnixStream, State::Established, 9, 9, 0).receive_occupancy(), None);
        let mut writer = socket(Protocol::UnixStream, State::Established, 0, 9, 0);
        (writer.skmem.wmem_alloc, writer.skmem.sndbuf) = (Some(213_000), Some(212_992));
        assert!(writer.send_occupancy().expect("told").is_full);
        writer.skmem.sndbuf = Some(213_001);
        assert!(!writer.send_occupancy().expect("told").is_full);
    }
}
