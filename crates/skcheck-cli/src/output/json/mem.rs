//! Where the memory is, for programs.

use std::io::{self, Write};

use serde::Serialize;
use skcheck_core::memory::{CgroupMemory, LedgerGroup, Pressure};
use skcheck_core::verdict::{Evidence, HeavySocket};

use crate::output::json::books::{CensusJson, NamedJson, NetworkJson, ReservedJson};
use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::json::gap::GapJson;
use crate::output::words::verdict::paragraph;
use crate::report::mem::{HostReport, MemReport, Scope};
use crate::text::{Charset, rfc3339};

const SCHEMA: &str = "skcheck.mem/1";

/// Writes one document and a newline.
pub(crate) fn write(report: &MemReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &MemJson::new(report))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct MemJson<'a> {
    schema: &'static str,
    taken_at: String,
    total: u64,
    free: Option<u64>,
    unaccounted: i64,
    lru_ownerless: Option<i64>,
    nobody: u64,
    parts: Vec<PartJson>,
    included: Vec<NamedJson>,
    reserved: Option<u64>,
    reserved_detail: Option<ReservedJson>,
    network: Option<NetworkJson<'a>>,
    census: Option<CensusJson>,
    cgroup: Option<CgroupJson>,
    sockets: Option<SocketsJson>,
    verdict: Option<VerdictJson>,
    gaps: Vec<GapJson<'a>>,
}

#[derive(Serialize)]
struct PartJson {
    name: &'static str,
    group: &'static str,
    bytes: u64,
}

#[derive(Serialize)]
struct CgroupJson {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    version: u8,
    charged: u64,
    limit: Option<u64>,
    high: Option<u64>,
    limit_hits: Option<u64>,
    oom_kills: Option<u64>,
    pressure: Option<PressureJson>,
    sock: Option<u64>,
}

#[derive(Serialize)]
struct PressureJson {
    some: [f64; 3],
    full: [f64; 3],
}

#[derive(Serialize)]
struct SocketsJson {
    unread: u64,
    charged: u64,
    worst: Option<u64>,
    worst_of_all: bool,
    pinned: Option<u64>,
    pinned_ownerless: Option<u64>,
    charged_elsewhere: u64,
    walked_all: bool,
    hidden: bool,
    rings: Option<u64>,
}

#[derive(Serialize)]
struct VerdictJson {
    code: &'static str,
    text: String,
    reason: &'static str,
    reason_bytes: Option<u64>,
    missing: u64,
    limit: u64,
    out_of_proportion: bool,
    chunks: Option<u64>,
    threads_kept_bytes: Option<u64>,
    large_kmalloc: Option<u64>,
    room: Option<u64>,
    suspects: Vec<SuspectJson>,
}

#[derive(Serialize)]
struct SuspectJson {
    pid: Option<u32>,
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    fd: Option<u32>,
    holding: &'static str,
    unread: Option<u64>,
    charged: Option<u64>,
    pinned: Option<u64>,
    pinned_is_floor: bool,
    worst: Option<u64>,
    rings: Option<u64>,
}

impl<'a> MemJson<'a> {
    fn new(report: &'a MemReport<'_>) -> MemJson<'a> {
        let ledger = report.ledger;
        let (host, cgroup) = match &report.scope {
            Scope::Host(host) => (Some(host), None),
            Scope::Cgroup(cgroup) => (None, Some(*cgroup)),
        };
        let reserved = host.and_then(|host| host.reserved);
        let parts = ledger.parts.iter().map(|part| PartJson {
            name: part.kind.name(),
            group: part.kind.group().name(),
            bytes: part.bytes.0,
        });
        let included = ledger.included.iter().map(|it| NamedJson { name: it.name, bytes: it.bytes.0 });
        MemJson {
            schema: SCHEMA,
            taken_at: rfc3339(report.taken_at),
            total: ledger.total.0,
            free: host.map(|_| ledger.group(LedgerGroup::Free).0),
            unaccounted: ledger.unaccounted,
            lru_ownerless: ledger.lru_ownerless,
            nobody: ledger.nobodys().0,
            parts: parts.collect(),
            included: included.collect(),
            reserved: reserved.map(|it| it.kernel.0.saturating_add(it.firmware.0)),
            reserved_detail: reserved.map(ReservedJson::new),
            network: host.map(|host| NetworkJson::new(host.network, report.page_size)),
            census: host.and_then(|host| host.census).map(CensusJson::new),
            cgroup: cgroup.map(CgroupJson::new),
            sockets: host.filter(|host| host.scanned).map(|host| SocketsJson::new(&host.verdict.evidence)),
            verdict: host.map(|host| VerdictJson::new(report, host)),
            gaps: report.gaps.iter().map(GapJson::new).collect(),
        }
    }
}

