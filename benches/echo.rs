//! What a busy connection notices of a measurement: the time of a round trip over loopback beside the engine
//! in a loop over long queues, against the same beside another program that takes as much of a CPU.
//!
//! `cargo bench --bench echo` prints percentiles and their ratio; `-- --quick` takes fewer and shorter
//! rounds. Root, or a user with CAP_BPF and CAP_PERFMON.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use skcheck_bpf::Bpf;
use skcheck_core::engine::{Engine, Limits, Target};
use skcheck_core::{Live, Query, SocketName};

#[path = "../crates/skcheck-cli/src/stall.rs"]
#[allow(dead_code, unreachable_pub)] // the command's own file
mod stall;

/// The 99th percentile may be this many times that beside the other program.
const MOST: f64 = 1.2;

/// What a child does beside the connection.
const BESIDE: [&str; 2] = ["--spin", "--walk"];

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let is_said = |word: &str| words.iter().any(|it| it == word);
    if is_said(BESIDE[0]) {
        return spin();
    }
    if is_said(BESIDE[1]) {
        return walk();
    }
    let quick = is_said("--quick") || !is_said("--bench");
    let (rounds, time, fragments) =
        if quick { (3, Duration::from_millis(500), 500) } else { (11, Duration::from_secs(3), 8_000) };
    if let Err(error) = Bpf::load(&Live::new()) {
        println!("skipped: {error}: {}", error.remedy());
        return Ok(());
    }
    let _stalled = stall::StalledReader::make(fragments)?;
    let mut echo = Echo::open()?;
    let alone = percentiles(echo.round_trips(time)?);
    println!("alone: {}", shown(alone));
    let mut ratios = Vec::new();
    let mut last = [alone; 2];
    for _ in 0..rounds {
        for (beside, last) in BESIDE.iter().zip(&mut last) {
            let _child = Beside::start(beside)?;
            *last = percentiles(echo.round_trips(time)?);
        }
        ratios.push(last[1][1] / last[0][1]);
    }
    println!("beside a program that computes: {}", shown(last[0]));
    println!("beside the engine in a loop: {}", shown(last[1]));
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(rounds / 2).copied().unwrap_or(f64::NAN);
    let word = if median <= MOST { "reached" } else { "MISSED" };
    println!("- p99 of a round trip, median of {rounds} rounds: {median:.2} of at most {MOST} times: {word}");
    Ok(())
}

/// One end of a connection whose other end sends back what it receives.
struct Echo(TcpStream);

impl Echo {
    fn open() -> io::Result<Echo> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        client.set_nodelay(true)?;
        let (mut server, _) = listener.accept()?;
        server.set_nodelay(true)?;
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while server.read_exact(&mut buffer).and_then(|()| server.write_all(&buffer)).is_ok() {}
        });
        Ok(Echo(client))
    }

    /// As many as go into this time.
    fn round_trips(&mut self, time: Duration) -> io::Result<Vec<Duration>> {
        let mut buffer = [0; 64];
        let mut times = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < time {
            let sent = Instant::now();
            self.0.write_all(&buffer)?;
            self.0.read_exact(&mut buffer)?;
            times.push(sent.elapsed());
        }
        Ok(times)
    }
}

/// The median, the 99th percentile and the longest, in microseconds.
fn percentiles(mut times: Vec<Duration>) -> [f64; 3] {
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    [50, 99, 100].map(|share| at(share).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6))
}

fn shown([median, most, longest]: [f64; 3]) -> String {
    format!("median {median:.1} µs, p99 {most:.1} µs, longest {longest:.0} µs")
}

/// A child that takes a CPU until this is dropped. It ends with its parent, whose end of its input it waits
/// for.
struct Beside(Child);

impl Beside {
    fn start(what: &str) -> io::Result<Beside> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(what)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut ready = String::new();
        BufReader::new(out).read_line(&mut ready)?;
        Ok(Beside(child))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says that it begins, and ends when nobody is there any more to read that.
fn ready() {
    println!("ready");
    std::thread::spawn(|| {
        let _ = io::stdin().read(&mut [0; 1]);
        std::process::exit(0);
    });
}

fn spin() -> io::Result<()> {
    ready();
    let mut number = 1u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

fn walk() -> io::Result<()> {
    let engine = Bpf::load(&Live::new()).map_err(io::Error::other)?;
    let limits = Limits::new(u32::MAX, None);
    // What is loaded at the first need is loaded before it counts.
    engine.walk(&targets(&engine)?, &limits, &mut |_, _| {})?;
    ready();
    loop {
        engine.walk(&targets(&engine)?, &limits, &mut |_, _| {})?;
    }
}

/// All sockets that hold something.
fn targets(engine: &Bpf) -> io::Result<Vec<Target<'static>>> {
    let mut targets = Vec::new();
    engine.find(&Query::default(), &mut |found| {
        let cookie = found.socket.cookie;
        targets.extend(cookie.map(|cookie| Target::new(SocketName::Cookie(cookie), found.socket.protocol)));
    })?;
    Ok(targets)
}
