//! The queue of connections that wait at a listener. Pure.

use crate::model::queues::{RecvQueue, SendQueue};
use crate::model::state::State;
use crate::model::units::Connections;
use crate::snapshot::entry::SocketEntry;

/// An accept queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AcceptQueue {
    pub(crate) waiting: u32,
    pub(crate) limit: Option<u32>,
}

impl AcceptQueue {
    /// Whether a connection request finds no room at a listener.
    pub(crate) fn is_full_at(listener: &SocketEntry) -> bool {
        AcceptQueue::of(listener).is_some_and(AcceptQueue::is_full)
    }

    /// That of a listener; `None` for another socket, and where the kernel does not tell.
    pub(crate) fn of(listener: &SocketEntry) -> Option<AcceptQueue> {
        let RecvQueue::Connections(Connections(waiting)) = listener.socket.recv_q else { return None };
        let limit = match listener.socket.send_q {
            SendQueue::BacklogLimit(Connections(limit)) => Some(limit),
            _ => None,
        };
        (listener.socket.state == State::Listen).then_some(AcceptQueue { waiting, limit })
    }

    /// One more than the limit fits (`sk_acceptq_is_full`); at the limit it is as good as full.
    pub(crate) fn is_full(self) -> bool {
        self.limit.is_some_and(|limit| self.waiting >= limit.max(1))
    }
}
