//! The command on worlds of 10,000, 50,000 and 210,000 sockets, in turn with what it is to be judged by: a bare floor,
//! and the engine's pass alone. Then its peers, and its memory.
//!
//! `cargo bench --bench scan` prints Markdown tables; `-- --quick` runs one small world. Then hosts with
//! many network namespaces: all of them against the scanner's own, in turn.
//! `SKCHECK_BENCH_SOCKETS=10000,50000` chooses the worlds (1000000 needs 6 GB), `SKCHECK_BENCH_PAIRS=31` how often
//! each is measured (small worlds three times as often, those of 500,000 sockets a third),
//! `SKCHECK_BENCH_ONLY=namespaces` leaves the worlds of many sockets out, `=worlds` those of many namespaces. Root, or
//! a user who may make namespaces. Everything that is made lives in namespaces that vanish with this process.

#[path = "scan/command.rs"]
mod command;
#[path = "scan/family.rs"]
mod family;
#[path = "scan/floor.rs"]
mod floor;
#[path = "scan/holder.rs"]
mod holder;
#[path = "scan/measure.rs"]
mod measure;
#[path = "scan/memory.rs"]
mod memory;
#[path = "scan/namespaces.rs"]
mod namespaces;
#[path = "scan/peers.rs"]
mod peers;
#[path = "scan/quiet.rs"]
mod quiet;
#[path = "scan/series.rs"]
mod series;
#[path = "scan/table.rs"]
mod table;
#[path = "scan/verdicts.rs"]
mod verdicts;
#[path = "scan/world.rs"]
mod world;

use std::io;

use measure::Row;
use world::World;

/// Fewer pairs say too little about noise.
const PAIRS: usize = 15;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [world::INSIDE, world, pairs] => world::inside(world, pairs),
        [world::KEPT, world, _] => world::kept(world),
        [holder::HOLD, sockets, index] => holder::hold(sockets, index),
        [namespaces::ALONE, connections] => namespaces::alone(connections),
        // Without --bench this is `cargo test --benches`: show that it runs.
        words => compare(words.contains(&"--quick") || !words.contains(&"--bench")),
    }
}

fn compare(quick: bool) -> io::Result<()> {
    let pairs =
        asked("SKCHECK_BENCH_PAIRS")?.first().copied().unwrap_or(if quick { 3 } else { PAIRS }).max(1);
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    println!("Linux {}, {pairs} pairs:\n", release.trim());
    if std::env::var("SKCHECK_BENCH_ONLY").as_deref() != Ok("namespaces") {
        compare_worlds(quick, pairs)?;
    }
    if std::env::var("SKCHECK_BENCH_ONLY").as_deref() == Ok("worlds") {
        return Ok(());
    }
    compare_namespaces(quick, pairs)
}

/// 1, 50, 500 namespaces; then 100, of which 5 have connections, beside very many sockets in one.
fn compare_namespaces(quick: bool, pairs: usize) -> io::Result<()> {
    let mut worlds: Vec<World> = if quick { &[5, 20][..] } else { &[1, 50, 500] }
        .iter()
        .map(|count| World::of_namespaces(*count))
        .collect();
    worlds.push(World::crowded(if quick { 2_000 } else { 190_000 }));
    let mut rows = Vec::new();
    for world in worlds {
        match world.measure_namespaces(pairs)? {
            Some(row) => rows.push(row),
            None => return Ok(()),
        }
    }
    println!("\n{}", namespaces::markdown(&rows));
    print!("{}", namespaces::verdicts(&rows));
    Ok(())
}

fn compare_worlds(quick: bool, pairs: usize) -> io::Result<()> {
    let mut sizes = asked("SKCHECK_BENCH_SOCKETS")?;
    if sizes.is_empty() {
        sizes.extend_from_slice(if quick { &[2_000] } else { &[10_000, 50_000, 210_000] });
    }
    let mut rows: Vec<Row> = vec![measure::here("this host, as it is", pairs, 0, &mut || Ok(None))?];
    for world in std::iter::once(World::quiet()).chain(sizes.into_iter().map(World::of)) {
        match world.measure(pairs)? {
            Some(row) => rows.push(row),
            None => return Ok(()),
        }
    }
    println!("{}", table::markdown(&rows));
    print!("{}", verdicts::verdicts(&rows));
    Ok(())
}

/// The numbers that a variable of the environment lists; none when it is not set.
fn asked(variable: &str) -> io::Result<Vec<usize>> {
    let list = std::env::var(variable).unwrap_or_default();
    let numbers = list.split(',').map(str::trim).filter(|number| !number.is_empty());
    numbers
        .map(|number| number.parse().map_err(|_| io::Error::other(format!("{variable}: {number:?}"))))
        .collect()
}
