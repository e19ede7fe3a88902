//! A report for programs. The types here are the wire format, documented in docs/json.md; nothing
//! else may depend on them, and they do not follow the library's types by themselves.

mod books;
mod bytes;
mod exact;
pub(crate) mod leaks;
pub(crate) mod mem;
pub(crate) mod packets;
mod place;
mod process;
mod socket;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use skcheck_core::{Cap, Gap, Process, Snapshot, SocketEntry};

use crate::output::json::exact::BlocksJson;
use crate::output::json::place::NetnsJson;
use crate::output::json::process::ProcessJson;
use crate::output::json::socket::SocketJson;
use crate::report::Report;
use crate::text::rfc3339;

const SCHEMA: &str = "skcheck.scan/1";

/// Writes one document and a newline.
pub(crate) fn write(report: &Report<'_>, kernel: &Option<String>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &ScanJson::new(report, kernel.as_deref()))?;
    out.write_all(b"\n")
}

/// Writes one socket a line, each with its processes.
pub(crate) fn write_lines(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for &socket in &report.sockets {
        serde_json::to_writer(&mut *out, &LineJson::new(report.snapshot, socket))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[derive(Serialize)]
struct ScanJson<'a> {
    schema: &'static str,
    taken_at: String,
    duration_ms: u64,
    engine: &'static str,
    descriptors_engine: &'static str,
    host: HostJson<'a>,
    totals: TotalsJson,
    processes: Vec<ProcessJson>,
    sockets: Vec<SocketJson<'a>>,
    namespaces: Vec<NetnsJson>,
    gaps: Vec<GapJson<'a>>,
}

#[derive(Serialize)]
struct LineJson<'a> {
    schema: &'static str,
    taken_at: String,
    #[serde(flatten)]
    socket: SocketJson<'a>,
    processes: Vec<ProcessJson>,
}

#[derive(Serialize)]
struct HostJson<'a> {
    kernel: Option<&'a str>,
    page_size: u64,
    chunk_size: u64,
    max_skb_frags: u32,
    max_skb_frags_known: bool,
    active_skbs: Option<u64>,
    unowned: Option<i64>,
}

#[derive(Serialize)]
struct TotalsJson {
    sockets: u64,
    processes: u64,
    unread_sockets: u64,
    unread_processes: u64,
    unread: u64,
    unread_unknown: u64,
    charged: u64,
    charged_unknown: u64,
    rings: u64,
    rings_unknown: u64,
    worst: u64,
    worst_cap: Option<&'static str>,
    measured: u64,
    pinned: Option<u64>,
    pages: Option<Vec<BlocksJson>>,
    unlisted_tcp_mem: Option<i64>,
    unlisted_noise: u64,
}

#[derive(Serialize)]
struct GapJson<'a> {
    what: &'static str,
    r#where: &'a str,
    count: Option<u64>,
    hides_sockets: bool,
    remedy: &'a str,
    text: String,
}

impl<'a> ScanJson<'a> {
    fn new(report: &Report<'a>, kernel: Option<&'a str>) -> ScanJson<'a> {
        let snapshot = report.snapshot;
        let mut processes = BTreeMap::new();
        for socket in &report.sockets {
            processes.extend(processes_of(snapshot, socket).map(|process| (process.pid, process)));
        }
        ScanJson {
            schema: SCHEMA,
            taken_at: rfc3339(snapshot.taken_at),
            duration_ms: u64::try_from(snapshot.duration.as_millis()).unwrap_or(u64::MAX),
            engine: snapshot.source.name(),
            descriptors_engine: snapshot.engine.unwrap_or("proc"),
            host: HostJson::new(snapshot, kernel),
            totals: TotalsJson::new(report),
            processes: processes.into_values().map(ProcessJson::new).collect(),
            sockets: report.sockets.iter().map(|socket| SocketJson::new(socket, snapshot)).collect(),
            namespaces: snapshot.namespaces.iter().map(NetnsJson::new).collect(),
            gaps: snapshot.gaps.iter().map(GapJson::new).collect(),
        }
    }
}

impl<'a> LineJson<'a> {
    fn new(snapshot: &'a Snapshot, socket: &'a SocketEntry) -> LineJson<'a> {
        let processes: BTreeMap<u32, &Process> =
            processes_of(snapshot, socket).map(|process| (process.pid, process)).collect();
        LineJson {
            schema: SCHEMA,
            taken_at: rfc3339(snapshot.taken_at),
            socket: SocketJson::new(socket, snapshot),
            processes: processes.into_values().map(ProcessJson::new).collect(),
        }
    }
}

/// The processes at both ends of a socket; one may come several times.
fn processes_of<'a>(snapshot: &'a Snapshot, socket: &'a SocketEntry) -> impl Iterator<Item = &'a Process> {
    let peers = socket.peer_holders.iter().map(|holder| holder.pid);
    socket.pids().into_iter().chain(peers).filter_map(|pid| snapshot.process(pid))
}

impl<'a> HostJson<'a> {
    fn new(snapshot: &Snapshot, kernel: Option<&'a str>) -> HostJson<'a> {
        let facts = &snapshot.host;
        HostJson {
            kernel,
            page_size: facts.page_size.0,
            chunk_size: facts.chunk_size.0,
            max_skb_frags: facts.max_skb_frags,
            max_skb_frags_known: facts.max_skb_frags_known,
            active_skbs: facts.active_skbs,
            unowned: snapshot.ledger.as_ref().map(|ledger| ledger.unaccounted),
        }
    }
}

impl TotalsJson {
    fn new(report: &Report<'_>) -> TotalsJson {
        let totals = &report.totals;
        TotalsJson {
            sockets: totals.sockets,
            processes: totals.processes,
            unread_sockets: totals.unread_sockets,
            unread_processes: totals.unread_processes,
            unread: totals.unread.0,
            unread_unknown: totals.unread_unknown,
            charged: totals.charged.0,
            charged_unknown: totals.charged_unknown,
            rings: totals.rings.0,
            rings_unknown: totals.rings_unknown,
            worst: totals.worst.0,
            worst_cap: totals.cap.map(|cap| match cap {
                Cap::Unowned => "unowned",
                Cap::HostPackets => "host_packets",
                _ => "other",
            }),
            measured: totals.measured,
            pinned: totals.pinned.map(|bytes| bytes.0),
            pages: totals.pinned.map(|_| report.snapshot.blocks().iter().map(BlocksJson::new).collect()),
            unlisted_tcp_mem: report.snapshot.unlisted_tcp_mem,
            unlisted_noise: report.snapshot.unlisted_noise.0,
        }
    }
}

impl<'a> GapJson<'a> {
    fn new(gap: &'a Gap) -> GapJson<'a> {
        GapJson {
            what: gap.what.name(),
            r#where: &gap.place,
            count: gap.count,
            hides_sockets: gap.hides_sockets(),
            remedy: &gap.remedy,
            text: gap.to_string(),
        }
    }
}
