//! Whether the packets of a socket add up to what the kernel accounts for.

use crate::exact::measured::Exact;
use crate::model::direction::Direction;
use crate::model::families::row::Counts;
use crate::model::queues::RecvQueue;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::units::{Payload, Truesize};

/// Whether the packets of a socket add up to what the kernel accounts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Agreement {
    /// Every sum is the kernel's own number, at the time of the walk and in the socket's record.
    Same,
    /// The sums are the kernel's numbers at the time of the walk. The record was made before it, and says
    /// something else: data came or went between the two looks.
    Moved,
    /// A sum is not the kernel's number at the time of the walk.
    Differs,
    /// There is nothing to compare: the walk was cut short, or the queue changed under it.
    Unknown,
}

impl Agreement {
    /// `same`, `moved`, `differs` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Agreement::Same => "same",
            Agreement::Moved => "moved",
            Agreement::Differs => "differs",
            Agreement::Unknown => "unknown",
        }
    }
}

impl Exact {
    /// Compares the sums over the packets with what the kernel said at the time of the walk, and that with
    /// the socket's record, which was made before.
    ///
    /// Truesize of the receiving side is `rmem_alloc` and `backlog` (TCP, UDP), that of the sending side
    /// `wmem_queued` (TCP); payload is Recv-Q (TCP, unix stream and seqpacket), where TCP counts an unread
    /// FIN as one byte.
    pub fn agreement(&self, socket: &Socket) -> Agreement {
        if !self.is_complete() || self.is_approximate() {
            return Agreement::Unknown;
        }
        if !self.adds_up(socket) {
            return Agreement::Differs;
        }
        if self.is_of(socket) { Agreement::Same } else { Agreement::Moved }
    }

    /// Whether the packets are what the kernel counted at the time of the walk.
    fn adds_up(&self, socket: &Socket) -> bool {
        let counters = &self.counters;
        let received = Truesize(counters.rmem_alloc.0.saturating_add(counters.backlog.0));
        let row = socket.protocol.row();
        match row.recv_q {
            _ if row.charges_senders => true,
            Some(Counts::Payload) => {
                let Payload(unread) = self.unread();
                let fin = u64::from(may_have_fin(socket.state));
                let in_order = (unread..=unread.saturating_add(fin)).contains(&counters.recv_q);
                in_order
                    && self.truesize(Direction::Received) == received
                    && self.truesize(Direction::Sent) == counters.wmem_queued
            }
            Some(Counts::FirstDatagram | Counts::Truesize) | None => {
                self.truesize(Direction::Received) == received
            }
        }
    }

    /// Whether the socket's record says the same as the kernel at the time of the walk. What the record
    /// does not know, it does not contradict.
    fn is_of(&self, socket: &Socket) -> bool {
        let counters = &self.counters;
        let skmem = &socket.skmem;
        let is = |known: Option<u64>, now: u64| known.is_none_or(|known| known == now);
        let row = socket.protocol.row();
        let recv_q = match (socket.recv_q, row.charges_senders) {
            (RecvQueue::Payload(Payload(known)), true) => known == self.unread().0,
            // Of a socket in no table the record may say what can be read (FIONREAD), without the FIN.
            (RecvQueue::Payload(Payload(known)), _) if socket.state == State::ClosedHeld => {
                known == counters.recv_q || known == self.unread().0
            }
            (RecvQueue::Payload(Payload(known)), _) => known == counters.recv_q,
            // What UDP has yet to take off is in `rmem_alloc` of the record, and not in its Recv-Q.
            (RecvQueue::Truesize(known), _) => known == counters.rmem_alloc,
            (RecvQueue::Connections(_) | RecvQueue::FirstDatagram(_) | RecvQueue::Unknown, _) => true,
        };
        let is_charged = row.recv_q == Some(Counts::Payload) && !row.charges_senders;
        let charged = counters.rmem_alloc.0.saturating_add(counters.backlog.0);
        recv_q
            && (!is_charged || is(skmem.received().map(|charge| charge.0), charged))
            && (!is_charged || is(skmem.wmem_queued.map(u64::from), counters.wmem_queued.0))
    }
}

