//! What measuring found of one side of a socket, and of several.

use skcheck_core::{Direction, NotMeasured, SocketEntry};

/// What one side of a socket is known to pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Its queues were walked.
    Pins(Pinned),
    /// It holds nothing.
    Nothing,
    /// It holds packets that were not walked.
    Unknown,
}

/// Pages that were measured, of one socket or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// The pages of each socket, added up: what two of them share is in it twice.
    pub(crate) pages: u64,
    /// What the heads of their packets take in slabs.
    pub(crate) slab: u64,
    /// How many sockets were measured.
    pub(crate) measured: u64,
    /// How many hold packets and were not.
    pub(crate) unknown: u64,
    /// How many pin more than was found: the walk was cut short, or packets lie elsewhere.
    pub(crate) floors: u64,
    /// How many sockets' queues changed while they were walked.
    pub(crate) changed: u64,
    /// What they share with others, measured somewhere, each socket's part added up.
    pub(crate) shared: u64,
}

/// How sure a sum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sureness {
    Exact,
    AtLeast,
    AtMost,
    About,
}

impl Measure {
    /// What one side of a socket pins.
    pub(crate) fn of(report: &SocketEntry, direction: Direction) -> Measure {
        let is_sent = direction == Direction::Sent;
        let side = report.footprint.side(direction);
        let empty = side.charged.is_some_and(|charge| charge.0 == 0);
        match &report.exact {
            _ if is_sent && empty && !report.socket.protocol.queues_what_it_sends() => Measure::Nothing,
            // It is in the queue of its reader.
            _ if is_sent && report.socket.protocol.charges_senders() => Measure::Unknown,
            Ok(exact) => {
                let (pages, slab) = (exact.pinned_by(direction).0, exact.slab_of(direction).0);
                let is_elsewhere = exact.elsewhere(&report.socket, direction).0 > 0;
                if is_elsewhere && pages == 0 && slab == 0 {
                    return Measure::Unknown;
                }
                Measure::Pins(Pinned {
                    pages,
                    slab,
                    measured: 1,
                    unknown: 0,
                    floors: u64::from(!exact.is_complete() || is_elsewhere),
                    changed: u64::from(exact.is_approximate()),
                    shared: exact.pinned_shared.0,
                })
            }
            Err(NotMeasured::Empty) => Measure::Nothing,
            Err(_) if empty => Measure::Nothing,
            Err(_) => Measure::Unknown,
        }
    }
}

impl Pinned {
    pub(super) fn add(&mut self, measure: Measure) {
        match measure {
            Measure::Nothing => {}
            Measure::Unknown => self.unknown += 1,
            Measure::Pins(one) => {
                self.pages = self.pages.saturating_add(one.pages);
                self.measured += one.measured;
                self.floors += one.floors;
                self.changed += one.changed;
                self.slab = self.slab.saturating_add(one.slab);
                self.shared = self.shared.saturating_add(one.shared);
            }
        }
    }

    /// What comes back when all of it is read: pages and slab together, each page as often as sockets pin it.
    pub(crate) fn bytes(&self) -> u64 {
        self.pages.saturating_add(self.slab)
    }

    /// The same, if there are no more than so many pages: however often sockets share them.
    pub(crate) fn of_at_most(self, all: u64) -> Pinned {
        Pinned { pages: self.pages.min(all), ..self }
    }

    /// What they pin at least, if all that they share is shared among them.
    pub(crate) fn least(&self) -> u64 {
        self.bytes().saturating_sub(self.shared)
    }

    /// How sure the sum over several sockets is; `None` where nothing was measured.
    pub(crate) fn sureness(&self) -> Option<Sureness> {
        let more = self.unknown > 0 || self.floors > 0;
        // A single socket's own pages are each counted once.
        let less = self.shared > 0 && self.measured > 1;
        match (more, less) {
            _ if self.measured == 0 => None,
            (true, true) => Some(Sureness::About),
            (true, false) => Some(Sureness::AtLeast),
            _ if self.changed > 0 => Some(Sureness::About),
            (false, true) => Some(Sureness::AtMost),
            (false, false) => Some(Sureness::Exact),
        }
    }
}
