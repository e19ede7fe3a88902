//! What was to be reached, and what was.

use std::fmt::Write;

use crate::measure::{FORMATS, Row};
use crate::memory::Peak;
use crate::series::Series;
use crate::world::QUIET;

/// From so many sockets on, each takes the same time.
const MANY: u64 = 10_000;

pub(crate) fn verdicts(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut say = |what: &str, reached: Option<f64>, most: f64, unit: &str| {
        let Some(reached) = reached else { return };
        let word = if reached <= most { "reached" } else { "MISSED" };
        let _ = writeln!(text, "- {what}: {reached:.2}{unit} of at most {most}{unit}: {word}");
    };
    let made = |sockets| rows.iter().find(|row| row.name == format!("{sockets} sockets"));
    if let Some(row) = made(210_000) {
        let (bpf, proc) = (&row.times.nothing.bpf, &row.times.nothing.proc);
        say("nothing of 210000 sockets matches, bpf / proc", bpf.over(proc).median(), 0.25, "");
        say("nothing of 210000 sockets matches, bpf / pass", bpf.over(&row.times.pass).median(), 2.0, "");
        say("nothing of 210000 sockets matches, proc / floor", proc.over(&row.times.floor).median(), 0.7, "");
    }
    if let Some(row) = made(1_000_000) {
        let ratio = row.times.nothing.bpf.over(&row.times.nothing.proc);
        say("nothing of 1000000 sockets matches, bpf / proc", ratio.median(), 0.2, "");
    }
    let each: Vec<f64> = rows.iter().filter_map(|row| per_socket(rows, row)).collect();
    if each.len() > 1 {
        let (least, most) =
            each.iter().fold((f64::MAX, 0.0), |(least, most), each| (each.min(least), each.max(most)));
        say(
            "(bpf - bpf on the quiet host) / (sockets - its sockets), most / least",
            Some(most / least),
            1.2,
            "",
        );
    }
    if let Some(quiet) = rows.iter().find(|row| row.name == QUIET) {
        let times = [&quiet.times.nothing.bpf, &quiet.times.matching.bpf].map(Series::median);
        say("quiet host of 70 processes, bpf, nothing matches", times[0], 60.0, " ms");
        say("quiet host of 70 processes, bpf, three match", times[1], 60.0, " ms");
    }
    let largest = |peak: fn(&Row) -> Option<Peak>| {
        rows.iter().filter_map(peak).map(|peak| peak.largest).max().map(|peak| peak as f64 / 1024.0)
    };
    say("largest process, bpf, few match", largest(|row| row.memory.bpf), 24.0, " MiB");
    say("largest process, proc, few match", largest(|row| row.memory.proc), 24.0, " MiB");
    for (format, place) in FORMATS.into_iter().zip(0..) {
        let peak = made(210_000).and_then(|row| row.memory.all.get(place)?.0);
        let largest = peak.map(|peak| peak.largest as f64 / 1024.0);
        say(&format!("largest process, --all --format {format} of 210000 sockets"), largest, 96.0, " MiB");
    }
    text
}

/// What `--engine bpf` takes for each socket that a world has more than the quiet host, in microseconds; for large
/// worlds alone, and not for this host, on which others may do what they like. What it takes on the quiet host, loading above all, is in neither.
pub(crate) fn per_socket(rows: &[Row], row: &Row) -> Option<f64> {
    let quiet = rows.iter().find(|row| row.name == QUIET)?;
    let is_made = row.name.ends_with(" sockets");
    let more = row.sockets.checked_sub(quiet.sockets).filter(|_| is_made && row.sockets >= MANY)?;
    Some((row.times.nothing.bpf.median()? - quiet.times.nothing.bpf.median()?) * 1e3 / more as f64)
}
