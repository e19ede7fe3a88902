//! What a socket is charged and no walk finds.
//!
//! A walk covers the queues of the socket itself. What UDP and its like have sent lies in the queue of a
//! device; what a sockmap program has taken off the receive queue lies in one of its own (`sk_psock`). Both
//! are charged to the socket all the same, so a walk that finds nothing does not mean that there is nothing.

use crate::exact::Exact;
use crate::socket::{Family, Protocol, SendQueue, Socket};
use crate::units::Truesize;

impl Exact {
    /// What is charged for one side of a socket, in truesize, and was in no queue that was walked: by the
    /// kernel's numbers at the time of the walk (`sk_rmem_alloc`, `sk_backlog.len`; TCP's `sk_wmem_queued`),
    /// and for what others have sent by those of the record (`sk_wmem_alloc`).
    ///
    /// 0 where the walk was cut short, and where what is lacking may have moved under it: while a queue
    /// changes, less than half of the charge. 0 of unix sockets, too: what one has sent lies in the queue of
    /// its reader.
    pub fn elsewhere(&self, socket: &Socket, sending: bool) -> Truesize {
        if socket.family == Family::Unix || self.side(sending).any(|queue| !queue.complete) {
            return Truesize(0);
        }
        let charged = self.charge(socket, sending).0;
        let lacking = charged.saturating_sub(self.truesize(sending).0);
        let is_still = match sending {
            false => self.counters.unchanged,
            true => !self.side(true).any(|queue| queue.approximate),
        };
        Truesize(if is_still || lacking > charged / 2 { lacking } else { 0 })
    }

    /// Every packet that the kernel charges to the socket was walked.
    pub fn is_whole(&self, socket: &Socket) -> bool {
        let nothing = Truesize(0);
        self.is_complete() && [false, true].map(|sending| self.elsewhere(socket, sending)) == [nothing; 2]
    }

    fn charge(&self, socket: &Socket, sending: bool) -> Truesize {
        let counters = &self.counters;
        match (sending, socket.protocol) {
            (false, _) => Truesize(counters.rmem_alloc.0.saturating_add(counters.backlog.0)),
            (true, Protocol::Tcp) => counters.wmem_queued,
            (true, _) => match (socket.skmem.wmem_alloc, socket.send_q) {
                (Some(bytes), _) => Truesize(bytes.into()),
                (None, SendQueue::Truesize(charge)) => charge,
                _ => Truesize(0),
            },
        }
    }
}
