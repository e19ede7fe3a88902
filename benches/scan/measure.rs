//! Measures the host that this process sees: the command, what it is to be judged by, and its peers.

use std::io;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use skcheck_bpf::Bpf;
use skcheck_core::engine::Engine;
use skcheck_core::{Live, Query, scan};

use crate::command::time;
use crate::floor;
use crate::memory::{Peak, peak};
use crate::peers::{self, PEERS, Took};
use crate::series::{Series, Work, in_turn};

/// Asks for what nobody has: no queue here is so long.
const NOTHING: [&str; 2] = ["--min-recvq", "1M"];

/// What was measured of one world.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) processes: u64,
    pub(crate) sockets: u64,
    /// Sockets that it has more than the quiet host beside.
    pub(crate) more: usize,
    pub(crate) matching: u64,
    pub(crate) times: Times,
    pub(crate) memory: Memory,
    pub(crate) peers: [Took; PEERS.len()],
}

/// Milliseconds, all of the same rounds. Empty where BPF may not be used.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) floor: Series,
    /// The engine's pass over all descriptors with nothing to hand out, of an engine that is loaded.
    pub(crate) pass: Series,
    /// `skcheck` where nothing matches.
    pub(crate) nothing: Engines,
    /// `skcheck --engine bpf` where nothing matches on the quiet host beside.
    pub(crate) quiet: Series,
    /// `skcheck` without a filter.
    pub(crate) matching: Engines,
}

/// `skcheck --engine`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Engines {
    pub(crate) proc: Series,
    pub(crate) bpf: Series,
}

/// What is measured apart from the rest: who looks at memory takes time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) proc: Option<Peak>,
    pub(crate) bpf: Option<Peak>,
    /// Every socket, in each format of [`FORMATS`], and the milliseconds of that.
    pub(crate) all: [(Option<Peak>, Series); FORMATS.len()],
}

pub(crate) const FORMATS: [&str; 2] = ["jsonl", "json"];

/// Measures what this process sees. On a quiet host beside, which has so many sockets less, `quiet` does it.
pub(crate) fn here(name: &str, pairs: usize, more: usize, quiet: Work<'_>) -> io::Result<Row> {
    let counted = scan(&Live::new(), &Query::default()).map_err(io::Error::other)?;
    let sockets = counted.scanned.sockets;
    Ok(Row {
        name: name.to_owned(),
        processes: counted.scanned.processes,
        sockets,
        more,
        matching: counted.sockets.len() as u64,
        times: times(rounds(sockets, pairs), quiet)?,
        memory: memory(if sockets < VERY_MANY { pairs.min(3) } else { 1 })?,
        peers: peers::measure(pairs)?,
    })
}

/// What takes seconds with so many sockets is measured less often.
const VERY_MANY: u64 = 500_000;

/// A difference of short times needs more of them; what takes long has fewer.
fn rounds(sockets: u64, pairs: usize) -> usize {
    match sockets {
        0..20_000 => 3 * pairs,
        20_000..VERY_MANY => pairs,
        _ => pairs.div_ceil(3),
    }
}

fn times(rounds: usize, quiet: Work<'_>) -> io::Result<Times> {
    let pids = floor::pids()?;
    let engine = Bpf::load(&Live::new()).ok();
    let mut nothing = Query::default();
    nothing.min_recv_q = Some(1 << 20);
    let mut floor = || -> io::Result<Option<f64>> {
        let started = Instant::now();
        floor::run(&nothing, &pids)?;
        Ok(Some(started.elapsed().as_secs_f64() * 1e3))
    };
    let mut pass = || -> io::Result<Option<f64>> {
        let Some(engine) = &engine else { return Ok(None) };
        let started = Instant::now();
        engine.find(&nothing, &mut |_| {})?;
        Ok(Some(started.elapsed().as_secs_f64() * 1e3))
    };
    let of_matching = |engine| time(&["--engine", engine]);
    let [floor, pass, nothing_proc, nothing_bpf, quiet, matching_proc, matching_bpf] = in_turn(
        rounds,
        [
            &mut floor,
            &mut pass,
            &mut || on_nothing("proc"),
            &mut || on_nothing("bpf"),
            quiet,
            &mut || of_matching("proc"),
            &mut || of_matching("bpf"),
        ],
    )?;
    let nothing = Engines { proc: nothing_proc, bpf: nothing_bpf };
    let matching = Engines { proc: matching_proc, bpf: matching_bpf };
    Ok(Times { floor, pass, nothing, quiet, matching })
}

/// Milliseconds of the command where nothing matches.
pub(crate) fn on_nothing(engine: &str) -> io::Result<Option<f64>> {
    time(&[&["--engine", engine], NOTHING.as_slice()].concat())
}

fn memory(runs: usize) -> io::Result<Memory> {
    let all = FORMATS.map(|format| ["--all", "--format", format]);
    let [jsonl, json] = in_turn(runs, [&mut || time(&all[0]), &mut || time(&all[1])])?;
    Ok(Memory {
        proc: peak(&["--engine", "proc"], runs)?,
        bpf: peak(&["--engine", "bpf"], runs)?,
        all: [(peak(&all[0], runs)?, jsonl), (peak(&all[1], runs)?, json)],
    })
}
