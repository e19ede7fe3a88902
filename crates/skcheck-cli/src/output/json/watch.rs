//! What became of each socket between two samples, for programs.

mod cause;
mod evidence;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use skcheck_core::watch::progress::{NotArriving, Reading};
use skcheck_core::watch::{Growth, Judged, Trend};
use skcheck_core::{Inode, Process};

use crate::output::json::gap::GapJson;
use crate::output::json::holding::HolderJson;
use crate::output::json::process::{ProcessJson, processes_of};
use crate::output::json::socket::SocketJson;
use crate::output::json::watch::cause::{CauseJson, ChainJson, RootJson};
use crate::output::words::arrival;
use crate::output::words::sample::SampleNames;
use crate::report::watch::{WatchReport, WatchRow};
use crate::text::{Charset, rfc3339};

const SCHEMA: &str = "skcheck.watch/1";

/// Writes one document and a newline. The first `top` sockets are listed.
pub(crate) fn write(report: &WatchReport<'_>, top: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &WatchJson::new(report, top))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct WatchJson<'a> {
    schema: &'static str,
    at: String,
    window_s: f64,
    stalled: u64,
    not_accepting: u64,
    sockets: Vec<WatchedJson<'a>>,
    gone: Vec<GoneJson>,
    trend: TrendJson,
    processes: Vec<ProcessJson>,
    gaps: Vec<GapJson<'a>>,
}

#[derive(Serialize)]
struct WatchedJson<'a> {
    #[serde(flatten)]
    socket: SocketJson<'a>,
    verdict: &'static str,
    writing: &'static str,
    stalled_s: Option<f64>,
    consumed_per_s: Option<u64>,
    consumed_at_least: bool,
    arriving_per_s: Option<u64>,
    accepted: Option<u64>,
    until_s: Option<f64>,
    sender_full: bool,
    taken_per_s: Option<u64>,
    window_closed: Option<bool>,
    not_arriving: Option<NotArrivingJson>,
    unread_age_s: Option<f64>,
    drops: Option<u64>,
    drops_per_s: Option<u64>,
    held_before: Vec<HolderJson>,
    cause: Option<CauseJson>,
    root: Option<RootJson>,
    chain: Option<ChainJson>,
}

/// What shows that what was sent does not arrive.
#[derive(Serialize)]
struct NotArrivingJson {
    tried_again: bool,
    retransmits: Option<u8>,
    probes: Option<u8>,
    reader_empty: bool,
    text: String,
}

/// A socket of the sample before that holds nothing any more, or is closed.
#[derive(Serialize)]
struct GoneJson {
    cookie: Option<String>,
    inode: Option<u32>,
    verdict: &'static str,
    consumed_per_s: Option<u64>,
    consumed_at_least: bool,
}

#[derive(Serialize)]
struct TrendJson {
    unread: ChangeJson,
    unread_unknown: u64,
    charged: ChangeJson,
    worst: ChangeJson,
    tcp_memory: Option<ChangeJson>,
    unaccounted: Option<ChangeJson>,
    until_pressure_s: Option<f64>,
}

#[derive(Serialize)]
struct ChangeJson {
    now: u64,
    per_s: f64,
}

impl<'a> WatchJson<'a> {
    fn new(report: &WatchReport<'a>, top: Option<usize>) -> WatchJson<'a> {
        let names = SampleNames { sample: report.now, charset: Charset::Utf8 };
        let listed = &report.rows[..top.unwrap_or(usize::MAX).min(report.rows.len())];
        let snapshot = &report.now.snapshot;
        let mut processes: BTreeMap<u32, &Process> = BTreeMap::new();
        for row in listed {
            processes.extend(processes_of(snapshot, row.socket).map(|process| (process.pid, process)));
        }
        let gone = |judged: &&Judged| judged.now.is_none() && judged.asked_for;
        let gone = report.judgement.sockets.iter().filter(gone);
        WatchJson {
            schema: SCHEMA,
            at: rfc3339(report.now.taken_at),
            window_s: seconds(report.judgement.window),
            stalled: report.counts.all,
            not_accepting: report.counts.listeners,
            sockets: listed.iter().map(|row| WatchedJson::new(row, names)).collect(),
            gone: gone.map(GoneJson::new).collect(),
            trend: TrendJson::new(&report.judgement.trend),
            processes: processes.into_values().map(ProcessJson::new).collect(),
            gaps: report.gaps.iter().map(|gap| GapJson::new(gap)).collect(),
        }
    }
}

impl<'a> WatchedJson<'a> {
    fn new(row: &WatchRow<'a>, names: SampleNames<'a>) -> WatchedJson<'a> {
        let judged = row.judged;
        WatchedJson {
            socket: SocketJson::new(row.socket, &names.sample.snapshot),
            verdict: judged.reading.name(),
            writing: judged.writing.name(),
            stalled_s: row.stalled_for.filter(|_| judged.reading == Reading::Stalled).map(seconds),
            consumed_per_s: judged.consumed,
            consumed_at_least: judged.consumed_at_least,
            arriving_per_s: judged.arriving,
            accepted: judged.accepted,
            until_s: judged.until.map(seconds),
            sender_full: judged.sender_is_full,
            taken_per_s: judged.taken,
            window_closed: judged.window_closed,
            not_arriving: judged.not_arriving.map(NotArrivingJson::new),
            unread_age_s: row.age.map(seconds),
            drops: row.drops,
            drops_per_s: judged.drops_per_second,
            held_before: judged.held_by.iter().map(HolderJson::new).collect(),
            cause: judged.cause.as_ref().map(|cause| CauseJson::of_socket(row, cause, names)),
            root: row.judged.root.as_ref().and_then(|root| RootJson::new(root, names)),
            chain: row.judged.root.as_ref().map(|root| ChainJson::new(root, names.sample)),
        }
    }
}

impl NotArrivingJson {
    fn new(shown: NotArriving) -> NotArrivingJson {
        NotArrivingJson {
            tried_again: shown.is_tried_again(),
            retransmits: shown.retransmits,
            probes: shown.probes,
            reader_empty: shown.reader_is_empty,
            text: arrival::clause(shown, "there"),
        }
    }
}

impl GoneJson {
    fn new(judged: &Judged) -> GoneJson {
        GoneJson {
            cookie: judged.key.cookie.map(|cookie| format!("{cookie:x}")),
            inode: judged.key.inode.map(Inode::get),
            verdict: judged.reading.name(),
            consumed_per_s: judged.consumed,
            consumed_at_least: judged.consumed_at_least,
        }
    }
}

impl TrendJson {
    fn new(trend: &Trend) -> TrendJson {
        TrendJson {
            unread: ChangeJson::new(trend.unread),
            unread_unknown: trend.unread_unknown,
            charged: ChangeJson::new(trend.charged),
            worst: ChangeJson::new(trend.worst),
            tcp_memory: trend.tcp_memory.map(ChangeJson::new),
            unaccounted: trend.unaccounted.map(ChangeJson::new),
            until_pressure_s: trend.until_pressure.map(seconds),
        }
    }
}

impl ChangeJson {
    fn new(change: Growth) -> ChangeJson {
        ChangeJson { now: change.now.0, per_s: change.per_second.round() }
    }
}

/// Seconds, to the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
