//! The packets of one socket, for programs.

use std::io::{self, Write};

use serde::Serialize;
use skcheck_core::Inode;
use skcheck_core::engine::{Counters, Packet, Piece};

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::json::endpoint::EndpointJson;
use crate::output::json::exact::{BlocksJson, ExactJson};
use crate::output::json::rings::FillJson;
use crate::report::packets::{PacketsReport, RepeatedLook};

const SCHEMA: &str = "skcheck.packets/1";

/// Writes one document and a newline. Of each queue the first `top` packets are listed.
pub(crate) fn write(
    report: &PacketsReport,
    again: Option<&RepeatedLook>,
    top: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &PacketsJson::new(report, again, top))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct PacketsJson<'a> {
    schema: &'static str,
    pid: u32,
    fd: u32,
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    family: &'static str,
    protocol: &'static str,
    state: &'static str,
    inode: Option<u32>,
    cookie: Option<String>,
    netns_inode: u64,
    local: Option<EndpointJson<'a>>,
    peer: Option<EndpointJson<'a>>,
    full: Option<bool>,
    send_full: Option<bool>,
    drops: Option<u32>,
    unread: Option<u64>,
    unsent: Option<u64>,
    charged: Option<u64>,
    send_charged: Option<u64>,
    error_packets: u64,
    #[serde(flatten)]
    exact: ExactJson,
    pages: Vec<BlocksJson>,
    counters: CountersJson,
    again: Option<AgainJson>,
    packets: Vec<PacketJson>,
}

#[derive(Serialize)]
struct CountersJson {
    rmem_alloc: u64,
    backlog: u64,
    wmem_queued: u64,
    recv_q: u64,
    send_q: u64,
    ring: Option<FillJson>,
}

#[derive(Serialize)]
struct AgainJson {
    looks: usize,
    after_ms: u64,
    before: usize,
    untouched: usize,
    grown: usize,
    begun: usize,
    gone: usize,
    arrived: usize,
    read: bool,
    errors: ErrorsJson,
    taken: Option<u32>,
    ring_read: Option<bool>,
}

/// What became of the error queue.
#[derive(Serialize)]
struct ErrorsJson {
    before: usize,
    fetched: usize,
    arrived: usize,
}

#[derive(Serialize)]
struct PacketJson {
    queue: &'static str,
    part: bool,
    id: String,
    stamp: u64,
    length: u64,
    truesize: u64,
    head: String,
    head_in: PieceJson,
    fragments: Vec<PieceJson>,
}

#[derive(Serialize)]
struct PieceJson {
    page: Option<String>,
    order: u8,
    kind: &'static str,
    offset: u32,
    length: u32,
}

impl<'a> PacketsJson<'a> {
    fn new(report: &'a PacketsReport, again: Option<&RepeatedLook>, top: Option<usize>) -> PacketsJson<'a> {
        let listing = &report.listing;
        let socket = &listing.socket;
        let (received, sent) = (&report.footprint.received, &report.footprint.sent);
        let of_queue = |queue| listing.of_queue(queue).take(top.unwrap_or(usize::MAX)).map(PacketJson::new);
        PacketsJson {
            schema: SCHEMA,
            pid: report.holder.pid,
            fd: report.holder.fd,
            comm: report.comm.as_deref().map(lossy),
            comm_hex: report.comm.as_deref().and_then(hex_unless_utf8),
            family: socket.family.name(),
            protocol: socket.protocol.name(),
            state: socket.state.name(),
            inode: socket.inode.map(Inode::get),
            cookie: socket.cookie.map(|cookie| format!("{cookie:x}")),
            full: socket.receive_occupancy().map(|room| room.is_full),
            send_full: socket.send_occupancy().map(|room| room.is_full),
            drops: socket.skmem.drops,
            netns_inode: listing.netns.0,
            local: EndpointJson::new(&socket.local, None),
            peer: EndpointJson::new(&socket.peer, None),
            unread: received.payload.map(|payload| payload.0),
            unsent: sent.payload.map(|payload| payload.0),
            charged: received.charged.map(|charge| charge.0),
            send_charged: sent.charged.map(|charge| charge.0),
            error_packets: report.exact.counters.errors,
            exact: ExactJson::new(Ok(&report.exact), socket).alone(),
            pages: report.blocks.iter().map(BlocksJson::new).collect(),
            counters: CountersJson::new(&listing.counters),
            again: again.map(AgainJson::new),
            packets: report.exact.queues.iter().flat_map(|queue| of_queue(queue.queue)).collect(),
        }
    }
}

impl CountersJson {
    fn new(counters: &Counters) -> CountersJson {
        CountersJson {
            rmem_alloc: counters.rmem_alloc.0,
            backlog: counters.backlog.0,
            wmem_queued: counters.wmem_queued.0,
            recv_q: counters.recv_q,
            send_q: counters.send_q,
            ring: counters.ring.map(FillJson::new),
        }
    }
}

impl AgainJson {
    fn new(RepeatedLook { time, change, errors, taken, looks, ring_read }: &RepeatedLook) -> AgainJson {
        AgainJson {
            looks: *looks,
            after_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            before: change.before,
            untouched: change.untouched,
            grown: change.grown,
            begun: change.begun,
            gone: change.gone,
            arrived: change.arrived,
            read: !change.is_unread(),
            errors: ErrorsJson { before: errors.before, fetched: errors.gone, arrived: errors.arrived },
            taken: *taken,
            ring_read: *ring_read,
        }
    }
}

impl PacketJson {
    fn new(packet: &Packet) -> PacketJson {
        PacketJson {
            queue: packet.queue.name(),
            part: packet.is_part,
            id: format!("{:x}", packet.id),
            stamp: packet.stamp,
            length: packet.len.0,
            truesize: packet.truesize.0,
            head: format!("{:x}", packet.head),
            head_in: PieceJson::new(&packet.head_piece),
            fragments: packet.fragments.iter().map(PieceJson::new).collect(),
        }
    }
}

impl PieceJson {
    fn new(piece: &Piece) -> PieceJson {
        PieceJson {
            page: piece.kind.pins().then(|| format!("{:x}", piece.block)),
            order: piece.order,
            kind: piece.kind.name(),
            offset: piece.offset,
            length: piece.len,
        }
    }
}
