//! What was to be reached, and what was.

use std::fmt::Write;

use crate::measure::{FORMATS, Row};
use crate::memory::Peak;
use crate::series::Series;
use crate::world::QUIET;

/// About so many sockets must be there more before a difference says something.
const MANY: usize = 9_000;

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
    let each: Vec<f64> = rows.iter().filter_map(per_socket).collect();
    if each.len() > 1 {
        let (least, most) =
            each.iter().fold((f64::MAX, 0.0), |(least, most), each| (each.min(least), each.max(most)));
        say("bpf a socket from 10000 sockets on, the most / the least", Some(most / least), 1.2, "");
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

/// What `--engine bpf` takes for each socket that a large world has more than a quiet host of as many processes, in
/// microseconds: the median of how much longer it takes than there in the same round. What it takes there, loading above
/// all, is in neither.
pub(crate) fn per_socket(row: &Row) -> Option<f64> {
    let longer = row.times.nothing.bpf.without(&row.times.quiet).median()?;
    (row.more >= MANY).then(|| longer * 1e3 / row.more as f64)
}
