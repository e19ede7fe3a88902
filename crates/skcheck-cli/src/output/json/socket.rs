//! A socket with all that was joined to it.

use std::net::IpAddr;
use std::num::NonZeroU32;

use serde::Serialize;
use skcheck_core::Fill;
use skcheck_core::footprint::footprint;
use skcheck_core::{
    Certainty, Endpoint, Holder, Holding, HostFacts, Inode, RecvQueue, Ring, Rings, SendQueue, SkMem,
    Snapshot, Socket, SocketEntry, Truesize,
};

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::json::exact::ExactJson;
use crate::output::json::place::{NetnsJson, PlaceJson};
use crate::output::numbers;

#[derive(Serialize)]
pub(super) struct SocketJson<'a> {
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
    charged_certainty: &'static str,
    worst: Option<u64>,
    worst_basis: Option<&'static str>,
    worst_saturated: Option<bool>,
    worst_capped: Option<u64>,
    unsent: Option<u64>,
    send_charged: Option<u64>,
    send_worst: Option<u64>,
    send_worst_basis: Option<&'static str>,
    #[serde(flatten)]
    exact: ExactJson,
    full: Option<bool>,
    send_full: Option<bool>,
    error_packets: Option<u64>,
    skmem: SkMemJson,
    shutdown: Option<ShutdownJson>,
    rings: Option<RingsJson>,
    ring_bytes: Option<u64>,
    mptcp_token: Option<u32>,
    subflows: Vec<SubflowJson<'a>>,
    holding: &'static str,
    awaiting_accept: bool,
    ambiguous: bool,
    shared: bool,
    holders: Vec<HolderJson>,
    peer_holders: Vec<HolderJson>,
    peer_inferred: bool,
    portid_pid: Option<u32>,
    netns: Option<NetnsJson>,
    #[serde(flatten)]
    place: PlaceJson,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum EndpointJson<'a> {
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
    Raw {
        addr: IpAddr,
        ip_protocol: u16,
        name: Option<&'static str>,
        scope: Option<&'a str>,
    },
    Packet {
        ethernet_protocol: u16,
        name: Option<&'static str>,
    },
    Netlink {
        netlink_protocol: u8,
        name: Option<&'static str>,
        portid: u32,
    },
}

#[derive(Serialize)]
struct RingsJson {
    rx: Option<RingJson>,
    tx: Option<RingJson>,
}

#[derive(Serialize)]
struct RingJson {
    block_size: u32,
    blocks: u32,
    frames: u32,
    bytes: u64,
    fill: Option<FillJson>,
}

#[derive(Serialize)]
pub(super) struct FillJson {
    by: &'static str,
    units: u32,
    full: u32,
    packets: u64,
    no_room: bool,
    drops: Option<u32>,
}

/// A TCP connection that carries an MPTCP socket.
#[derive(Serialize)]
struct SubflowJson<'a> {
    state: &'static str,
    cookie: Option<String>,
    interface_index: Option<u32>,
    local: Option<EndpointJson<'a>>,
    peer: Option<EndpointJson<'a>>,
    recv_q: Option<u64>,
    recv_q_unit: Option<&'static str>,
    send_q: Option<u64>,
    send_q_unit: Option<&'static str>,
    unread: Option<u64>,
    unsent: Option<u64>,
    charged: Option<u64>,
    send_charged: Option<u64>,
    skmem: SkMemJson,
}

