//! Numbers of several sockets, units kept apart.

use skcheck_core::engine::Queue;
use skcheck_core::{Certainty, Connections, Direction, RecvQueue, Side, SocketEntry, State};

use crate::report::measure::{Measure, Pinned};
use crate::report::weight::weight;

/// Numbers of several sockets, units kept apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// How many sockets.
    pub(crate) sockets: u64,
    /// How many of them are closed and still held, and of unknown size.
    pub(crate) closed_held: u64,
    /// Connections that wait at listeners.
    pub(crate) waiting: u64,
    /// Payload that was not read.
    pub(crate) unread: PartialSum,
    /// Payload that the peers have not acknowledged.
    pub(crate) unsent: PartialSum,
    /// Packets in error queues that were never fetched.
    pub(crate) errors: u64,
    /// What these are charged, where they were walked.
    pub(crate) errors_charged: u64,
    /// What rings of packet sockets take.
    pub(crate) rings: PartialSum,
    /// The receiving side.
    pub(crate) received: Charge,
    /// The sending side.
    pub(crate) sent: Charge,
}

/// What one side of several sockets is charged and can pin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) charged: PartialSum,
    pub(crate) worst: PartialSum,
    pub(crate) pinned: Pinned,
    /// What was measured or, where that is less or was not, what is charged.
    pub(crate) weight: u64,
}

/// A sum of which a part may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PartialSum {
    pub(crate) known: u64,
    /// How many sockets add an unknown amount, or more than what is known.
    pub(crate) unknown: u64,
    /// How many sockets add what is an estimate.
    pub(crate) estimated: u64,
}

impl PartialSum {
    fn add(&mut self, number: Option<u64>, certainty: Certainty) {
        self.known = self.known.saturating_add(number.unwrap_or(0));
        self.unknown += u64::from(number.is_none() || certainty == Certainty::Floor);
        self.estimated += u64::from(number.is_some() && certainty == Certainty::Estimate);
    }
}

impl Sums {
    fn add(&mut self, report: &SocketEntry) {
        let footprint = &report.footprint;
        self.sockets += 1;
        self.closed_held += u64::from(is_closed_unknown(report));
        if let RecvQueue::Connections(Connections(waiting)) = report.socket.recv_q {
            self.waiting += u64::from(waiting);
        }
        self.unread.add(footprint.received.payload.map(|payload| payload.0), Certainty::Exact);
        self.unsent.add(footprint.sent.payload.map(|payload| payload.0), Certainty::Exact);
        self.errors = self.errors.saturating_add(report.error_packets().unwrap_or(0));
        self.errors_charged = self.errors_charged.saturating_add(errors_charged(report));
        self.rings.add(footprint.rings.map(|rings| rings.0), Certainty::Exact);
        self.received.add(&footprint.received, footprint.certainty);
        self.sent.add(&footprint.sent, Certainty::Exact);
        let sides = [&mut self.received, &mut self.sent];
        for (side, direction) in sides.into_iter().zip(Direction::BOTH) {
            side.pinned.add(Measure::of(report, direction));
            side.weight = side.weight.saturating_add(weight(report, direction));
        }
    }

    /// Over these sockets.
    pub(crate) fn of<'a>(sockets: impl IntoIterator<Item = &'a SocketEntry>) -> Sums {
        let mut sums = Sums::default();
        sockets.into_iter().for_each(|report| sums.add(report));
        sums
    }

    /// Whether rings weigh more than what waits in queues.
    pub(crate) fn mostly_rings(&self) -> bool {
        self.rings.known > self.received.weight.max(self.sent.weight)
    }

    /// Whether most of what was received, by its charge, waits in error queues.
    pub(crate) fn mostly_errors(&self) -> bool {
        self.errors > 0 && self.errors_charged.saturating_mul(2) > self.received.charged.known
    }

    /// Whether the sending side weighs more than the receiving one.
    pub(crate) fn mostly_sent(&self) -> bool {
        let charged = |side: &Charge| side.charged.known.max(side.pinned.bytes());
        charged(&self.sent) > charged(&self.received)
    }

    /// The side that weighs more.
    pub(crate) fn larger(&self) -> (Direction, &Charge) {
        if self.mostly_sent() { (Direction::Sent, &self.sent) } else { (Direction::Received, &self.received) }
    }
}

impl Charge {
    fn add(&mut self, side: &Side, certainty: Certainty) {
        self.charged.add(side.charged.map(|charge| charge.0), certainty);
        self.worst.add(side.worst.map(|worst| worst.bytes.0), certainty);
    }
}

/// What the packets in its error queue are charged to what was received.
fn errors_charged(report: &SocketEntry) -> u64 {
    let errors = report.exact.as_ref().ok().and_then(|exact| exact.queue(Queue::Error));
    errors.map_or(0, |queue| queue.truesize.0.saturating_sub(queue.in_options.0))
}

/// The side of this socket that a table shows: the larger one, and not memory that the receiving side already
/// shows.
pub(crate) fn shown_side(report: &SocketEntry) -> Direction {
    Sums::of([report]).larger().0
}

/// Whether that is the sending one.
pub(crate) fn shows_sent(report: &SocketEntry) -> bool {
    shown_side(report) == Direction::Sent
}

/// Whether a socket is closed and still held, and nothing tells what it holds.
pub(crate) fn is_closed_unknown(report: &SocketEntry) -> bool {
    report.socket.state == State::ClosedHeld && report.socket.recv_q == RecvQueue::Unknown
}
