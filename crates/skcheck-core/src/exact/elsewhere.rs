//! What a socket is charged and no walk finds.
//!
//! A walk covers the queues of the socket itself. What UDP and its like have sent lies in the queue of a
//! device; what a sockmap program has taken off the receive queue lies in one of its own (`sk_psock`). Both
//! are charged to the socket all the same, so a walk that finds nothing does not mean that there is nothing.

use crate::engine::Queue;
use crate::exact::measured::Exact;
use crate::model::direction::Direction;
use crate::model::families::row::SentBy;
use crate::model::queues::SendQueue;
use crate::model::socket::Socket;
use crate::model::units::Truesize;

impl Exact {
    /// What is charged for one side of a socket, in truesize, and was in no queue that was walked: by the
    /// kernel's numbers at the time of the walk (`sk_rmem_alloc`, `sk_backlog.len`; TCP's `sk_wmem_queued`),
    /// and for what others have sent by those of the record (`sk_wmem_alloc`).
    ///
    /// 0 where the walk was cut short, and where what is lacking may have moved under it: while a queue
    /// changes, less than half of the charge. 0 of unix sockets, too: what one has sent lies in the queue of
    /// its reader.
    pub fn elsewhere(&self, socket: &Socket, direction: Direction) -> Truesize {
        if socket.protocol.charges_senders() || self.side(direction).any(|queue| !queue.complete) {
            return Truesize(0);
        }
        let charged = self.charge(socket, direction).0;
        let lacking = charged.saturating_sub(self.truesize(direction).0);
        let is_still = match direction {
            Direction::Received => self.counters.unchanged,
            Direction::Sent => !self.side(direction).any(|queue| queue.approximate),
        };
        Truesize(if is_still || lacking > charged / 2 { lacking } else { 0 })
    }

    /// Whether something was found of what one side is charged, or it is charged nothing.
    pub fn is_found(&self, socket: &Socket, direction: Direction) -> bool {
        self.elsewhere(socket, direction) == Truesize(0) || self.truesize(direction).0 > 0
    }

    /// Every packet that the kernel charges to the socket was walked.
    pub fn is_whole(&self, socket: &Socket) -> bool {
        let is_all = |direction| self.elsewhere(socket, direction) == Truesize(0);
        self.is_complete() && Direction::BOTH.into_iter().all(is_all)
    }

    /// Whether [`unread`](Exact::unread) is all there is to be read of this socket: its receive queue was walked to its end, and
    /// nothing was taken out of it without having been read. What waits in the error queue is no data.
    pub(crate) fn knows_unread(&self, socket: &Socket) -> bool {
        match self.queue(Queue::Receive) {
            Some(queue) if !queue.complete || queue.approximate => false,
            _ => self.elsewhere(socket, Direction::Received) == Truesize(0),
        }
    }

