//! What the BPF engine takes: loading it, and walking a queue packet by packet.
//!
//! `cargo bench --bench walk` prints medians; `-- --quick` a smaller queue fewer times. Root, or a user
//! with CAP_BPF and CAP_PERFMON.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use skcheck_bpf::Bpf;
use skcheck_core::engine::{Engine, Limits, Step, Target};
use skcheck_core::{Exact, Live, Protocol, Query, SocketEntry, SocketName, scan_with};

#[path = "../crates/skcheck-cli/src/stall.rs"]
#[allow(dead_code, unreachable_pub)] // the command's own file
mod stall;

fn main() -> io::Result<()> {
    let quick =
        std::env::args().any(|word| word == "--quick") || !std::env::args().any(|word| word == "--bench");
    let (runs, fragments) = if quick { (5, 500) } else { (31, 8_000) };
    let host = Live::new();
    if let Err(error) = Bpf::load(&host) {
        println!("skipped: {error}: {}", error.remedy());
        return Ok(());
    }
    let (load, ()) = median(runs, || Bpf::load(&host).map(drop).map_err(io::Error::other))?;
    println!("load and attach: {:.1} ms", load.as_secs_f64() * 1e3);
    verdict("load and attach", load.as_secs_f64() * 1e3, 35.0, " ms");

    let stalled = stall::StalledReader::make(fragments)?;
    let fragmented = stalled.reader.local_addr()?.port();
    measure(&host, "TCP, one fragment a byte", fragmented, Protocol::Tcp, runs)?;
    drop(stalled);
    let reader = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let writer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    writer.connect(reader.local_addr()?)?;
    // As many as its buffer takes.
    for _ in 0..fragments {
        writer.send(&[0; 10])?;
    }
    measure(&host, "UDP, 10 bytes each", reader.local_addr()?.port(), Protocol::Udp, runs)
}

/// Walks the heaviest socket of a port again and again.
fn measure(host: &Live, name: &str, port: u16, protocol: Protocol, runs: usize) -> io::Result<()> {
    let engine = Bpf::load(host).map_err(io::Error::other)?;
    let mut query = Query::default();
    query.port = Some(port);
    query.netns = skcheck_core::NetnsChoice::Current;
    query.include_idle = true;
    let limits = Limits::new(u32::MAX, None);
    let snapshot = scan_with(host, &query, Some(&engine), &limits).map_err(io::Error::other)?;
    let packets =
        |exact: &Exact| exact.queues.iter().map(|queue| queue.packets + queue.fragments).sum::<u64>();
    let measured = |report: &&SocketEntry| report.exact.as_deref().map_or(0, packets);
    let heaviest = snapshot.sockets.iter().filter(|it| it.socket.protocol == protocol).max_by_key(measured);
    let Some((cookie, pieces)) = heaviest.and_then(|it| Some((it.socket.cookie?, measured(&it)))) else {
        return Err(io::Error::other(format!("{name}: nothing was measured")));
    };
    let target = Target::new(SocketName::Cookie(cookie), protocol);
    let walk = |targets: &[Target<'_>]| {
        let mut walked = 0u64;
        engine.walk(targets, &limits, &mut |_, step| {
            if let Step::Packet(packet) = step {
                walked += 1 + packet.fragments.len() as u64;
            }
        })?;
        Ok(walked)
    };
    // An empty socket of the same kind takes as long to find.
    let of_kind = snapshot.sockets.iter().filter(|it| it.socket.protocol == protocol);
    let empty = of_kind.filter(|it| measured(it) == 0).find_map(|it| it.socket.cookie);
    let empty = empty.ok_or_else(|| io::Error::other(format!("{name}: no socket is empty")))?;
    let nothing = Target::new(SocketName::Cookie(empty), protocol);
    let (idle, none) = median(runs, || walk(&[nothing]))?;
    let (whole, walked) = median(runs, || walk(&[target]))?;
    if (none, walked) != (0, pieces) {
        return Err(io::Error::other(format!(
            "{name}: {none} and {walked} walked instead of 0 and {pieces}"
        )));
    }
    let each = whole.saturating_sub(idle).as_secs_f64() * 1e6 / pieces as f64;
    println!(
        "{name}: {pieces} packets and fragments in {:.1} ms, {each:.2} µs each (finding it: {:.1} ms)",
        whole.as_secs_f64() * 1e3,
        idle.as_secs_f64() * 1e3
    );
    Ok(())
}

/// The median time, and what the work gave the last time.
fn median<T>(runs: usize, mut work: impl FnMut() -> io::Result<T>) -> io::Result<(Duration, T)> {
    let mut times = Vec::with_capacity(runs);
    let mut last = None;
    for _ in 0..runs {
        let started = Instant::now();
        last = Some(work()?);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times.get(runs / 2).copied().zip(last).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn verdict(what: &str, reached: f64, most: f64, unit: &str) {
    let word = if reached <= most { "reached" } else { "MISSED" };
    println!("- {what}: {reached:.1}{unit} of at most {most}{unit}: {word}");
}
