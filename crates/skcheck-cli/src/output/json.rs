//! A report for programs. The types here are the wire format, documented in docs/json.md; nothing
//! else may depend on them, and they do not follow the library's types by themselves.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;
use skcheck_core::{
    Cap, Endpoint, Gap, Holder, Holding, Inode, Process, RecvQueue, Report as SocketReport, SendQueue, SkMem,
    Snapshot,
};

use crate::report::Report;
use crate::text::{hex, rfc3339};

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
    host: HostJson<'a>,
    totals: TotalsJson,
    processes: Vec<ProcessJson>,
    sockets: Vec<SocketJson<'a>>,
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
    unread: u64,
    unread_unknown: u64,
    charged: u64,
    charged_unknown: u64,
    worst: u64,
    worst_cap: Option<&'static str>,
    unlisted_tcp_mem: Option<i64>,
    unlisted_noise: u64,
}

#[derive(Serialize)]
struct ProcessJson {
    pid: u32,
    start_time: Option<u64>,
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    cmdline: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmdline_hex: Option<Vec<Option<String>>>,
    uid: Option<u32>,
}

#[derive(Serialize)]
struct SocketJson<'a> {
    family: &'static str,
    protocol: &'static str,
    state: &'static str,
    inode: Option<u32>,
    cookie: Option<String>,
    uid: Option<u32>,
    interface: Option<&'a str>,
    interface_index: Option<u32>,
    local: Option<EndpointJson<'a>>,
    peer: Option<EndpointJson<'a>>,
    peer_inode: Option<u32>,
    recv_q: Option<u64>,
    recv_q_unit: Option<&'static str>,
    send_q: Option<u64>,
    send_q_unit: Option<&'static str>,
    unread: Option<u64>,
    charged: Option<u64>,
    charged_is_floor: bool,
    worst: Option<u64>,
    worst_basis: Option<&'static str>,
    worst_saturated: Option<bool>,
    unsent: Option<u64>,
    send_charged: Option<u64>,
    send_worst: Option<u64>,
    send_worst_basis: Option<&'static str>,
    skmem: SkMemJson,
    shutdown: Option<ShutdownJson>,
    holding: &'static str,
    awaiting_accept: bool,
    ambiguous: bool,
    shared: bool,
    holders: Vec<HolderJson>,
    peer_holders: Vec<HolderJson>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EndpointJson<'a> {
    Ip {
        addr: IpAddr,
        port: u16,
        scope: Option<&'a str>,
    },
    Path {
        path: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        path_hex: Option<String>,
    },
    Abstract {
        r#abstract: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        abstract_hex: Option<String>,
    },
    Unnamed {
        unnamed: bool,
    },
}

#[derive(Serialize)]
struct SkMemJson {
    rmem_alloc: Option<u32>,
    rcvbuf: Option<u32>,
    wmem_alloc: Option<u32>,
    sndbuf: Option<u32>,
    fwd_alloc: Option<u32>,
    wmem_queued: Option<u32>,
    optmem: Option<u32>,
    backlog: Option<u32>,
    drops: Option<u32>,
}

#[derive(Serialize)]
struct ShutdownJson {
    receive: bool,
    send: bool,
}

#[derive(Serialize)]
struct HolderJson {
    pid: u32,
    fd: u32,
}

#[derive(Serialize)]
struct GapJson<'a> {
    what: &'static str,
    r#where: &'a str,
    count: Option<u64>,
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
            host: HostJson::new(snapshot, kernel),
            totals: TotalsJson::new(report),
            processes: processes.into_values().map(ProcessJson::new).collect(),
            sockets: report.sockets.iter().copied().map(SocketJson::new).collect(),
            gaps: snapshot.gaps.iter().map(GapJson::new).collect(),
        }
    }
}

impl<'a> LineJson<'a> {
    fn new(snapshot: &'a Snapshot, socket: &'a SocketReport) -> LineJson<'a> {
        let processes: BTreeMap<u32, &Process> =
            processes_of(snapshot, socket).map(|process| (process.pid, process)).collect();
        LineJson {
            schema: SCHEMA,
            taken_at: rfc3339(snapshot.taken_at),
            socket: SocketJson::new(socket),
            processes: processes.into_values().map(ProcessJson::new).collect(),
        }
    }
}

/// The processes at both ends of a socket; one may come several times.
fn processes_of<'a>(snapshot: &'a Snapshot, socket: &'a SocketReport) -> impl Iterator<Item = &'a Process> {
    socket.holders.iter().chain(&socket.peer_holders).filter_map(|holder| snapshot.process(holder.pid))
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
            unowned: facts.unowned,
        }
    }
}

impl TotalsJson {
    fn new(report: &Report<'_>) -> TotalsJson {
        let totals = &report.totals;
        TotalsJson {
            sockets: totals.sockets,
            processes: totals.processes,
            unread: totals.unread.0,
            unread_unknown: totals.unread_unknown,
            charged: totals.charged.0,
            charged_unknown: totals.charged_unknown,
            worst: totals.worst.0,
            worst_cap: totals.cap.map(|cap| match cap {
                Cap::Unowned => "unowned",
                Cap::HostPackets => "host_packets",
                _ => "other",
            }),
            unlisted_tcp_mem: report.snapshot.unlisted_tcp_mem,
            unlisted_noise: report.snapshot.unlisted_noise.0,
        }
    }
}

