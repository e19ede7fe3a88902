//! What watching costs: processor time at one sample a second, and memory over many samples.
//!
//! `cargo bench --bench watch` makes 50,000 sockets, of which one in a hundred has unread data that nobody
//! reads, and watches them with the BPF engine and without; `-- --quick` fewer, for a shorter time. Root, or
//! a user who may make namespaces. Everything that is made lives in namespaces that vanish with this
//! process.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use skcheck_bpf::Bpf;
use skcheck_core::engine::Engine;
use skcheck_core::watch::{Probe, judge};
use skcheck_core::{Live, Query};

#[path = "scan/holder.rs"]
mod holder;

use holder::{HOLD, HOLDERS, Holder, PER_HOLDER};

/// First argument of this program in the namespaces that it makes.
const INSIDE: &str = "__inside";
const INTERVAL: Duration = Duration::from_secs(1);
/// Of so many sockets one has unread data.
const UNREAD: usize = 100;
/// Percent of one processor.
const MOST_CPU: f64 = 15.0;
/// What the allocator may keep at one time and not at another.
const MOST_GROWTH: f64 = 8.0;

/// How much is watched, how often at one sample a second, and how often without a pause.
struct Size {
    sockets: usize,
    paced: u32,
    unpaced: usize,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [HOLD, sockets, index] => holder::hold(sockets, index),
        [INSIDE, quick] => inside(&Size::of(*quick == "quick")),
        // Without --bench this is `cargo test --benches`: show that it runs.
        words => outside(words.contains(&"--quick") || !words.contains(&"--bench")),
    }
}

impl Size {
    fn of(quick: bool) -> Size {
        match quick {
            true => Size { sockets: 5_000, paced: 4, unpaced: 30 },
            false => Size { sockets: 50_000, paced: 30, unpaced: 600 },
        }
    }
}

fn outside(quick: bool) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return Ok(());
    }
    let status = Command::new("unshare")
        .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe()?)
        .args([INSIDE, if quick { "quick" } else { "whole" }])
        .status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("inside: {status}"))) }
}

fn inside(size: &Size) -> io::Result<()> {
    holder::run("ip", &["link", "set", "lo", "up"])?;
    std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535")?;
    let held = Holder::start_all(size.sockets, size.sockets.div_ceil(PER_HOLDER).max(HOLDERS))?;
    held.iter().try_for_each(Holder::wait_until_ready)?;
    let unread = (0..size.sockets / UNREAD).map(|_| connection()).collect::<io::Result<Vec<_>>>()?;
    println!("{} sockets, {} of them with unread data:", size.sockets + 2 * unread.len(), unread.len());
    let host = Live::new();
    // This process has what is unread. Whatever is asked for, the rest is watched too: chains lead over it.
    let mut of_one = Query::default();
    of_one.pids = vec![std::process::id()];
    measure("/proc and sock_diag", &host, None, &Query::default(), size)?;
    let short = Size { unpaced: size.unpaced / 10, ..*size };
    measure("/proc and sock_diag, asked for one process", &host, None, &of_one, &short)?;
    match Bpf::load(&host) {
        Ok(engine) => {
            measure("BPF engine", &host, Some(&engine), &Query::default(), size)?;
            measure("BPF engine, asked for one process", &host, Some(&engine), &of_one, &short)?;
        }
        Err(error) => println!("skipped: {error}: {}", error.remedy()),
    }
    Ok(())
}

/// Both ends of a connection, with unread data at one.
fn connection() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.write_all(&[b'x'; 100])?;
    Ok((client, server))
}

fn measure(
    name: &str,
    host: &Live,
    engine: Option<&dyn Engine>,
    query: &Query,
    size: &Size,
) -> io::Result<()> {
    let mut probe = Probe::new(host, query.clone());
    let mut before = probe.sample(engine, None).map_err(io::Error::other)?;
    let mut sample = || -> io::Result<usize> {
        let now = probe.sample(engine, Some(&before)).map_err(io::Error::other)?;
        let judged = judge(&before, &now).sockets.len();
        before = now;
        Ok(judged)
    };
    // What only the first samples do is not what watching costs.
    sample()?;
    let (begun, cpu_before) = (Instant::now(), cpu());
    let mut judged = 0;
    for turn in 1..=size.paced {
        std::thread::sleep((begun + INTERVAL * turn).saturating_duration_since(Instant::now()));
        judged = sample()?;
    }
    let share = (cpu() - cpu_before).as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
    println!("{name}: {judged} judged at each of {} samples", size.paced);
    verdict("processor time", share, MOST_CPU, " % of one");

    for _ in 0..size.unpaced / 10 {
        sample()?;
    }
    let early = resident()?;
    for _ in size.unpaced / 10..size.unpaced {
        sample()?;
    }
    let growth = (resident()? - early) / 1024.0;
    verdict(&format!("growth over {} samples", size.unpaced), growth, MOST_GROWTH, " MiB");
    Ok(())
}

/// Processor time of all threads of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// VmRSS in KiB.
fn resident() -> io::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn verdict(what: &str, reached: f64, most: f64, unit: &str) {
    let word = if reached <= most { "reached" } else { "MISSED" };
    println!("- {what}: {reached:.1}{unit} of at most {most}{unit}: {word}");
}
