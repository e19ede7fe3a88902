//! Prints what the queues of this host's sockets pin, measured.

use std::time::Instant;

use skcheck_bpf::Bpf;
use skcheck_core::engine::Limits;
use skcheck_core::{Live, Query, scan_with};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Live::new();
    let started = Instant::now();
    let engine = Bpf::load(&host)?;
    println!("loaded in {:?}", started.elapsed());
    let snapshot = scan_with(&host, &Query::default(), Some(&engine), &Limits::default())?;
    println!("scanned in {:?}", snapshot.duration);
    for report in &snapshot.sockets {
        let socket = &report.socket;
        let pinned = match &report.exact {
            Ok(exact) => format!("pins {}", exact.pinned),
            Err(why) => format!("not measured: {}", why.name()),
        };
        println!("{} {:?}: {pinned}", socket.protocol.name(), socket.local);
    }
    for gap in &snapshot.gaps {
        println!("not seen: {gap}; {}", gap.remedy);
    }
    Ok(())
}
