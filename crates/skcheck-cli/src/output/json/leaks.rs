//! Who opens sockets and never releases them, for programs.

use std::io::{self, Write};

use serde::Serialize;
use skcheck_core::leaks::{Leaked, OpenSockets};

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::json::gap::GapJson;
use crate::output::json::holding::HolderJson;
use crate::output::json::process::ProcessJson;
use crate::report::leaks::LeaksReport;
use crate::text::rfc3339;

const SCHEMA: &str = "skcheck.leaks/1";

/// Writes one document and a newline.
pub(crate) fn write(report: &LeaksReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &LeaksJson::new(report))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct LeaksJson<'a> {
    schema: &'static str,
    taken_at: String,
    again_after_ms: Option<u64>,
    min_open: u64,
    min_leaked: u64,
    descriptors: u64,
    sockets_in_no_table: u64,
    leaked: Vec<LeakedJson>,
    open: Vec<OpenJson>,
    below: BelowJson,
    apart: ApartJson,
    processes: Vec<ProcessJson>,
    gaps: Vec<GapJson<'a>>,
}

#[derive(Serialize)]
struct LeakedJson {
    pid: u32,
    table: &'static str,
    sockets: u64,
    shared: u64,
    oldest: OldestJson,
}

#[derive(Serialize)]
struct OldestJson {
    inode: u32,
    holder: HolderJson,
}

#[derive(Serialize)]
struct OpenJson {
    pid: u32,
    sockets: u64,
    listed: Vec<ListedJson>,
}

#[derive(Serialize)]
struct ListedJson {
    protocol: &'static str,
    state: &'static str,
    sockets: u64,
}

#[derive(Serialize)]
struct BelowJson {
    sockets: u64,
    processes: u64,
}

#[derive(Serialize)]
struct ApartJson {
    families: Vec<FamilyJson>,
    other_namespaces: u64,
    unnamed: u64,
}

#[derive(Serialize)]
struct FamilyJson {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    sockets: u64,
}

impl<'a> LeaksJson<'a> {
    fn new(report: &LeaksReport<'a>) -> LeaksJson<'a> {
        let (leaks, thresholds) = (report.leaks, report.thresholds);
        let families = leaks.apart.families.iter();
        LeaksJson {
            schema: SCHEMA,
            taken_at: rfc3339(leaks.taken_at),
            again_after_ms: leaks.again_after.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            min_open: thresholds.open,
            min_leaked: thresholds.leaked,
            descriptors: leaks.scanned.descriptors,
            sockets_in_no_table: leaks.sockets,
            leaked: leaks.leaked.iter().map(LeakedJson::new).collect(),
            open: leaks.open.iter().map(OpenJson::new).collect(),
            below: BelowJson { sockets: leaks.below.sockets, processes: leaks.below.processes },
            apart: ApartJson {
                families: families
                    .map(|(name, sockets)| FamilyJson {
                        name: lossy(name),
                        name_hex: hex_unless_utf8(name),
                        sockets: *sockets,
                    })
                    .collect(),
                other_namespaces: leaks.apart.namespaces,
                unnamed: leaks.apart.unnamed,
            },
            processes: leaks.processes.iter().map(ProcessJson::new).collect(),
            gaps: leaks.gaps.iter().map(GapJson::new).collect(),
        }
    }
}

impl LeakedJson {
    fn new(leaked: &Leaked) -> LeakedJson {
        let (inode, holder) = leaked.oldest;
        LeakedJson {
            pid: leaked.pid,
            table: leaked.table,
            sockets: leaked.sockets,
            shared: leaked.shared,
            oldest: OldestJson { inode: inode.get(), holder: HolderJson::new(&holder) },
        }
    }
}

impl OpenJson {
    fn new(open: &OpenSockets) -> OpenJson {
        let listed = open.listed.iter().map(|(protocol, state, sockets)| ListedJson {
            protocol: protocol.name(),
            state: state.name(),
            sockets: *sockets,
        });
        OpenJson { pid: open.pid, sockets: open.sockets, listed: listed.collect() }
    }
}
