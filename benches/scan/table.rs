//! The rows as Markdown tables: time, peers, memory.

use std::fmt::Write;

use crate::measure::Row;
use crate::memory::Peak;
use crate::peers::{MOST, Took};
use crate::series::Series;
use crate::verdicts::per_socket;

pub(crate) fn markdown(rows: &[Row]) -> String {
    [times(rows), peers(rows), memory(rows)].join("\n")
}

/// Where nothing matches.
fn times(rows: &[Row]) -> String {
    let mut text = String::from(
        "| nothing matches | processes | sockets | floor | `--engine proc` | proc / floor | the pass alone | `--engine bpf` | bpf / proc | bpf / pass | bpf a socket |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let times = &row.times;
        let each = per_socket(row).map_or("-".to_owned(), |each| format!("{each:.2} µs"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {each} |",
            row.name,
            row.processes,
            row.sockets,
            time(&times.floor),
            time(&times.nothing.proc),
            ratio(&times.nothing.proc.over(&times.floor)),
            time(&times.pass),
            time(&times.nothing.bpf),
            ratio(&times.nothing.bpf.over(&times.nothing.proc)),
            ratio(&times.nothing.bpf.over(&times.pass)),
        );
    }
    text
}

/// Without a filter.
fn peers(rows: &[Row]) -> String {
    let mut text = String::from(
        "| no filter | matching | `skcheck --engine bpf` | `skcheck --engine proc` | bpf / proc | `ss -tunxamp` | `lsof -i` | `ss -tunxam` |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let matching = &row.times.matching;
        let [ss_with_processes, lsof, ss] = row.peers.map(|took| match took {
            Took::Milliseconds(milliseconds) => duration(milliseconds),
            Took::Longer => format!("> {} s", MOST.as_secs()),
            Took::NotThere => "not available".to_owned(),
        });
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {ss_with_processes} | {lsof} | {ss} |",
            row.name,
            row.matching,
            time(&matching.bpf),
            time(&matching.proc),
            ratio(&matching.bpf.over(&matching.proc)),
        );
    }
    text
}

fn memory(rows: &[Row]) -> String {
    let mut text = String::from(
        "| largest process (sum of all) | `--engine bpf` | `--engine proc` | `--all --format jsonl` | its time | `--all --format json` | its time |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let [(jsonl, jsonl_time), (json, json_time)] = &row.memory.all;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            peak(row.memory.bpf),
            peak(row.memory.proc),
            peak(*jsonl),
            time(jsonl_time),
            peak(*json),
            time(json_time),
        );
    }
    text
}

/// The median.
fn time(series: &Series) -> String {
    series.median().map_or("not available".to_owned(), duration)
}

/// The median with its quartiles.
fn ratio(series: &Series) -> String {
    match series.quartiles() {
        Some([low, median, high]) => format!("{median:.2} ({low:.2} to {high:.2})"),
        None => "-".to_owned(),
    }
}

fn peak(peak: Option<Peak>) -> String {
    let mebibytes = |kibibytes| kibibytes as f64 / 1024.0;
    match peak {
        Some(Peak { largest, sum, processes }) => {
            format!("{:.1} MiB ({:.1} of {processes})", mebibytes(largest), mebibytes(sum))
        }
        None => "not available".to_owned(),
    }
}

fn duration(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}
