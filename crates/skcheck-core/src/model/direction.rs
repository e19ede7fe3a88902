//! Which way data goes.

/// One side of a socket: what was received, or what is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The receiving side: receive queue, out-of-order queue, error queue, backlog.
    Received,
    /// The sending side: write queue and retransmit queue.
    Sent,
}

impl Direction {
    /// Both sides, the receiving one first.
    pub const BOTH: [Direction; 2] = [Direction::Received, Direction::Sent];
}
