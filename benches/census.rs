//! What the page census takes, against its own reads: the same pieces of /proc/kpageflags, on as many
//! threads, with nothing done to them, in turn.
//!
//! `cargo bench --bench census` prints medians and quartiles; `-- --quick` does it fewer times. Root.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::Instant;

use skcheck_core::memory::{Census, PageClass};
use skcheck_core::{Bytes, Host, Live, memory};

use over::{Differs, Over};

#[path = "../tests/support/over.rs"]
mod over;

const FLAGS: &str = "/proc/kpageflags";

/// The largest ratio, and the longest time for 24 GiB in seconds, that are reached.
const RATIO: f64 = 1.3;
const SECONDS: f64 = 0.35;

fn main() -> io::Result<()> {
    let quick =
        std::env::args().any(|word| word == "--quick") || !std::env::args().any(|word| word == "--bench");
    let pairs = if quick { 5 } else { 31 };
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return Ok(());
    }
    let noting = Over::<Noting>::default();
    let census = census(&noting)?;
    let reads = noting.differs.reads()?;
    reads.repeat()?;
    let (mut takes, mut floors, mut ratios, mut ledgers) = (vec![], vec![], vec![], vec![]);
    for pair in 0..pairs {
        // Who is first changes, so that neither always finds the caches of the other.
        let floor_first = if pair % 2 == 1 { Some(timed(|| reads.repeat())?) } else { None };
        let take = timed(|| self::census(&Live::new()).map(drop))?;
        let floor = floor_first.map_or_else(|| timed(|| reads.repeat()), Ok)?;
        takes.push(take);
        floors.push(floor);
        ratios.push(take / floor);
        ledgers.push(timed(|| memory(&Live::new(), None).map(drop).map_err(io::Error::other))?);
    }
    let Bytes(read) = bytes(&census);
    let gib = read as f64 / f64::from(1 << 30);
    let [low, ratio, high] = quartiles(ratios);
    let [_, take, _] = quartiles(takes);
    println!(
        "{gib:.1} GiB on {} threads, {pairs} pairs: census {take:.3} s, its reads alone {:.3} s, \
         the ledger alone {:.1} ms",
        reads.threads,
        quartiles(floors)[1],
        quartiles(ledgers)[1] * 1e3
    );
    println!("ratio {ratio:.2} ({low:.2} to {high:.2})");
    verdict("ratio", ratio, RATIO, "");
    verdict("24 GiB", take * 24.0 / gib, SECONDS, " s");
    Ok(())
}

/// The ledger and the census of a host.
fn census(host: &dyn Host) -> io::Result<Census> {
    let memory = memory(host, Some(&|_, _| {})).map_err(io::Error::other)?;
    memory.census.ok_or_else(|| io::Error::other(format!("{:?}", memory.gaps)))
}

/// All pages that there are.
fn bytes(census: &Census) -> Bytes {
    let there = census.classes.iter().filter(|(class, _)| *class != PageClass::Absent);
    Bytes(there.map(|(_, pages)| pages.bytes(census.page_size).0).sum())
}

fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

/// First quartile, median, third quartile.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[quarter * (values.len() - 1) / 4])
}

fn verdict(what: &str, reached: f64, most: f64, unit: &str) {
    let word = if reached <= most { "reached" } else { "MISSED" };
    println!("- {what}: {reached:.3}{unit} of at most {most}{unit}: {word}");
}

/// Pieces of /proc/kpageflags, and by how many threads they are read.
struct Reads {
    pieces: Vec<(u64, usize)>,
    threads: usize,
}

impl Reads {
    fn repeat(&self) -> io::Result<()> {
        let next = AtomicUsize::new(0);
        let work = || -> io::Result<()> {
            let host = Live::new();
            let mut buffer = vec![0; self.pieces.iter().map(|piece| piece.1).max().unwrap_or(0)];
            while let Some((offset, length)) = self.pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                host.read_at(Path::new(FLAGS), *offset, &mut buffer[..*length])?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            others.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))?;
            own
        })
    }
}

/// Which pieces of /proc/kpageflags are read, by whom.
#[derive(Default)]
struct Noting {
    noted: Mutex<Vec<(u64, usize, ThreadId)>>,
}

impl Noting {
    fn reads(self) -> io::Result<Reads> {
        let noted = self.noted.into_inner().map_err(|_| io::ErrorKind::Other)?;
        let threads: HashSet<ThreadId> = noted.iter().map(|(_, _, thread)| *thread).collect();
        let pieces = noted.into_iter().map(|(offset, length, _)| (offset, length)).collect();
        Ok(Reads { pieces, threads: threads.len() })
    }
}

impl Differs for Noting {
    fn read_at(&self, live: &Live, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        if path == Path::new(FLAGS) {
            let mut noted = self.noted.lock().map_err(|_| io::ErrorKind::Other)?;
            noted.push((offset, into.len(), thread::current().id()));
        }
        live.read_at(path, offset, into)
    }
}
