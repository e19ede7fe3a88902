//! The rows as a Markdown table, and what was to be reached.

use std::fmt::Write;

use crate::measure::Row;
use crate::world::QUIET;

pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| world | processes | sockets | matching | scan | floor | scan / floor (quartiles) | `--engine bpf` | bpf / proc (quartiles) | per socket | peak memory | `ss -tunxamp` | `ss -tunxam` |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let [low, median, high] = row.ratio;
        let [with, without] = row.ss.map(duration);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {median:.2} ({low:.2} to {high:.2}) | {} | {} | {:.1} µs | {:.1} MiB | {with} | {without} |",
            row.name,
            row.processes,
            row.sockets,
            row.matching,
            duration(row.scan),
            duration(row.floor),
            duration(row.engine),
            ratio(row.engine_ratio),
            per_socket(row),
            row.peak as f64 / 1024.0,
        );
    }
    text
}

/// What is to be reached, and what was.
pub(crate) fn verdicts(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut say = |what: &str, reached: f64, most: f64, unit: &str| {
        let word = if reached <= most { "reached" } else { "MISSED" };
        let _ = writeln!(text, "- {what}: {reached:.2}{unit} of at most {most}{unit}: {word}");
    };
    let large = || rows.iter().filter(|row| row.sockets >= 10_000);
    let made = |sockets| rows.iter().find(|row| row.name == format!("{sockets} sockets"));
    if large().next().is_some() {
        say(
            "scan / floor from 10000 sockets on",
            large().map(|row| row.ratio[1]).fold(0.0, f64::max),
            1.5,
            "",
        );
    }
    if let Some(many) = made(190_000).filter(|row| !row.engine.is_nan()) {
        say("bpf / proc at 190000 sockets", many.engine_ratio[1], 0.3, "");
    }
    let peak = rows.iter().map(|row| row.peak as f64 / 1024.0).fold(0.0, f64::max);
    say("peak memory", peak, 24.0, " MiB");
    if let Some(quiet) = rows.iter().find(|row| row.name == QUIET) {
        say("quiet host of 70 processes", quiet.scan, 15.0, " ms");
    }
    if let (Some(few), Some(many)) = (made(10_000), made(190_000)) {
        say("per socket, 190000 against 10000", per_socket(many) / per_socket(few), 1.3, "");
        let floor = |row: &Row| row.floor / row.sockets as f64;
        let _ = writeln!(
            text,
            "  (the floor's own, by which to judge the machine: {:.2})",
            floor(many) / floor(few)
        );
    }
    text
}

fn ratio([low, median, high]: [f64; 3]) -> String {
    if median.is_nan() { "-".to_owned() } else { format!("{median:.2} ({low:.2} to {high:.2})") }
}

/// In microseconds.
fn per_socket(row: &Row) -> f64 {
    row.scan * 1e3 / row.sockets as f64
}

fn duration(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms.is_nan() => "not available".to_owned(),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}