    fn charge(&self, socket: &Socket, direction: Direction) -> Truesize {
        let counters = &self.counters;
        match (direction, socket.protocol.row().sent_by) {
            (Direction::Received, _) => Truesize(counters.rmem_alloc.0.saturating_add(counters.backlog.0)),
            (Direction::Sent, SentBy::Queued) => counters.wmem_queued,
            (Direction::Sent, SentBy::Allocated) => match (socket.skmem.wmem_alloc, socket.send_q) {
                (Some(bytes), _) => Truesize(bytes.into()),
                (None, SendQueue::Truesize(charge)) => charge,
                _ => Truesize(0),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Counters;
    use crate::exact::measured::QueueExact;
    use crate::model::protocol::{Family, Protocol};
    use crate::model::state::State;
    use crate::model::units::{Bytes, Payload};

    /// A walk that found so much truesize in these queues, with these numbers of the kernel's.
    fn walked(queues: &[(Queue, u64)], counters: Counters) -> Exact {
        let queue = |&(queue, truesize): &(Queue, u64)| QueueExact {
            queue,
            packets: 1,
            bytes: Payload(1),
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

    fn counters(rmem_alloc: u64, wmem_queued: u64, unchanged: bool) -> Counters {
        let (rmem_alloc, wmem_queued) = (Truesize(rmem_alloc), Truesize(wmem_queued));
        Counters { rmem_alloc, wmem_queued, unchanged, ..Counters::default() }
    }

    fn check(exact: &Exact, socket: &Socket, expected: [u64; 2]) {
        let elsewhere = Direction::BOTH.map(|direction| exact.elsewhere(socket, direction).0);
        assert_eq!(elsewhere, expected, "{exact:?} {socket:?}");
        assert_eq!(exact.is_whole(socket), expected == [0, 0] && exact.is_complete());
    }

    #[test]
    fn what_is_charged_and_was_not_found() {
        let tcp = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
        let found = [(Queue::Receive, 700), (Queue::Error, 300), (Queue::Write, 500)];
        check(&walked(&found, counters(1000, 500, true)), &tcp, [0, 0]);
        check(&walked(&found, counters(1001, 500, true)), &tcp, [1, 0]);
        check(&walked(&found, counters(999, 499, true)), &tcp, [0, 0]);
        check(&walked(&[], counters(1000, 0, true)), &tcp, [1000, 0]);
        check(&walked(&[], Counters { backlog: Truesize(30), ..counters(0, 0, true) }), &tcp, [30, 0]);
    }

    /// What comes and goes while it is walked is nowhere else, unless it is the greater part.
    #[test]
    fn what_moved_under_the_walk() {
        let tcp = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
        let mut moving = walked(&[(Queue::Receive, 600), (Queue::Write, 400)], counters(1000, 1000, false));
        check(&moving, &tcp, [0, 600]);
        moving.queues.iter_mut().for_each(|queue| queue.approximate = true);
        check(&moving, &tcp, [0, 600]);
        moving.counters.wmem_queued = Truesize(800);
        check(&moving, &tcp, [0, 0]);
        moving.counters.rmem_alloc = Truesize(1201);
        check(&moving, &tcp, [601, 0]);
    }

    #[test]
    fn what_was_cut_short_tells_nothing() {
        let tcp = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
        let mut cut = walked(&[(Queue::Receive, 10), (Queue::Write, 400)], counters(1000, 500, true));
        cut.queues.iter_mut().filter(|queue| !queue.queue.is_sending()).for_each(|it| it.complete = false);
        check(&cut, &tcp, [0, 100]);
    }

    /// A note of zero copy has a truesize that is charged to option memory.
    #[test]
    fn what_is_charged_to_option_memory() {
        let tcp = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
        let mut notes = walked(&[(Queue::Receive, 700), (Queue::Error, 800)], counters(700, 0, true));
        notes
            .queues
            .iter_mut()
            .filter(|it| it.queue == Queue::Error)
            .for_each(|it| it.in_options = it.truesize);
        check(&notes, &tcp, [0, 0]);
        notes.counters.rmem_alloc = Truesize(900);
        check(&notes, &tcp, [200, 0]);
    }

    #[test]
    fn what_others_than_tcp_have_sent() {
        let sent = |family, protocol| {
            let mut socket = Socket::unknown(family, protocol, State::Close);
            socket.skmem.wmem_alloc = Some(5000);
            socket
        };
        let nothing = walked(&[], counters(0, 0, true));
        check(&nothing, &sent(Family::Ipv6, Protocol::Udp), [0, 5000]);
        check(&nothing, &sent(Family::Packet, Protocol::Packet), [0, 5000]);
        check(
            &walked(&[(Queue::Write, 900)], counters(0, 0, true)),
            &sent(Family::Ipv4, Protocol::Udp),
            [0, 4100],
        );
        // That is in the queue of its reader.
        check(&nothing, &sent(Family::Unix, Protocol::UnixStream), [0, 0]);
        let mut told = Socket::unknown(Family::Netlink, Protocol::Netlink, State::Close);
        told.send_q = SendQueue::Truesize(Truesize(60));
        check(&nothing, &told, [0, 60]);
    }
}