impl ProcessJson {
    fn new(process: &Process) -> Self {
        let cmdline = process.cmdline.as_deref();
        let hexes = cmdline.map(|words| words.iter().map(|word| hex_unless_utf8(word)).collect::<Vec<_>>());
        ProcessJson {
            pid: process.pid,
            start_time: process.start_time,
            comm: process.comm.as_deref().map(lossy),
            comm_hex: process.comm.as_deref().and_then(hex_unless_utf8),
            cmdline: cmdline.map(|words| words.iter().map(|word| lossy(word)).collect()),
            cmdline_hex: hexes.filter(|hexes| hexes.iter().any(Option::is_some)),
            uid: process.uid,
        }
    }
}

impl<'a> SocketJson<'a> {
    fn new(report: &'a SocketReport) -> SocketJson<'a> {
        let socket = &report.socket;
        let (received, sent) = (&report.footprint.received, &report.footprint.sent);
        let (recv_q, recv_q_unit) = recv_q(socket.recv_q);
        let (send_q, send_q_unit) = send_q(socket.send_q);
        let interface = report.interface_name.as_deref();
        SocketJson {
            family: socket.family.name(),
            protocol: socket.protocol.name(),
            state: socket.state.name(),
            inode: socket.inode.map(Inode::get),
            cookie: socket.cookie.map(|cookie| format!("{cookie:x}")),
            uid: socket.uid,
            interface,
            interface_index: socket.interface,
            local: EndpointJson::new(&socket.local, interface),
            peer: EndpointJson::new(&socket.peer, interface),
            peer_inode: socket.peer_inode.map(Inode::get),
            recv_q,
            recv_q_unit,
            send_q,
            send_q_unit,
            unread: received.payload.map(|payload| payload.0),
            charged: received.charged.map(|charge| charge.0),
            charged_is_floor: report.footprint.charged_is_floor,
            worst: received.worst.map(|worst| worst.bytes.0),
            worst_basis: received.worst.map(|worst| worst.basis.name()),
            worst_saturated: received.worst.map(|worst| worst.saturated),
            unsent: sent.payload.map(|payload| payload.0),
            send_charged: sent.charged.map(|charge| charge.0),
            send_worst: sent.worst.map(|worst| worst.bytes.0),
            send_worst_basis: sent.worst.map(|worst| worst.basis.name()),
            skmem: SkMemJson::new(&socket.skmem),
            shutdown: socket.shutdown.map(|down| ShutdownJson { receive: down.receive, send: down.send }),
            holding: report.holding.name(),
            awaiting_accept: matches!(report.holding, Holding::AwaitingAccept { .. }),
            ambiguous: matches!(report.holding, Holding::AwaitingAccept { ambiguous: true }),
            shared: report.is_shared(),
            holders: report.holders.iter().map(HolderJson::new).collect(),
            peer_holders: report.peer_holders.iter().map(HolderJson::new).collect(),
        }
    }
}

fn recv_q(queue: RecvQueue) -> (Option<u64>, Option<&'static str>) {
    let unit = match queue {
        RecvQueue::Payload(_) => "payload",
        RecvQueue::Truesize(_) => "truesize",
        RecvQueue::Connections(waiting) => return (Some(waiting.0.into()), Some("connections")),
        RecvQueue::FirstDatagram(_) => "first_datagram",
        _ => return (None, None),
    };
    (queue.size(), Some(unit))
}

fn send_q(queue: SendQueue) -> (Option<u64>, Option<&'static str>) {
    let unit = match queue {
        SendQueue::Payload(_) => "payload",
        SendQueue::Truesize(_) => "truesize",
        SendQueue::BacklogLimit(limit) => return (Some(limit.0.into()), Some("backlog_limit")),
        _ => return (None, None),
    };
    (queue.size(), Some(unit))
}

impl<'a> EndpointJson<'a> {
    fn new(endpoint: &Endpoint, interface: Option<&'a str>) -> Option<EndpointJson<'a>> {
        Some(match endpoint {
            Endpoint::Ip { addr, port } => {
                let scoped = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
                EndpointJson::Ip { addr: *addr, port: *port, scope: interface.filter(|_| scoped) }
            }
            Endpoint::Path(path) => EndpointJson::Path { path: lossy(path), path_hex: hex_unless_utf8(path) },
            Endpoint::Abstract(name) => {
                EndpointJson::Abstract { r#abstract: lossy(name), abstract_hex: hex_unless_utf8(name) }
            }
            Endpoint::Unnamed => EndpointJson::Unnamed { unnamed: true },
            _ => return None,
        })
    }
}

impl SkMemJson {
    fn new(skmem: &SkMem) -> SkMemJson {
        SkMemJson {
            rmem_alloc: skmem.rmem_alloc,
            rcvbuf: skmem.rcvbuf,
            wmem_alloc: skmem.wmem_alloc,
            sndbuf: skmem.sndbuf,
            fwd_alloc: skmem.fwd_alloc,
            wmem_queued: skmem.wmem_queued,
            optmem: skmem.optmem,
            backlog: skmem.backlog,
            drops: skmem.drops,
        }
    }
}

impl HolderJson {
    fn new(holder: &Holder) -> HolderJson {
        HolderJson { pid: holder.pid, fd: holder.fd }
    }
}

impl<'a> GapJson<'a> {
    fn new(gap: &'a Gap) -> GapJson<'a> {
        GapJson {
            what: gap.what.name(),
            r#where: &gap.place,
            count: gap.count,
            remedy: &gap.remedy,
            text: gap.to_string(),
        }
    }
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn hex_unless_utf8(name: &[u8]) -> Option<String> {
    std::str::from_utf8(name).is_err().then(|| hex(name))
}
