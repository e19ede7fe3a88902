//! What measuring found on the whole.

use skcheck_core::{Agreement, Blocks, Direction, Exact, NotMeasured, Snapshot, SocketEntry, Worst};

use crate::report::weight::charge;

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
pub(crate) struct MeasuringSummary<'a> {
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

impl<'a> MeasuringSummary<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> MeasuringSummary<'a> {
        let mut measured =
            MeasuringSummary { blocks: snapshot.blocks().collect(), ..MeasuringSummary::default() };
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
                    measured.add_elsewhere(Direction::BOTH.map(|direction| charge(report, direction)));
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
        self.add_elsewhere(Direction::BOTH.map(|direction| exact.elsewhere(&report.socket, direction).0));
        for direction in Direction::BOTH {
            let pinned = exact.pinned_by(direction).0;
            let bound = bound(report, exact, direction, snapshot);
            if let Some(bound) = bound.filter(|bound| *bound < pinned) {
                self.breaches.push(Breach { report, exact, pinned, bound });
            }
        }
    }
}

/// What one side is bounded by. What came after the first look was not in its bound.
fn bound(report: &SocketEntry, exact: &Exact, direction: Direction, snapshot: &Snapshot) -> Option<u64> {
    let side = report.footprint.side(direction);
    let first = side.worst?.bytes.0;
    let truesize = exact.truesize(direction);
    if side.charged.is_some_and(|charge| truesize <= charge)
        && exact.agreement(&report.socket) == Agreement::Same
    {
        return Some(first);
    }
    Some(Worst::of(truesize, None, &snapshot.host).bytes.0.max(first))
}
