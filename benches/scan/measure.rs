//! Measures the host that this process sees: scan and floor in turn, memory, and `ss`.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use skcheck_bpf::Bpf;
use skcheck_core::engine::Limits;
use skcheck_core::{Live, Query, Snapshot, scan, scan_with};

use crate::floor;

/// First argument of this program as a child that scans once and tells its peak memory.
pub(crate) const ONCE: &str = "__once";

/// How long the command lets the engine measure, unless it is told otherwise.
const BUDGET: Duration = Duration::from_millis(200);

/// What was measured of one world. Times are milliseconds.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) processes: u64,
    pub(crate) sockets: u64,
    pub(crate) matching: u64,
    pub(crate) scan: f64,
    pub(crate) floor: f64,
    /// First quartile, median and third quartile of the pairwise ratios.
    pub(crate) ratio: [f64; 3],
    /// The same scan with the BPF engine, loading it and measuring the heaviest sockets included; NaN where
    /// BPF may not be used.
    pub(crate) engine: f64,
    /// Quartiles of its pairwise ratios to `scan`.
    pub(crate) engine_ratio: [f64; 3],
    /// VmHWM in KiB of a process that scans once.
    pub(crate) peak: u64,
    /// `ss -tunxamp` and `ss -tunxam`; NaN where `ss` is not installed.
    pub(crate) ss: [f64; 2],
}

impl Row {
    /// One line, for the process outside.
    pub(crate) fn serialize(&self) -> String {
        let Row { name, processes, sockets, matching, scan, floor, ratio, engine, engine_ratio, peak, ss } =
            self;
        let [low, median, high] = ratio;
        let [engine_low, engine_median, engine_high] = engine_ratio;
        let [with, without] = ss;
        format!(
            "row\t{name}\t{processes}\t{sockets}\t{matching}\t{scan}\t{floor}\t{low}\t{median}\t{high}\t{engine}\t{engine_low}\t{engine_median}\t{engine_high}\t{peak}\t{with}\t{without}"
        )
    }

    pub(crate) fn parse(text: &str) -> Option<Row> {
        let mut words = text.lines().find_map(|line| line.strip_prefix("row\t"))?.split('\t');
        Some(Row {
            name: words.next()?.to_owned(),
            processes: words.next()?.parse().ok()?,
            sockets: words.next()?.parse().ok()?,
            matching: words.next()?.parse().ok()?,
            scan: words.next()?.parse().ok()?,
            floor: words.next()?.parse().ok()?,
            ratio: [words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?],
            engine: words.next()?.parse().ok()?,
            engine_ratio: [
                words.next()?.parse().ok()?,
                words.next()?.parse().ok()?,
                words.next()?.parse().ok()?,
            ],
            peak: words.next()?.parse().ok()?,
            ss: [words.next()?.parse().ok()?, words.next()?.parse().ok()?],
        })
    }
}

/// Measures what this process sees.
pub(crate) fn here(name: &str, pairs: usize) -> io::Result<Row> {
    let query = Query::default();
    let pids = floor::pids()?;
    let one_scan = || -> io::Result<(f64, Snapshot)> {
        let started = Instant::now();
        let snapshot = scan(&Live::new(), &query).map_err(io::Error::other)?;
        Ok((started.elapsed().as_secs_f64() * 1e3, snapshot))
    };
    let one_floor = || -> io::Result<f64> {
        let started = Instant::now();
        floor::run(&query, &pids)?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    };
    let by_engine = || -> f64 {
        let started = Instant::now();
        let host = Live::new();
        let Ok(engine) = Bpf::load(&host) else { return f64::NAN };
        let limits = Limits::new(Limits::PACKETS, Some(BUDGET));
        let scanned = scan_with(&host, &query, Some(&engine), &limits);
        drop(engine);
        match scanned {
            Ok(snapshot) if snapshot.engine.is_some() => started.elapsed().as_secs_f64() * 1e3,
            _ => f64::NAN,
        }
    };
    let snapshot = one_scan()?.1; // warm-up, thrown away, as is the floor's
    one_floor()?;
    by_engine();
    let (mut scans, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut engines, mut engine_ratios) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        // Who is first changes, so that neither always finds the caches of the other.
        let (scan, floor) = if pair % 2 == 0 {
            let scan = one_scan()?.0;
            (scan, one_floor()?)
        } else {
            let floor = one_floor()?;
            (one_scan()?.0, floor)
        };
        scans.push(scan);
        floors.push(floor);
        ratios.push(scan / floor);
        let engine = by_engine();
        engines.push(engine);
        engine_ratios.push(engine / scan);
    }
    Ok(Row {
        name: name.to_owned(),
        processes: snapshot.scanned.processes,
        sockets: snapshot.scanned.sockets,
        matching: snapshot.sockets.len() as u64,
        scan: quartiles(scans)[1],
        floor: quartiles(floors)[1],
        ratio: quartiles(ratios),
        engine: quartiles(engines)[1],
        engine_ratio: quartiles(engine_ratios),
        peak: peak_of_child()?,
        ss: [ss("-tunxamp"), ss("-tunxam")],
    })
}

/// Scans once and prints the peak memory of this process.
pub(crate) fn once() -> io::Result<()> {
    let snapshot = scan(&Live::new(), &Query::default()).map_err(io::Error::other)?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.and_then(|line| line.split_whitespace().next()).unwrap_or("unknown"));
    drop(snapshot);
    Ok(())
}

fn peak_of_child() -> io::Result<u64> {
    let output = Command::new(std::env::current_exe()?).arg(ONCE).stderr(Stdio::inherit()).output()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(io::Error::other)
}

/// How long `ss` takes; NaN when it does not run.
fn ss(options: &str) -> f64 {
    let started = Instant::now();
    let ran = Command::new("ss").arg(options).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match ran {
        Ok(status) if status.success() => started.elapsed().as_secs_f64() * 1e3,
        _ => f64::NAN,
    }
}

/// First quartile, median, third quartile, between neighbours where none is exact.
pub(crate) fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| {
        let place = quarter * (values.len() - 1);
        let (below, above) = (values[place / 4], values[place.div_ceil(4)]);
        below + (above - below) * (place % 4) as f64 / 4.0
    })
}
