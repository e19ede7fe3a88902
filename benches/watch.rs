//! What watching costs: processor time at one sample a second, and memory over many samples.
//!
//! `cargo bench --bench watch` makes 50,000 sockets, and 500 connections with unread data that nobody reads, and watches
//! them with the BPF engine and without; `-- --quick` fewer, for a shorter time. Processor time is that of the command,
//! with all its processes; memory over many samples that of the library. Root. Everything that is made lives in
//! namespaces that vanish with this process.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use skcheck_bpf::Bpf;
use skcheck_core::engine::Engine;
use skcheck_core::watch::{Probe, judge};
use skcheck_core::{Live, Query};

#[path = "scan/command.rs"]
#[allow(dead_code)] // what measures time, and peers
mod command;
#[path = "scan/family.rs"]
mod family;
#[path = "scan/holder.rs"]
mod holder;

use command::skcheck;
use family::family;
use holder::{HOLD, HOLDERS, Holder, PER_HOLDER};

/// First argument of this program in the namespaces that it makes.
const INSIDE: &str = "__inside";
const INTERVAL: Duration = Duration::from_secs(1);
/// Of so many sockets one has unread data.
const UNREAD: usize = 100;
/// What the allocator may keep at one time and not at another.
const MOST_GROWTH: f64 = 8.0;

/// How much is watched, how often at one sample a second, and how often without a pause.
struct Size {
    sockets: usize,
    paced: u32,
    unpaced: usize,
}

/// What looks, and percent of one processor that it may take.
const ENGINES: [(&str, f64); 2] = [("proc", 15.0), ("bpf", 6.0)];

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
            true => Size { sockets: 5_000, paced: 2, unpaced: 30 },
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
    // This process has what is unread. Whatever is asked for, the rest is watched too: chains lead over it.
    let this = std::process::id().to_string();
    for (engine, most) in ENGINES {
        for of_one in [&[][..], &["--pid", &this]] {
            processor_time(engine, of_one, most, size.paced)?;
        }
    }
    let host = Live::new();
    growth("proc", &host, None, size)?;
    match Bpf::load(&host) {
        Ok(engine) => growth("bpf", &host, Some(&engine), size),
        Err(error) => {
            println!("skipped: {error}: {}", error.remedy());
            Ok(())
        }
    }
}

/// Both ends of a connection, with unread data at one.
fn connection() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.write_all(&[b'x'; 100])?;
    Ok((client, server))
}

/// What all processes of the command take, from half a second behind the second look on: what only the first ones
/// do is not what watching costs.
fn processor_time(engine: &str, of_one: &[&str], most: f64, samples: u32) -> io::Result<()> {
    let mut words = vec!["watch", "--interval", "1s", "--engine", engine];
    words.extend(of_one);
    let name = format!("skcheck {}", words.join(" "));
    let mut watching = Watching(skcheck(&words)?.stdout(Stdio::piped()).spawn()?);
    if !watching.wait_until_it_tells()? {
        println!("skipped: {name} ends at once");
        return Ok(());
    }
    std::thread::sleep(INTERVAL / 2);
    let (begun, before) = (Instant::now(), cpu(&watching)?);
    std::thread::sleep(INTERVAL * samples);
    let share = (cpu(&watching)? - before) / begun.elapsed().as_secs_f64() * 100.0;
    if watching.0.try_wait()?.is_some() {
        return Err(io::Error::other(format!("{name} has ended")));
    }
    let processes = family(watching.0.id())?.len();
    let what = format!("{name} ({processes} processes), of one processor over {samples} samples");
    verdict(&what, share, most, " %");
    Ok(())
}

/// The command while it watches; it is ended when this is dropped.
struct Watching(Child);

impl Watching {
    /// Waits for its first words, which it says after two looks, and lets others read the rest; `false` when it ends
    /// without.
    fn wait_until_it_tells(&mut self) -> io::Result<bool> {
        let mut out = self.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let has_told = out.read(&mut [0; 1])? > 0;
        std::thread::spawn(move || io::copy(&mut out, &mut io::sink()));
        Ok(has_told)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// Processor time in seconds: that of every process that runs, and of those that it has waited for.
fn cpu(watching: &Watching) -> io::Result<f64> {
    let ticks: u64 = family(watching.0.id())?.into_iter().filter_map(ticks).sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// utime, stime, cutime and cstime of /proc/PID/stat.
fn ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().skip(11).take(4).map(|word| word.parse::<u64>().ok()).sum()
}

fn growth(name: &str, host: &Live, engine: Option<&dyn Engine>, size: &Size) -> io::Result<()> {
    let mut probe = Probe::new(host, Query::default());
    let mut before = probe.sample(engine, None).map_err(io::Error::other)?;
    let mut sample = || -> io::Result<usize> {
        let now = probe.sample(engine, Some(&before)).map_err(io::Error::other)?;
        let judged = judge(&before, &now).sockets.len();
        before = now;
        Ok(judged)
    };
    let mut judged = 0;
    for _ in 0..size.unpaced / 10 {
        judged = sample()?;
    }
    let early = resident()?;
    for _ in size.unpaced / 10..size.unpaced {
        sample()?;
    }
    let growth = (resident()? - early) / 1024.0;
    let what = format!("growth over {} samples by {name}, {judged} judged at each", size.unpaced);
    verdict(&what, growth, MOST_GROWTH, " MiB");
    Ok(())
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
