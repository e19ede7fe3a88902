//! What measuring found, of one socket and of several.

use skcheck_core::footprint::worst;
use skcheck_core::{Agreement, Blocks, Exact, NotMeasured, Protocol, Side, Snapshot, SocketEntry};

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

/// A socket that pins more than what it was bounded by: a premise of the bound does not hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Breach<'a> {
    pub(crate) report: &'a SocketEntry,
    pub(crate) exact: &'a Exact,
    pub(crate) pinned: u64,
    pub(crate) bound: u64,
}

/// What measuring found on the whole.
#[derive(Debug, Default)]
pub(crate) struct Measured<'a> {
    /// How many sockets were measured.
    pub(crate) sockets: u64,
    /// How many were not, because heavier ones took the time that there was.
    pub(crate) no_time: u64,
    /// How many were not, because BPF could not.
    pub(crate) refused: u64,
    /// How many were gone.
    pub(crate) vanished: u64,
    /// How many can be walked by nobody.
    pub(crate) not_walkable: u64,
    /// How many are charged only for packets that lie in none of their queues.
    pub(crate) elsewhere: u64,
    /// What sockets are charged for such packets that they have received, measured or not.
    pub(crate) received_elsewhere: u64,
    /// The same of what they have sent.
    pub(crate) sent_elsewhere: u64,
    /// How many walks were cut short.
    pub(crate) cut_short: u64,
    /// How many sockets changed between the first look and the walk.
    pub(crate) moved: u64,
    /// How many sockets' packets do not add up to what the kernel accounts for.
    pub(crate) differing: u64,
    /// Pieces of packets that are no pages, or are not understood.
    pub(crate) not_counted: u64,
    /// What the heads of all packets take in slabs.
    pub(crate) slab: u64,
    /// The distinct blocks of pages of all sockets, the largest part first.
    pub(crate) blocks: Vec<Blocks>,
    /// The largest excess first.
    pub(crate) breaches: Vec<Breach<'a>>,
}

