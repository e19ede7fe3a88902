//! Puts what was measured in the place of what was estimated.

use crate::engine::Queue;
use crate::exact::measured::Exact;
use crate::footprint::{Footprint, HostFacts};
use crate::model::direction::Direction;
use crate::model::queues::UnixQueue;
use crate::model::socket::Socket;
use crate::model::state::State;

impl Footprint {
    /// Adds what a walk knows better than the record: the payload of datagrams, that of a TCP socket that was
    /// closed (whether its Recv-Q counts a FIN cannot be told), and all that waits for a unix reader.
    pub(crate) fn refine(&mut self, socket: &Socket, exact: &Exact, host: &HostFacts) {
        if !exact.knows_unread(socket) {
            return;
        }
        if self.received.payload.is_none() || socket.state == State::ClosedHeld {
            self.received.payload = Some(exact.unread());
        }
        if socket.protocol.charges_senders() && exact.is_complete() && !exact.is_approximate() {
            let packets = exact.queue(Queue::Receive).map_or(0, |queue| queue.packets);
            let queue =
                UnixQueue { payload: exact.unread(), truesize: exact.truesize(Direction::Received), packets };
            self.know_unix_queue(socket, &queue, host);
        }
    }
}
