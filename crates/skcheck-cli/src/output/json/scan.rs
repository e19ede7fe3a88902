//! The report of a scan, for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use skcheck_core::{Process, Snapshot, SocketEntry};

use crate::output::json::gap::GapJson;
use crate::output::json::host::HostJson;
use crate::output::json::place::NetnsJson;
use crate::output::json::process::{ProcessJson, processes_of};
use crate::output::json::socket::SocketJson;
use crate::output::json::totals::TotalsJson;
use crate::report::scan::ScanReport;
use crate::text::rfc3339;

const SCHEMA: &str = "skcheck.scan/1";

/// Writes one document and a newline.
pub(crate) fn write(report: &ScanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &ScanJson::new(report))?;
    out.write_all(b"\n")
}

/// Writes one socket a line, each with its processes.
pub(crate) fn write_lines(report: &ScanReport<'_>, out: &mut dyn Write) -> io::Result<()> {
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
    host: HostJson,
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

impl<'a> ScanJson<'a> {
    fn new(report: &'a ScanReport<'_>) -> ScanJson<'a> {
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
            host: HostJson::new(snapshot),
            totals: TotalsJson::new(report),
            processes: processes.into_values().map(ProcessJson::new).collect(),
            sockets: report.sockets.iter().map(|socket| SocketJson::new(socket, snapshot)).collect(),
            namespaces: snapshot.namespaces.iter().map(NetnsJson::new).collect(),
            gaps: report.gaps.iter().map(GapJson::new).collect(),
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
