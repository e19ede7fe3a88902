//! What one side of a socket weighs, alone and beside others.

use skcheck_core::{Direction, Snapshot, SocketEntry};

use crate::report::measure::Measure;

/// Pages that several sockets pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SharedPages {
    /// Each page once.
    once: u64,
    /// Each page as often as there are sockets that pin it.
    each: u64,
}

impl SharedPages {
    pub(super) fn of(snapshot: &Snapshot) -> SharedPages {
        let (mut each, mut alone) = (0_u64, 0_u64);
        for exact in snapshot.sockets.iter().filter_map(|report| report.exact.as_ref().ok()) {
            let all = exact.pinned.0.saturating_add(exact.send_pinned.0);
            each = each.saturating_add(exact.pinned_shared.0);
            alone = alone.saturating_add(all.saturating_sub(exact.pinned_shared.0));
        }
        SharedPages { once: snapshot.pinned(|_| true).0.saturating_sub(alone).min(each), each }
    }

    /// What one socket has of these pages, as if all of them were shared by as many.
    fn part(&self, bytes: u64) -> u64 {
        let part = u128::from(bytes) * u128::from(self.once) / u128::from(self.each.max(1));
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

/// What one side of a socket weighs beside others: what it pins where that was measured, its part alone of
/// what others pin too; at least what it is charged.
pub(super) fn weight_beside(report: &SocketEntry, direction: Direction, shared: &SharedPages) -> u64 {
    let Measure::Pins(pinned) = Measure::of(report, direction) else { return weight(report, direction) };
    let ours = pinned.shared.min(pinned.pages);
    charge(report, direction).max((pinned.bytes() - ours).saturating_add(shared.part(ours)))
}

/// What one side of a socket weighs: what it pins where that was measured, at least what it is charged.
pub(super) fn weight(report: &SocketEntry, direction: Direction) -> u64 {
    let pinned = match Measure::of(report, direction) {
        Measure::Pins(pinned) => pinned.bytes(),
        _ => 0,
    };
    charge(report, direction).max(pinned)
}

/// What one side of a socket is charged, as far as is known.
pub(super) fn charge(report: &SocketEntry, direction: Direction) -> u64 {
    let side = report.footprint.side(direction);
    let charged = side.charged.map(|charge| charge.0);
    // Where a charge is unknown, what is unread weighs: it is charged for more than that.
    let payload = side.payload.map(|payload| payload.0).filter(|_| direction == Direction::Received);
    charged.or(payload).unwrap_or(0)
}
