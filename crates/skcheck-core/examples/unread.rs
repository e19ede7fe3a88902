//! Where another tool would start: the processes that sit on unread data, heaviest first.
//!
//! `cargo run --example unread -- 65536` shows those with at least 64 KiB in Recv-Q.

use skcheck_core::{Live, Query, scan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut query = Query::default();
    query.min_recv_q = std::env::args().nth(1).map(|size| size.parse()).transpose()?;
    let snapshot = scan(&Live::new(), &query)?;

    for sum in snapshot.by_process() {
        // Names are bytes that their owner chose: escape them before they reach a terminal.
        let process = sum.pid.and_then(|pid| snapshot.process(pid));
        let comm = process.and_then(|process| process.comm.clone()).unwrap_or_default();
        let pid = sum.pid.map_or("nobody".to_owned(), |pid| pid.to_string());
        println!("{} ({pid}): {} B charged in {} sockets", comm.escape_ascii(), sum.charged.0, sum.sockets);
        for entry in &snapshot.sockets {
            let is_its = sum.pid.map_or(entry.pids().len() == 0, |pid| entry.pids().any(|it| it == pid));
            if is_its {
                println!("  {:?}, {:?}", entry.socket.local, entry.footprint.received);
            }
        }
    }
    for gap in &snapshot.gaps {
        println!("not seen: {gap}; {}", gap.remedy);
    }
    Ok(())
}
