//! Where another tool would start: the processes that sit on unread data, heaviest first.
//!
//! `cargo run --example unread -- 65536` shows those with at least 64 KiB in Recv-Q.

use std::collections::BTreeMap;

use skcheck_core::{Live, Query, SocketEntry, scan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut query = Query::default();
    query.min_recv_q = std::env::args().nth(1).map(|size| size.parse()).transpose()?;
    let snapshot = scan(&Live::new(), &query)?;

    let mut by_pid: BTreeMap<u32, Vec<&SocketEntry>> = BTreeMap::new();
    for report in &snapshot.sockets {
        for pid in report.pids() {
            by_pid.entry(pid).or_default().push(report);
        }
    }
    let charged = |reports: &[&SocketEntry]| -> u64 {
        reports.iter().filter_map(|report| report.footprint.received.charged).map(|charge| charge.0).sum()
    };
    let mut processes: Vec<_> = by_pid.into_iter().collect();
    processes.sort_by_key(|(_, reports)| std::cmp::Reverse(charged(reports)));

    for (pid, reports) in processes {
        // Names are bytes that their owner chose: escape them before they reach a terminal.
        let comm = snapshot.process(pid).and_then(|process| process.comm.clone()).unwrap_or_default();
        println!(
            "{} ({pid}): {} B charged in {} sockets",
            comm.escape_ascii(),
            charged(&reports),
            reports.len()
        );
        for report in reports {
            println!("  {:?}, {:?}", report.socket.local, report.footprint.received);
        }
    }
    for gap in &snapshot.gaps {
        println!("not seen: {gap}; {}", gap.remedy);
    }
    Ok(())
}
