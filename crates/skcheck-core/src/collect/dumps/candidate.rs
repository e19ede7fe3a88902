//! A record that may match.

use std::time::Instant;

use crate::model::socket::Socket;
use crate::model::state::State;

/// A record that may match, and when the kernel gave it.
pub(crate) struct Candidate {
    pub socket: Socket,
    pub read_at: Instant,
}

impl Candidate {
    /// One that the kernel has just given.
    pub(crate) fn now(socket: Socket) -> Candidate {
        Candidate { socket, read_at: Instant::now() }
    }

    /// Whether it holds nothing, as far as its record tells.
    pub(crate) fn is_idle(&self) -> bool {
        !self.socket.holds_something() && self.socket.state != State::ClosedHeld
    }
}