impl CgroupJson {
    fn new(cgroup: &CgroupMemory) -> CgroupJson {
        CgroupJson {
            path: lossy(&cgroup.path),
            path_hex: hex_unless_utf8(&cgroup.path),
            version: cgroup.version,
            charged: cgroup.charged().0,
            limit: cgroup.limit.map(|limit| limit.0),
            high: cgroup.high.map(|high| high.0),
            limit_hits: cgroup.limit_hits,
            oom_kills: cgroup.oom_kills,
            pressure: cgroup.pressure.map(|Pressure { some, full, .. }| {
                let percent = |shares: [u32; 3]| shares.map(|share| f64::from(share) / 100.0);
                PressureJson { some: percent(some), full: percent(full) }
            }),
            sock: cgroup.sock.map(|sock| sock.0),
        }
    }
}

impl SocketsJson {
    fn new(evidence: &Evidence) -> SocketsJson {
        SocketsJson {
            unread: evidence.unread.0,
            charged: evidence.charged.0,
            worst: evidence.worst.map(|worst| worst.0),
            worst_of_all: evidence.worst_of_all,
            pinned: evidence.walked_off_list.map(|pinned| pinned.0),
            pinned_ownerless: evidence.walked_ownerless.map(|pinned| pinned.0),
            charged_elsewhere: evidence.elsewhere.0,
            walked_all: evidence.walked_all(),
            hidden: evidence.is_blind,
            rings: evidence.rings.map(|rings| rings.0),
        }
    }
}

impl VerdictJson {
    fn new(report: &MemReport<'_>, host: &HostReport<'_>) -> VerdictJson {
        let verdict = host.verdict;
        VerdictJson {
            code: verdict.code.name(),
            text: paragraph(report, host, Charset::Utf8),
            reason: verdict.reason.name(),
            reason_bytes: verdict.reason.bytes().map(|bytes| bytes.0),
            missing: verdict.missing.0,
            limit: verdict.limit.0,
            out_of_proportion: verdict.is_out_of_proportion,
            chunks: verdict.evidence.chunks.map(|chunks| chunks.0),
            threads_kept_bytes: verdict.evidence.chunks.map(|_| verdict.evidence.threads_kept.0),
            large_kmalloc: verdict.evidence.chunks.map(|_| verdict.evidence.large_kmalloc.0),
            room: verdict.evidence.room.map(|room| room.0),
            suspects: verdict.suspects.iter().map(SuspectJson::new).collect(),
        }
    }
}

impl SuspectJson {
    fn new(suspect: &HeavySocket) -> SuspectJson {
        SuspectJson {
            pid: suspect.holder.map(|holder| holder.pid),
            comm: suspect.comm.as_deref().map(lossy),
            comm_hex: suspect.comm.as_deref().and_then(hex_unless_utf8),
            fd: suspect.holder.and_then(|holder| holder.number()),
            holding: suspect.holding.name(),
            unread: suspect.unread.map(|unread| unread.0),
            charged: suspect.charged.map(|charged| charged.0),
            pinned: suspect.pinned.map(|pinned| pinned.0),
            pinned_is_floor: suspect.pinned_is_floor,
            worst: suspect.worst.map(|worst| worst.0),
            rings: suspect.rings.map(|rings| rings.0),
        }
    }
}
