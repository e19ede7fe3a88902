//! The numbers of a row, with their marks.

use skcheck_core::{
    Bytes, Certainty, Connections, Footprint, Payload, Protocol, RecvQueue, SendQueue, Side, Socket, Truesize,
};

use crate::output::table::scan::writer::RowWriter;
use crate::output::words::pages::sureness;
use crate::report::{Measure, PartialSum, Pinned, Sureness};
use crate::text::size;

/// Stands for what was not measured, which is not zero.
pub(super) const NOT_MEASURED: &str = "?";

impl RowWriter<'_> {
    pub(super) fn sum(&self, PartialSum { known, unknown, estimated }: PartialSum) -> String {
        match (known, unknown, estimated) {
            (0, 1.., _) => "?".to_owned(),
            (known, _, 1..) => format!("{}{}", self.names.charset.about(), size(known)),
            (known, 0, _) => size(known),
            (known, ..) => format!("{}{}", self.names.charset.at_least(), size(known)),
        }
    }

    fn mark(&self, certainty: Certainty) -> &'static str {
        match certainty {
            Certainty::Floor => self.names.charset.at_least(),
            Certainty::Estimate => self.names.charset.about(),
            _ => "",
        }
    }

    pub(super) fn recv_q(&self, socket: &Socket, footprint: &Footprint) -> String {
        match socket.recv_q {
            // The kernel's number is of the first datagram only; all of them were counted.
            RecvQueue::FirstDatagram(_) if footprint.received.payload.is_some() => {
                size(footprint.received.payload.map_or(0, |payload| payload.0))
            }
            RecvQueue::Payload(Payload(n)) | RecvQueue::Truesize(Truesize(n @ 0)) => size(n),
            RecvQueue::Truesize(Truesize(n)) => format!("{}{}", self.names.charset.at_most(), size(n)),
            RecvQueue::Connections(Connections(n)) => format!("{n} conn"),
            // An empty first datagram and an empty queue look the same, unless a sender is charged.
            RecvQueue::FirstDatagram(Payload(0)) if footprint.certainty == Certainty::Exact => size(0),
            RecvQueue::FirstDatagram(Payload(n)) => format!("{}{}", self.names.charset.at_least(), size(n)),
            _ => "?".to_owned(),
        }
    }

    pub(super) fn send_q(&self, socket: &Socket, footprint: &Footprint) -> String {
        match socket.send_q {
            // The kernel's number leaves out what no packet carries yet.
            SendQueue::Truesize(_) if socket.protocol == Protocol::Mptcp => match footprint.sent.payload {
                Some(Payload(unsent)) => size(unsent),
                None => "?".to_owned(),
            },
            SendQueue::Payload(Payload(n)) | SendQueue::Truesize(Truesize(n @ 0)) => size(n),
            SendQueue::Truesize(Truesize(n)) => format!("{}{}", self.names.charset.at_most(), size(n)),
            SendQueue::BacklogLimit(Connections(n)) => format!("/{n}"),
            _ => "?".to_owned(),
        }
    }

    /// What a socket pins.
    pub(super) fn pinned(&self, measure: Measure) -> String {
        match measure {
            _ if !self.measured => String::new(),
            Measure::Nothing => size(0),
            Measure::Unknown => NOT_MEASURED.to_owned(),
            Measure::Pins(pinned) => self.pinned_sum(&pinned),
        }
    }

    pub(super) fn pinned_sum(&self, pinned: &Pinned) -> String {
        if !self.measured {
            return String::new();
        }
        let Some(sureness) = sureness(pinned) else {
            return if pinned.unknown == 0 { size(0) } else { NOT_MEASURED.to_owned() };
        };
        let mark = match sureness {
            Sureness::Exact => "",
            Sureness::AtLeast => self.names.charset.at_least(),
            Sureness::AtMost => self.names.charset.at_most(),
            Sureness::About => self.names.charset.about(),
        };
        // However often they share pages: together they pin no more than all sockets do.
        let all = self.names.snapshot.pinned(|_| true);
        format!("{mark}{}", size(pinned.of_at_most(all.0).bytes()))
    }

    pub(super) fn charged(&self, side: &Side, certainty: Certainty) -> String {
        let mark = self.mark(certainty);
        side.charged.map_or_else(|| "?".to_owned(), |charge| format!("{mark}{}", size(charge.0)))
    }

    pub(super) fn worst(&self, side: &Side, certainty: Certainty) -> String {
        let Some(worst) = side.worst else { return "?".to_owned() };
        let mark = if worst.saturated { self.names.charset.at_least() } else { self.mark(certainty) };
        let charged = side.charged.map_or(0, |charge| charge.0);
        format!("{mark}{}", size(self.capped(worst.bytes.0, charged)))
    }

    /// A bound, no larger than what this host has to pin: as for all sockets together.
    pub(super) fn capped(&self, worst: u64, charged: u64) -> u64 {
        self.names.snapshot.capped(Bytes(worst), Truesize(charged)).0.0
    }
}
