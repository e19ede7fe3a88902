//! Why nobody reads, and who is at the end of it.

use serde::Serialize;
use skcheck_core::watch::Sample;
use skcheck_core::watch::cause::{Cause, End, Link, Over, Pace, Root};
use skcheck_core::watch::evidence::Conduit;

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::json::holding::HolderJson;
use crate::output::json::watch::evidence::{EvidenceJson, evidence};
use crate::output::words::chain::because;
use crate::output::words::sample::SampleNames;
use crate::report::watch::{WatchRow, comm};

#[derive(Serialize)]
pub(super) struct CauseJson {
    code: &'static str,
    pid: Option<u32>,
    text: String,
    evidence: Vec<EvidenceJson>,
}

/// The reader at the end.
#[derive(Serialize)]
pub(super) struct RootJson {
    pid: u32,
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    fd: Option<u32>,
    reads: bool,
    consumed_per_s: Option<u64>,
    consumed_at_least: bool,
    code: Option<&'static str>,
    evidence: Vec<EvidenceJson>,
}

#[derive(Serialize)]
pub(super) struct ChainJson {
    circle: bool,
    end: &'static str,
    links: Vec<LinkJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<LinkJson>,
}

#[derive(Serialize)]
struct LinkJson {
    writer: HolderJson,
    wait: &'static str,
    over: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    unsent: Option<u64>,
    taken_per_s: Option<u64>,
    reader: Option<HolderJson>,
    consumed_per_s: Option<u64>,
    pairing: &'static str,
}

impl CauseJson {
    pub(super) fn of_socket(row: &WatchRow<'_>, cause: &Cause, names: SampleNames<'_>) -> CauseJson {
        CauseJson {
            code: cause.code.name(),
            pid: cause.pid,
            text: because(row, names).unwrap_or_default(),
            evidence: evidence(cause, names),
        }
    }
}

impl RootJson {
    pub(super) fn new(root: &Root, names: SampleNames<'_>) -> Option<RootJson> {
        let holder = root.reader().filter(|_| !root.is_unsure())?;
        let (reads, pace) = match root.end {
            End::Slow(_, pace, _) => (true, pace),
            _ => (false, Pace { consumed: Some(0), at_least: false }),
        };
        let comm = comm(names.sample, holder.pid);
        Some(RootJson {
            pid: holder.pid,
            comm: comm.map(lossy),
            comm_hex: comm.and_then(hex_unless_utf8),
            fd: holder.number(),
            reads,
            consumed_per_s: pace.consumed,
            consumed_at_least: pace.at_least,
            code: root.cause().map(|cause| cause.code.name()),
            evidence: root.cause().map(|cause| evidence(cause, names)).unwrap_or_default(),
        })
    }
}

impl ChainJson {
    pub(super) fn new(root: &Root, sample: &Sample) -> ChainJson {
        let candidates = if let End::OneOf(links) = &root.end { links.as_slice() } else { &[] };
        let all = |links: &[Link]| links.iter().map(|link| LinkJson::new(link, sample)).collect();
        ChainJson {
            circle: root.is_circle(),
            end: end_name(&root.end),
            links: all(&root.links),
            candidates: all(candidates),
        }
    }
}

impl LinkJson {
    fn new(link: &Link, sample: &Sample) -> LinkJson {
        let conduit = match link.over {
            Over::Conduit(at) => sample.conduits.get(at),
            _ => None,
        };
        let name = conduit.map(|conduit| conduit.name.as_slice());
        LinkJson {
            writer: HolderJson::new(&link.writer),
            wait: link.wait.name(),
            over: over_name(link.over, conduit),
            name: name.map(lossy),
            name_hex: name.and_then(hex_unless_utf8),
            unsent: link.unsent.map(|unsent| unsent.0),
            taken_per_s: link.taken,
            reader: link.reader.as_ref().map(HolderJson::new),
            consumed_per_s: link.pace.and_then(|pace| pace.consumed),
            pairing: link.pairing.name(),
        }
    }
}

fn over_name(over: Over, conduit: Option<&Conduit>) -> &'static str {
    match (over, conduit) {
        (_, Some(conduit)) => conduit.kind.name(),
        (Over::Answer(_), _) => "answer",
        (Over::Connect(_), _) => "connect",
        _ => "socket",
    }
}

fn end_name(end: &End) -> &'static str {
    match end {
        End::Stalled(..) => "stalled",
        End::Slow(..) => "slow",
        End::OffHost => "off_host",
        End::Hidden => "hidden",
        End::Circle(_) => "circle",
        End::NotArriving(_) => "not_arriving",
        End::TooFar => "too_far",
        End::OneOf(_) => "one_of",
        _ => "not_found",
    }
}
