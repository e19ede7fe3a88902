//! Sockets that hold nothing unread, beside those that do, in words.

use skcheck_core::{Holding, RecvQueue, SocketEntry, Truesize};

use crate::report::scan::ScanReport;
use crate::text::count;

/// What the sockets have that hold nothing unread, where others do.
pub(super) fn sentence(report: &ScanReport<'_>) -> Option<String> {
    let (all, with_unread) = (report.totals.sockets, report.totals.unread_sockets);
    let others = all.saturating_sub(with_unread);
    if others == 0 || with_unread == 0 {
        return None;
    }
    let is_other = |it: &&SocketEntry| it.footprint.received.payload.is_some_and(|unread| unread.0 == 0);
    const KINDS: [&str; 6] = [
        "with unsent data",
        "closed by the process, not finished",
        "at which connections wait for accept",
        "with rings",
        "with data that cannot be read yet, or without a byte",
        "with error queues that are never fetched",
    ];
    let kind = |it: &SocketEntry| {
        let has = |charged: Option<Truesize>| charged.is_some_and(|charge| charge.0 > 0);
        Some(match it.socket.recv_q {
            _ if it.holding == Holding::Orphan => KINDS[1],
            RecvQueue::Connections(waiting) if waiting.0 > 0 => KINDS[2],
            _ if it.footprint.rings.is_none_or(|rings| rings.0 > 0) => KINDS[3],
            _ if it.error_packets() > Some(0) => KINDS[5],
            _ if has(it.footprint.received.charged) => KINDS[4],
            _ if has(it.footprint.sent.charged) => KINDS[0],
            _ => return None,
        })
    };
    let kinds: Vec<&str> = report.snapshot.sockets.iter().filter(is_other).filter_map(kind).collect();
    let told = KINDS.map(|kind| (kinds.iter().filter(|it| **it == kind).count(), kind));
    let told: Vec<String> =
        told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let told = if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) };
    let hold = if others == 1 { "holds" } else { "hold" };
    Some(format!("{} more {hold} nothing unread{told}.", count(others, "socket")))
}