#[derive(Serialize)]
struct SkMemJson {
    rmem_alloc: Option<u32>,
    rcvbuf: Option<u32>,
    wmem_alloc: Option<u32>,
    sndbuf: Option<u32>,
    fwd_alloc: Option<i32>,
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
pub(super) struct HolderJson {
    pid: u32,
    fd: Option<u32>,
    via: &'static str,
    tid: Option<NonZeroU32>,
}

impl<'a> SocketJson<'a> {
    pub(super) fn new(report: &'a SocketEntry, snapshot: &Snapshot) -> SocketJson<'a> {
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
            charged_is_floor: report.footprint.certainty == Certainty::Floor,
            charged_certainty: report.footprint.certainty.name(),
            worst: received.worst.map(|worst| worst.bytes.0),
            worst_basis: received.worst.map(|worst| worst.basis.name()),
            worst_saturated: received.worst.map(|worst| worst.saturated),
            worst_capped: received.worst.map(|worst| {
                let charged = received.charged.unwrap_or(Truesize(0));
                snapshot.capped(worst.bytes, charged).0.0
            }),
            unsent: sent.payload.map(|payload| payload.0),
            send_charged: sent.charged.map(|charge| charge.0),
            send_worst: sent.worst.map(|worst| worst.bytes.0),
            send_worst_basis: sent.worst.map(|worst| worst.basis.name()),
            exact: ExactJson::new(report.exact.as_deref().map_err(|why| *why), socket),
            full: socket.receive_occupancy().map(|room| room.is_full),
            send_full: socket.send_occupancy().map(|room| room.is_full),
            error_packets: report.error_packets(),
            skmem: SkMemJson::new(&socket.skmem),
            shutdown: socket.shutdown.map(|down| ShutdownJson { receive: down.receive, send: down.send }),
            rings: socket.rings.map(RingsJson::new),
            ring_bytes: report.footprint.rings.map(|rings| rings.0),
            mptcp_token: socket.mptcp.as_ref().and_then(|mptcp| mptcp.token),
            subflows: socket.subflows().iter().map(|it| SubflowJson::new(it, &snapshot.host)).collect(),
            holding: report.holding.name(),
            awaiting_accept: matches!(report.holding, Holding::AwaitingAccept { .. }),
            ambiguous: matches!(
                report.holding,
                Holding::AwaitingAccept { ambiguous: true } | Holding::InFlight { ambiguous: true }
            ),
            shared: report.is_shared(),
            holders: report.holders.iter().map(HolderJson::new).collect(),
            peer_holders: report.peer_holders.iter().map(HolderJson::new).collect(),
            peer_inferred: report.peer_inferred,
            portid_pid: report.portid_process,
            netns: report.netns.and_then(|id| snapshot.netns(id)).map(NetnsJson::new),
            place: PlaceJson::new(
                report.cgroup.as_deref(),
                report.unit.as_deref(),
                report.container.as_ref(),
            ),
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
    pub(super) fn new(endpoint: &Endpoint, interface: Option<&'a str>) -> Option<EndpointJson<'a>> {
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
            Endpoint::Raw { addr, protocol } => {
                let scoped = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
                EndpointJson::Raw {
                    addr: *addr,
                    ip_protocol: *protocol,
                    name: numbers::ip_protocol(*protocol),
                    scope: interface.filter(|_| scoped),
                }
            }
            Endpoint::Packet { protocol } => EndpointJson::Packet {
                ethernet_protocol: *protocol,
                name: numbers::ethernet_protocol(*protocol),
            },
            Endpoint::Netlink { protocol, portid } => EndpointJson::Netlink {
                netlink_protocol: *protocol,
                name: numbers::netlink_protocol(*protocol),
                portid: *portid,
            },
            _ => return None,
        })
    }
}

impl RingsJson {
    fn new(rings: Rings) -> RingsJson {
        let ring = |ring: Ring, fill: Option<Fill>| RingJson {
            block_size: ring.block_size,
            blocks: ring.blocks,
            frames: ring.frames,
            bytes: ring.bytes().0,
            fill: fill.map(FillJson::new),
        };
        RingsJson { rx: rings.rx.map(|it| ring(it, rings.fill)), tx: rings.tx.map(|it| ring(it, None)) }
    }
}

impl FillJson {
    pub(super) fn new(fill: Fill) -> FillJson {
        FillJson {
            by: fill.by.name(),
            units: fill.units,
            full: fill.full,
            packets: fill.packets,
            no_room: fill.has_no_room(),
            drops: fill.drops,
        }
    }
}

impl<'a> SubflowJson<'a> {
    fn new(socket: &'a Socket, host: &HostFacts) -> SubflowJson<'a> {
        let footprint = footprint(socket, None, host);
        let (recv_q, recv_q_unit) = recv_q(socket.recv_q);
        let (send_q, send_q_unit) = send_q(socket.send_q);
        SubflowJson {
            state: socket.state.name(),
            cookie: socket.cookie.map(|cookie| format!("{cookie:x}")),
            interface_index: socket.interface,
            local: EndpointJson::new(&socket.local, None),
            peer: EndpointJson::new(&socket.peer, None),
            recv_q,
            recv_q_unit,
            send_q,
            send_q_unit,
            unread: footprint.received.payload.map(|payload| payload.0),
            unsent: footprint.sent.payload.map(|payload| payload.0),
            charged: footprint.received.charged.map(|charge| charge.0),
            send_charged: footprint.sent.charged.map(|charge| charge.0),
            skmem: SkMemJson::new(&socket.skmem),
        }
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
    pub(super) fn new(holder: &Holder) -> HolderJson {
        HolderJson { pid: holder.pid, fd: holder.number(), via: holder.via.name(), tid: holder.tid }
    }
}
