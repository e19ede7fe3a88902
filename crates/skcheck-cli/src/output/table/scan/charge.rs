//! What the kernel charges for one side of somebody's sockets, in words.

use skcheck_core::{Bytes, Truesize};

use crate::output::table::scan::amount::amount;
use crate::output::words::pages::pins;
use crate::report::Charge;
use crate::report::scan::ScanReport;
use crate::text::{count, size};

/// What the kernel charges for one side of somebody's sockets, and what that can pin.
pub(super) fn charge(report: &ScanReport<'_>, side: &Charge) -> String {
    // However often they share pages: together they pin no more than all sockets do.
    let measured = pins(&side.pinned.of_at_most(report.snapshot.pinned(|_| true).0));
    let Some(charged) = amount(side.charged) else {
        let unknown = "hat the kernel charges for it is unknown";
        return measured.map_or_else(|| format!("W{unknown}."), |pins| format!("It {pins}; w{unknown}."));
    };
    if let Some(pins) = measured {
        return format!("The kernel charges {charged} for it; it {pins}.");
    }
    let (Bytes(worst), cap) = report.snapshot.capped(Bytes(side.worst.known), Truesize(side.charged.known));
    let pins = match (cap, side.worst.unknown) {
        (Some(_), _) => format!("can pin up to {}, as this host has no more to pin", size(worst)),
        (None, 0) => format!("can pin up to {}", size(worst)),
        (None, n) => {
            format!("can pin up to {}, and an unknown amount at {}", size(worst), count(n, "socket"))
        }
    };
    format!("The kernel charges {charged} for it; it {pins}.")
}