impl Measure {
    /// What one side of a socket pins.
    pub(crate) fn of(report: &SocketEntry, sending: bool) -> Measure {
        let side = side(report, sending);
        let empty = side.charged.is_some_and(|charge| charge.0 == 0);
        match &report.exact {
            _ if sending && empty && report.socket.protocol != Protocol::Tcp => Measure::Nothing,
            // It is in the queue of its reader.
            _ if sending && report.socket.protocol.is_unix() => Measure::Unknown,
            Ok(exact) => {
                let (pages, slab) = (pages(exact, sending), slab(exact, sending));
                let is_elsewhere = exact.elsewhere(&report.socket, sending).0 > 0;
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

impl<'a> Measured<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Measured<'a> {
        let mut measured = Measured { blocks: snapshot.blocks(), ..Measured::default() };
        let page = snapshot.host.page_size;
        measured.blocks.sort_by_key(|blocks| std::cmp::Reverse(blocks.bytes(page).0));
        for report in &snapshot.sockets {
            match &report.exact {
                Ok(exact) => measured.add(report, exact, snapshot),
                Err(NotMeasured::NoTime) => measured.no_time += 1,
                Err(NotMeasured::Refused) => measured.refused += 1,
                Err(NotMeasured::Vanished) => measured.vanished += 1,
                Err(NotMeasured::NotWalkable) => measured.not_walkable += 1,
                Err(NotMeasured::Elsewhere) => {
                    measured.elsewhere += 1;
                    measured.add_elsewhere([false, true].map(|sending| charge(report, sending)));
                }
                Err(_) => {}
            }
        }
        measured.breaches.sort_by_key(|breach| std::cmp::Reverse(breach.pinned - breach.bound));
        measured
    }

    /// Whether every socket that holds packets was measured, to its end.
    pub(crate) fn is_all(&self) -> bool {
        self.unmeasured() + self.cut_short + self.received_elsewhere + self.sent_elsewhere == 0
    }

    /// How many sockets that hold packets were not measured.
    pub(crate) fn unmeasured(&self) -> u64 {
        self.no_time + self.refused + self.vanished + self.not_walkable + self.elsewhere
    }

    fn add_elsewhere(&mut self, [received, sent]: [u64; 2]) {
        self.received_elsewhere = self.received_elsewhere.saturating_add(received);
        self.sent_elsewhere = self.sent_elsewhere.saturating_add(sent);
    }

    fn add(&mut self, report: &'a SocketEntry, exact: &'a Exact, snapshot: &Snapshot) {
        let agreement = exact.agreement(&report.socket);
        self.sockets += 1;
        self.cut_short += u64::from(!exact.is_complete());
        self.moved += u64::from(agreement == Agreement::Moved);
        self.differing += u64::from(agreement == Agreement::Differs);
        self.not_counted = self.not_counted.saturating_add(exact.not_counted);
        self.slab = self.slab.saturating_add(exact.slab.0);
        self.add_elsewhere([false, true].map(|sending| exact.elsewhere(&report.socket, sending).0));
        for sending in [false, true] {
            let pinned = pages(exact, sending);
            let bound = bound(report, exact, sending, snapshot);
            if let Some(bound) = bound.filter(|bound| *bound < pinned) {
                self.breaches.push(Breach { report, exact, pinned, bound });
            }
        }
    }
}

/// What one side is bounded by. What came after the first look was not in its bound.
fn bound(report: &SocketEntry, exact: &Exact, sending: bool, snapshot: &Snapshot) -> Option<u64> {
    let side = side(report, sending);
    let first = side.worst?.bytes.0;
    let truesize = exact.truesize(sending);
    if side.charged.is_some_and(|charge| truesize <= charge)
        && exact.agreement(&report.socket) == Agreement::Same
    {
        return Some(first);
    }
    Some(worst(truesize, None, &snapshot.host).bytes.0.max(first))
}

/// Pages that several sockets pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared {
    /// Each page once.
    once: u64,
    /// Each page as often as there are sockets that pin it.
    each: u64,
}

impl Shared {
    pub(super) fn of(snapshot: &Snapshot) -> Shared {
        let (mut each, mut alone) = (0_u64, 0_u64);
        for exact in snapshot.sockets.iter().filter_map(|report| report.exact.as_ref().ok()) {
            let all = exact.pinned.0.saturating_add(exact.send_pinned.0);
            each = each.saturating_add(exact.pinned_shared.0);
            alone = alone.saturating_add(all.saturating_sub(exact.pinned_shared.0));
        }
        Shared { once: snapshot.pinned(|_| true).0.saturating_sub(alone).min(each), each }
    }

    /// What one socket has of these pages, as if all of them were shared by as many.
    fn part(&self, bytes: u64) -> u64 {
        let part = u128::from(bytes) * u128::from(self.once) / u128::from(self.each.max(1));
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

/// What one side of a socket weighs beside others: what it pins where that was measured, its part alone of
/// what others pin too; at least what it is charged.
pub(super) fn weight_beside(report: &SocketEntry, sending: bool, shared: &Shared) -> u64 {
    let Measure::Pins(pinned) = Measure::of(report, sending) else { return weight(report, sending) };
    let ours = pinned.shared.min(pinned.pages);
    charge(report, sending).max((pinned.bytes() - ours).saturating_add(shared.part(ours)))
}

/// What one side of a socket weighs: what it pins where that was measured, at least what it is charged.
pub(super) fn weight(report: &SocketEntry, sending: bool) -> u64 {
    let pinned = match Measure::of(report, sending) {
        Measure::Pins(pinned) => pinned.bytes(),
        _ => 0,
    };
    charge(report, sending).max(pinned)
}

fn charge(report: &SocketEntry, sending: bool) -> u64 {
    let side = side(report, sending);
    let charged = side.charged.map(|charge| charge.0);
    // Where a charge is unknown, what is unread weighs: it is charged for more than that.
    let payload = side.payload.map(|payload| payload.0).filter(|_| !sending);
    charged.or(payload).unwrap_or(0)
}

fn pages(exact: &Exact, sending: bool) -> u64 {
    if sending { exact.send_pinned.0 } else { exact.pinned.0 }
}

fn slab(exact: &Exact, sending: bool) -> u64 {
    if sending { exact.send_slab.0 } else { exact.slab.0.saturating_sub(exact.send_slab.0) }
}

fn side(report: &SocketEntry, sending: bool) -> &Side {
    if sending { &report.footprint.sent } else { &report.footprint.received }
}