/// Whether a FIN can be in the receive queue, which Recv-Q counts as a byte until it has been read. A
/// socket in no table has been through any of these states.
fn may_have_fin(state: State) -> bool {
    matches!(state, State::CloseWait | State::LastAck | State::Closing | State::Close | State::ClosedHeld)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Counters, Queue};
    use crate::exact::measured::QueueExact;
    use crate::model::protocol::{Family, Protocol};
    use crate::model::units::Bytes;

    fn walked(queues: &[(Queue, u64, u64)], counters: Counters) -> Exact {
        let queue = |&(queue, bytes, truesize): &(Queue, u64, u64)| QueueExact {
            queue,
            packets: 1,
            bytes: Payload(bytes),
            truesize: Truesize(truesize),
            in_options: Truesize(0),
            fragments: 0,
            pages: Vec::new(),
            complete: true,
            approximate: false,
        };
        Exact {
            queues: queues.iter().map(queue).collect(),
            pinned: Bytes(0),
            send_pinned: Bytes(0),
            pinned_shared: Bytes(0),
            handed_in: Vec::new(),
            slab: Bytes(0),
            send_slab: Bytes(0),
            not_counted: 0,
            counters,
        }
    }

    fn tcp(state: State, recv_q: u64, rmem_alloc: u32, wmem_queued: u32) -> Socket {
        let mut socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, state);
        socket.recv_q = RecvQueue::Payload(Payload(recv_q));
        socket.skmem.rmem_alloc = Some(rmem_alloc);
        socket.skmem.wmem_queued = Some(wmem_queued);
        socket
    }

    fn counters(recv_q: u64, rmem_alloc: u64, wmem_queued: u64) -> Counters {
        Counters {
            rmem_alloc: Truesize(rmem_alloc),
            wmem_queued: Truesize(wmem_queued),
            recv_q,
            ..Counters::default()
        }
    }

    #[test]
    fn packets_of_tcp_add_up_to_what_the_kernel_accounts_for() {
        use Agreement::{Differs, Moved, Same};
        let exact = walked(
            &[(Queue::Receive, 10, 700), (Queue::OutOfOrder, 5, 800), (Queue::Retransmit, 3, 900)],
            counters(10, 1500, 900),
        );
        let check = |socket: Socket, expected| assert_eq!(exact.agreement(&socket), expected, "{socket:?}");
        check(tcp(State::Established, 10, 1500, 900), Same);
        check(tcp(State::Established, 9, 1500, 900), Moved);
        check(tcp(State::Established, 10, 1499, 900), Moved);
        check(tcp(State::Established, 10, 1500, 0), Moved);
        let mut unknown = tcp(State::Established, 10, 0, 0);
        (unknown.skmem.rmem_alloc, unknown.skmem.wmem_queued) = (None, None);
        check(unknown, Same);
        let differs = |counters| {
            let exact = Exact { counters, ..exact.clone() };
            assert_eq!(exact.agreement(&tcp(State::Established, 10, 1500, 900)), Differs, "{counters:?}");
        };
        differs(counters(11, 1500, 900));
        differs(counters(10, 1501, 900));
        differs(counters(10, 1500, 901));
    }

    #[test]
    fn a_fin_counts_as_one_byte_and_no_more() {
        let check = |state, recv_q, expected| {
            let exact = walked(&[(Queue::Receive, 10, 700)], counters(recv_q, 700, 0));
            let socket = tcp(state, recv_q, 700, 0);
            assert_eq!(exact.agreement(&socket), expected, "{state:?} {recv_q}");
        };
        check(State::CloseWait, 11, Agreement::Same);
        check(State::CloseWait, 10, Agreement::Same);
        check(State::CloseWait, 12, Agreement::Differs);
        check(State::CloseWait, 9, Agreement::Differs);
        check(State::ClosedHeld, 11, Agreement::Same);
        check(State::Established, 11, Agreement::Differs);
        let exact = walked(&[(Queue::Receive, 10, 700)], counters(11, 700, 0));
        assert_eq!(exact.agreement(&tcp(State::ClosedHeld, 10, 700, 0)), Agreement::Same);
        assert_eq!(exact.agreement(&tcp(State::CloseWait, 10, 700, 0)), Agreement::Moved);
    }

    #[test]
    fn the_backlog_is_charged_apart() {
        let mut counters = counters(10, 700, 0);
        counters.backlog = Truesize(300);
        let exact = walked(&[(Queue::Receive, 10, 700), (Queue::Backlog, 4, 300)], counters);
        let mut socket = tcp(State::Established, 10, 700, 0);
        socket.skmem.backlog = Some(300);
        assert_eq!(exact.agreement(&socket), Agreement::Same);
        socket.skmem.backlog = Some(0);
        assert_eq!(exact.agreement(&socket), Agreement::Moved);
    }

    #[test]
    fn udp_agrees_by_its_memory() {
        let mut socket = Socket::unknown(Family::Ipv6, Protocol::Udp, State::Close);
        socket.recv_q = RecvQueue::Truesize(Truesize(768));
        socket.skmem.rmem_alloc = Some(1536);
        let exact = walked(&[(Queue::Receive, 10, 768)], counters(0, 768, 0));
        assert_eq!(exact.agreement(&socket), Agreement::Same, "without what is yet to be taken off");
        let exact = walked(&[(Queue::Receive, 10, 769)], counters(0, 768, 0));
        assert_eq!(exact.agreement(&socket), Agreement::Differs);
    }

    #[test]
    fn unix_streams_agree_by_their_payload() {
        let mut socket = Socket::unknown(Family::Unix, Protocol::UnixStream, State::Established);
        socket.recv_q = RecvQueue::Payload(Payload(10));
        let check = |bytes, expected| {
            let exact = walked(&[(Queue::Receive, bytes, 768)], Counters::default());
            assert_eq!(exact.agreement(&socket), expected, "{bytes}");
        };
        check(10, Agreement::Same);
        check(11, Agreement::Moved);
    }

    #[test]
    fn what_was_cut_short_or_changed_cannot_be_compared() {
        let socket = tcp(State::Established, 10, 700, 0);
        let mut exact = walked(&[(Queue::Receive, 10, 700)], counters(10, 700, 0));
        exact.queues.iter_mut().for_each(|queue| queue.approximate = true);
        assert_eq!(exact.agreement(&socket), Agreement::Unknown);
        exact.queues.iter_mut().for_each(|queue| (queue.approximate, queue.complete) = (false, false));
        assert_eq!(exact.agreement(&socket), Agreement::Unknown);
    }
}
