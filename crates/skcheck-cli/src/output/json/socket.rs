//! A socket with all that was joined to it.

use serde::Serialize;
use skcheck_core::{Certainty, Inode, Snapshot, Socket, SocketEntry, Truesize};

use crate::output::json::endpoint::EndpointJson;
use crate::output::json::exact::ExactJson;
use crate::output::json::holding::HoldingJson;
use crate::output::json::place::{NetnsJson, PlaceJson};
use crate::output::json::queues::QueuesJson;
use crate::output::json::rings::RingsJson;
use crate::output::json::skmem::SkMemJson;
use crate::output::json::subflow::SubflowJson;

#[derive(Serialize)]
pub(super) struct SocketJson<'a> {
    #[serde(flatten)]
    identity: IdentityJson<'a>,
    #[serde(flatten)]
    queues: QueuesJson,
    #[serde(flatten)]
    received: ReceivedJson,
    #[serde(flatten)]
    sent: SentJson,
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
    #[serde(flatten)]
    holding: HoldingJson,
    netns: Option<NetnsJson>,
    #[serde(flatten)]
    place: PlaceJson,
}

/// Which socket it is, and what is at its ends.
#[derive(Serialize)]
struct IdentityJson<'a> {
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
}

/// What the receiving side holds.
#[derive(Serialize)]
struct ReceivedJson {
    unread: Option<u64>,
    charged: Option<u64>,
    charged_is_floor: bool,
    charged_certainty: &'static str,
    worst: Option<u64>,
    worst_basis: Option<&'static str>,
    worst_saturated: Option<bool>,
    worst_capped: Option<u64>,
}

/// What the sending side holds.
#[derive(Serialize)]
struct SentJson {
    unsent: Option<u64>,
    send_charged: Option<u64>,
    send_worst: Option<u64>,
    send_worst_basis: Option<&'static str>,
}

#[derive(Serialize)]
struct ShutdownJson {
    receive: bool,
    send: bool,
}

impl<'a> SocketJson<'a> {
    pub(super) fn new(report: &'a SocketEntry, snapshot: &Snapshot) -> SocketJson<'a> {
        let socket = &report.socket;
        SocketJson {
            identity: IdentityJson::new(socket, report.interface_name.as_deref()),
            queues: QueuesJson::new(socket),
            received: ReceivedJson::new(report, snapshot),
            sent: SentJson::new(report),
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
            holding: HoldingJson::new(report),
            netns: report.netns.and_then(|id| snapshot.netns(id)).map(NetnsJson::new),
            place: PlaceJson::new(
                report.cgroup.as_deref(),
                report.unit.as_deref(),
                report.container.as_ref(),
            ),
        }
    }
}

impl<'a> IdentityJson<'a> {
    fn new(socket: &Socket, interface: Option<&'a str>) -> IdentityJson<'a> {
        IdentityJson {
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
        }
    }
}

impl ReceivedJson {
    fn new(report: &SocketEntry, snapshot: &Snapshot) -> ReceivedJson {
        let (received, certainty) = (&report.footprint.received, report.footprint.certainty);
        ReceivedJson {
            unread: received.payload.map(|payload| payload.0),
            charged: received.charged.map(|charge| charge.0),
            charged_is_floor: certainty == Certainty::Floor,
            charged_certainty: certainty.name(),
            worst: received.worst.map(|worst| worst.bytes.0),
            worst_basis: received.worst.map(|worst| worst.basis.name()),
            worst_saturated: received.worst.map(|worst| worst.saturated),
            worst_capped: received.worst.map(|worst| {
                let charged = received.charged.unwrap_or(Truesize(0));
                snapshot.capped(worst.bytes, charged).0.0
            }),
        }
    }
}

impl SentJson {
    fn new(report: &SocketEntry) -> SentJson {
        let sent = &report.footprint.sent;
        SentJson {
            unsent: sent.payload.map(|payload| payload.0),
            send_charged: sent.charged.map(|charge| charge.0),
            send_worst: sent.worst.map(|worst| worst.bytes.0),
            send_worst_basis: sent.worst.map(|worst| worst.basis.name()),
        }
    }
}
