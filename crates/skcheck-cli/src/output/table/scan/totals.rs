//! What all matching sockets add up to, in words.

use skcheck_core::Cap;

use crate::output::table::scan::amount::amount;
use crate::output::table::scan::others;
use crate::output::words::room;
use crate::report::scan::ScanReport;
use crate::text::{count, size};

/// What all matching sockets add up to.
pub(super) fn totals(report: &ScanReport<'_>) -> Vec<String> {
    let mut lines = vec![format!("{}{}{}", holders(report), charged(report), worst(report))];
    lines.extend(others::sentence(report));
    let sent = sent_charge(report);
    if sent > 0 {
        lines.push(format!("Their sending sides are charged {} more (all but unix sockets).", size(sent)));
    }
    lines.extend(ring_totals(report));
    lines.extend(room::totals(&report.snapshot.sockets));
    lines
}

/// `2 sockets of 1 process hold 10 B unread`.
fn holders(report: &ScanReport<'_>) -> String {
    let totals = &report.totals;
    let whose = |processes: u64| match processes {
        0 => "no known process".to_owned(),
        n => count(n, "process"),
    };
    if totals.unread_sockets == 0 {
        let what = match totals.rings.0 {
            0 => "Nothing is unread",
            _ => "Beside what is in rings, nothing is unread",
        };
        return format!("{what} at {} of {}", count(totals.sockets, "socket"), whose(totals.processes));
    }
    let unread = match (totals.unread.0, totals.unread_unknown) {
        (known, 0) => format!("{} unread", size(known)),
        (0, n) if n == totals.unread_sockets => "an unknown amount unread".to_owned(),
        (known, n) => format!("{} unread, and an unknown amount at {n} of them", size(known)),
    };
    let hold = if totals.unread_sockets == 1 { "holds" } else { "hold" };
    format!(
        "{} of {} {hold} {unread}",
        count(totals.unread_sockets, "socket"),
        whose(totals.unread_processes)
    )
}

/// `. The kernel charges 10 KiB for it`.
fn charged(report: &ScanReport<'_>) -> String {
    let totals = &report.totals;
    let received = if totals.unread_sockets == 0 { "what they received" } else { "it" };
    match (amount(report.sums.received.charged), totals.charged_unknown) {
        (Some(charged), _) => format!(". The kernel charges {charged} for {received}"),
        (None, 0) => format!(". The kernel charges {} for {received}", size(0)),
        (None, _) => format!(". What the kernel charges for {received} is unknown"),
    }
}

/// `; at worst it can pin 1 MiB, if ...`: no word of that where all of it was measured.
fn worst(report: &ScanReport<'_>) -> String {
    let totals = &report.totals;
    let all_measured = report.measured.sockets > 0 && report.measured.is_all();
    if totals.worst.0 == 0 || all_measured {
        return ".".to_owned();
    }
    let cap = match totals.cap {
        Some(Cap::Unowned) => " (capped: that is all memory in use that nothing else owns)",
        Some(Cap::HostPackets) => " (capped: all packets of this host together can pin no more)",
        _ => "",
    };
    format!(
        "; at worst it can pin {}{cap}, if packets lie in the network stack's own chunks of {} (not so for \
         sendfile, splice and zero-copy pages, nor for drivers with larger pages).",
        size(totals.worst.0),
        size(report.snapshot.host.chunk_size.0)
    )
}

/// What rings take, in no other sum.
fn ring_totals(report: &ScanReport<'_>) -> Option<String> {
    let totals = &report.totals;
    let unknown = match totals.rings_unknown {
        0 => String::new(),
        n => format!("; whether {} more have rings is unknown", count(n, "packet socket")),
    };
    match (totals.rings.0, totals.rings_unknown) {
        (0, 0) => None,
        (0, n) => Some(format!("Whether {} have rings is unknown.", count(n, "packet socket"))),
        (rings, _) => Some(format!("Rings of packet sockets take {} beside that{unknown}.", size(rings))),
    }
}

fn sent_charge(report: &ScanReport<'_>) -> u64 {
    let others = report.snapshot.sockets.iter().filter(|report| !report.socket.protocol.charges_senders());
    others
        .filter_map(|report| report.footprint.sent.charged)
        .map(|charge| charge.0)
        .fold(0, u64::saturating_add)
}
