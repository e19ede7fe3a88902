use skcheck_core::{Query, Snapshot};

use crate::output::table::scan::totals::totals;
use crate::output::table::scan::writer::RowWriter;
use crate::output::words::names::SnapshotNames;
use crate::report::scan::tests::{report_of, snapshot};
use crate::report::scan::{Arrangement, GroupBy, SortKey};
use crate::text::{Charset, size};

const ARRANGEMENT: Arrangement =
    Arrangement { sort: SortKey::Charged, by: GroupBy::Process, top: None, per_process: None };

fn writer(snapshot: &Snapshot) -> RowWriter<'_> {
    RowWriter { names: SnapshotNames { snapshot, charset: Charset::Ascii, wide: false }, measured: false }
}

/// What a host has no more of, no row can pin.
#[test]
fn the_worst_of_a_row_is_what_the_host_can_pin() {
    let mut snapshot = snapshot(&[(1, &[10], 600_000, 0), (2, &[20], 500_000, 0)]);
    snapshot.ledger = None;
    let worst = |snapshot: &skcheck_core::Snapshot| {
        let writer = writer(snapshot);
        let report = report_of(snapshot, &Query::default(), ARRANGEMENT);
        let group = writer.group_row(&report.groups[0]).worst;
        (writer.socket_row(&snapshot.sockets[0], None).worst, group, size(report.totals.worst.0))
    };
    snapshot.host.active_skbs = None;
    let (row, group, _) = worst(&snapshot);
    let bound = snapshot.sockets[0].footprint.received.worst.unwrap().bytes.0;
    assert_eq!((row, group), (size(bound), size(bound)), "nothing is known to lower it");
    // 40 packets of 18 chunks of 32 KiB.
    snapshot.host.active_skbs = Some(40);
    snapshot.host.max_skb_frags = 17;
    let most = size(40 * 18 * 32 * 1024);
    assert_eq!(worst(&snapshot), (most.clone(), most.clone(), most));
}

/// Whoever only sends, or is only waited for, holds nothing unread.
#[test]
fn totals_count_what_they_say() {
    let told = |sockets: &[(u32, &[u32], u32, u32)]| {
        let snapshot = snapshot(sockets);
        let report = report_of(&snapshot, &Query::default(), ARRANGEMENT);
        (report.totals.unread_sockets, report.totals.unread_processes, totals(&report).join(" "))
    };
    let all: &[(u32, &[u32], u32, u32)] =
        &[(1, &[10], 979, 0), (2, &[20], 0, 500), (3, &[30], 0, 500), (4, &[], 0, 500), (5, &[40], 0, 0)];
    let (sockets, processes, words) = told(all);
    assert_eq!((sockets, processes), (1, 1));
    assert!(
        words.starts_with("1 socket of 1 process holds 979 B unread. The kernel charges 979 B for it"),
        "{words}"
    );
    let others =
        "4 sockets more hold nothing unread: 2 with unsent data, 1 closed by the process, not finished.";
    assert!(words.contains(others), "{words}");
    let (sockets, _, words) = told(&all[1..4]);
    assert_eq!(sockets, 0);
    let nothing =
        "Nothing is unread at 3 sockets of 2 processes. The kernel charges 0 B for what they received.";
    assert!(words.starts_with(nothing) && !words.contains("more hold"), "{words}");
    let (_, processes, words) = told(&[(1, &[10, 11], 5, 0), (2, &[10], 5, 5)]);
    assert_eq!(processes, 2);
    assert!(
        words.starts_with("2 sockets of 2 processes hold 10 B unread.") && !words.contains("nothing"),
        "{words}"
    );
}
