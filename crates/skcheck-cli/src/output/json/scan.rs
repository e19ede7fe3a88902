//! The report of a scan, for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use skcheck_core::{Gap, Process, Snapshot, SocketEntry, Totals};

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
    let mut document = Document::new(out);
    document.add(report.snapshot, &report.sockets)?;
    document.finish(report.snapshot, &report.totals, &report.gaps)
}

/// Writes one socket a line, each with its processes.
pub(crate) fn write_lines(
    snapshot: &Snapshot,
    sockets: &[&SocketEntry],
    out: &mut dyn Write,
) -> io::Result<()> {
    for &socket in sockets {
        serde_json::to_writer(&mut *out, &LineJson::new(snapshot, socket))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A document that is written as the parts of a report come.
pub(crate) struct Document<'o> {
    out: &'o mut dyn Write,
    has_begun: bool,
    has_sockets: bool,
    processes: BTreeMap<u32, ProcessJson>,
}

impl<'o> Document<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Document<'o> {
        Document { out, has_begun: false, has_sockets: false, processes: BTreeMap::new() }
    }

    /// Writes these sockets of a part, in this order.
    pub(crate) fn add(&mut self, part: &Snapshot, sockets: &[&SocketEntry]) -> io::Result<()> {
        self.begin(part)?;
        for socket in sockets {
            for process in processes_of(part, socket) {
                self.processes.entry(process.pid).or_insert_with(|| ProcessJson::new(process));
            }
            if self.has_sockets {
                self.out.write_all(b",")?;
            }
            self.has_sockets = true;
            serde_json::to_writer(&mut *self.out, &SocketJson::new(socket, part))?;
        }
        Ok(())
    }

    /// Writes what is known in the end, and a newline. `rest` is what a scan returned beside the parts.
    pub(crate) fn finish(mut self, rest: &Snapshot, totals: &Totals, gaps: &[Gap]) -> io::Result<()> {
        self.begin(rest)?;
        self.out.write_all(b"],")?;
        let end = EndJson {
            duration_ms: u64::try_from(rest.duration.as_millis()).unwrap_or(u64::MAX),
            totals: TotalsJson::new(totals, rest),
            processes: self.processes.into_values().collect(),
            namespaces: rest.namespaces.iter().map(NetnsJson::new).collect(),
            gaps: gaps.iter().map(GapJson::new).collect(),
        };
        let end = serde_json::to_vec(&end)?;
        self.out.write_all(end.strip_prefix(b"{").unwrap_or(&end))?;
        self.out.write_all(b"\n")
    }

    /// Writes what comes before the sockets, unless that was done.
    fn begin(&mut self, part: &Snapshot) -> io::Result<()> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        let beginning = serde_json::to_vec(&BeginningJson {
            schema: SCHEMA,
            taken_at: rfc3339(part.taken_at),
            engine: part.source.name(),
            descriptors_engine: part.engine.unwrap_or("proc"),
            host: HostJson::new(part),
        })?;
        self.out.write_all(beginning.strip_suffix(b"}").unwrap_or(&beginning))?;
        self.out.write_all(b",\"sockets\":[")
    }
}

#[derive(Serialize)]
struct BeginningJson {
    schema: &'static str,
    taken_at: String,
    engine: &'static str,
    descriptors_engine: &'static str,
    host: HostJson,
}

#[derive(Serialize)]
struct EndJson<'a> {
    duration_ms: u64,
    totals: TotalsJson,
    processes: Vec<ProcessJson>,
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
