//! Which way data goes.

use skcheck_core::{Exact, Side, Socket, SocketEntry, Truesize};

/// One side of a socket: what was received, or what is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Received,
    Sent,
}

impl Direction {
    pub(crate) const BOTH: [Direction; 2] = [Direction::Received, Direction::Sent];

    /// What a socket's record tells of this side.
    pub(crate) fn side(self, report: &SocketEntry) -> &Side {
        match self {
            Direction::Received => &report.footprint.received,
            Direction::Sent => &report.footprint.sent,
        }
    }

    /// The pages that this side was found to pin.
    pub(crate) fn pages(self, exact: &Exact) -> u64 {
        match self {
            Direction::Received => exact.pinned.0,
            Direction::Sent => exact.send_pinned.0,
        }
    }

    /// What this side was found to take in slabs.
    pub(crate) fn slab(self, exact: &Exact) -> u64 {
        match self {
            Direction::Received => exact.slab.0.saturating_sub(exact.send_slab.0),
            Direction::Sent => exact.send_slab.0,
        }
    }

    /// The truesize of what was walked of this side.
    pub(crate) fn truesize(self, exact: &Exact) -> Truesize {
        exact.truesize(self == Direction::Sent)
    }

    /// What is charged for this side and was in no queue that was walked.
    pub(crate) fn elsewhere(self, exact: &Exact, socket: &Socket) -> Truesize {
        exact.elsewhere(socket, self == Direction::Sent)
    }

    /// Whether something was found of what this side is charged, or it is charged nothing.
    pub(crate) fn is_found(self, exact: &Exact, socket: &Socket) -> bool {
        self.elsewhere(exact, socket).0 == 0 || self.truesize(exact).0 > 0
    }
}
