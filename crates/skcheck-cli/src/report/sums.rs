//! Numbers of several sockets, units kept apart.

use skcheck_core::{Certainty, Connections, RecvQueue, Report as SocketReport, Side, State};

/// Numbers of several sockets, units kept apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// How many sockets.
    pub(crate) sockets: u64,
    /// How many of them are closed and still held.
    pub(crate) closed_held: u64,
    /// Connections that wait at listeners.
    pub(crate) waiting: u64,
    /// Payload that was not read.
    pub(crate) unread: Sum,
    /// Payload that the peers have not acknowledged.
    pub(crate) unsent: Sum,
    /// The receiving side.
    pub(crate) received: Charge,
    /// The sending side.
    pub(crate) sent: Charge,
}

/// What one side of several sockets is charged and can pin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) charged: Sum,
    pub(crate) worst: Sum,
}

/// A sum of which a part may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) known: u64,
    /// How many sockets add an unknown amount, or more than what is known.
    pub(crate) unknown: u64,
    /// How many sockets add what is an estimate.
    pub(crate) estimated: u64,
}

impl Sum {
    fn add(&mut self, number: Option<u64>, certainty: Certainty) {
        self.known = self.known.saturating_add(number.unwrap_or(0));
        self.unknown += u64::from(number.is_none() || certainty == Certainty::Floor);
        self.estimated += u64::from(number.is_some() && certainty == Certainty::Estimate);
    }
}

impl Sums {
    fn add(&mut self, report: &SocketReport) {
        let footprint = &report.footprint;
        self.sockets += 1;
        self.closed_held += u64::from(report.socket.state == State::ClosedHeld);
        if let RecvQueue::Connections(Connections(waiting)) = report.socket.recv_q {
            self.waiting += u64::from(waiting);
        }
        self.unread.add(footprint.received.payload.map(|payload| payload.0), Certainty::Exact);
        self.unsent.add(footprint.sent.payload.map(|payload| payload.0), Certainty::Exact);
        self.received.add(&footprint.received, footprint.certainty);
        self.sent.add(&footprint.sent, Certainty::Exact);
    }

    /// Over these sockets.
    pub(crate) fn of<'a>(sockets: impl IntoIterator<Item = &'a SocketReport>) -> Sums {
        let mut sums = Sums::default();
        sockets.into_iter().for_each(|report| sums.add(report));
        sums
    }

    /// Whether the sending side is charged more than the receiving one.
    pub(crate) fn mostly_sent(&self) -> bool {
        self.sent.charged.known > self.received.charged.known
    }
}

impl Charge {
    fn add(&mut self, side: &Side, certainty: Certainty) {
        self.charged.add(side.charged.map(|charge| charge.0), certainty);
        self.worst.add(side.worst.map(|worst| worst.bytes.0), certainty);
    }
}
