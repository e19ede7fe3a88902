//! The records of the programs that walk queues: `bpf/walk.c`.

use skcheck_core::engine::{Counters, Packet, PageKind, Piece, Queue, QueueEnd, Step};
use skcheck_core::{Payload, TcpInfo, Truesize};
use zerocopy::{FromBytes, Unalign};

use crate::wire::bytes::{numbers, records};
use crate::wire::ring::RingRecord;
use crate::wire::tcp::TcpRecord;

records! {
    /// A piece of a packet, and the block that it keeps from being freed.
    PieceRecord is "piece" {
        /// The address of the block's first struct page.
        page: u64,
        offset: u32,
        length: u32,
        order: u32,
        kind: u32,
    }

    /// A packet; as many pieces follow as it has fragments.
    PacketRecord is "packet" {
        kind: u32,
        slot: u32,
        queue: u32,
        flags: u32,
        fragments: u32,
        length: u32,
        truesize: u32,
        unused: u32,
        packet: u64,
        stamp: u64,
        head: u64,
        head_piece: PieceRecord,
    }

    /// How the walk of a list ended.
    QueueEndRecord is "queue_end" {
        kind: u32,
        slot: u32,
        queue: u32,
        flags: u32,
    }

    /// What was told of the socket is to be forgotten.
    AnewRecord is "anew" {
        kind: u32,
        slot: u32,
    }

    /// The socket was walked.
    SocketEndRecord is "socket_end" {
        kind: u32,
        slot: u32,
        recv_q: u32,
        send_q: u32,
        rmem_alloc: u32,
        wmem_queued: u32,
        backlog: u32,
        forward_deficit: u32,
        /// Packets in the error queue.
        errors: u32,
        /// The receiving side was the same before and after.
        unchanged: u32,
        tcp: TcpRecord,
        ring: RingRecord,
    }
}

numbers! {
    walk_kind: u32 { PACKET = 1, QUEUE_END = 2, ANEW = 3, SOCKET_END = 4 }

    list: u32 { RECEIVE = 0, OUT_OF_ORDER = 1, BACKLOG = 2, ERROR = 3, WRITE = 4, RETRANSMIT = 5 }

    walk_flag: u32 { PART = 1, COMPLETE = 2, STEADY = 4, NO_ROOM = 8, IN_OPTIONS = 64 }

    page_kind: u32 {
        STACK = 0,
        FILE_PAGE = 1,
        REMOVED = 2,
        ANONYMOUS = 3,
        DEVICE = 4,
        UNKNOWN = 5,
        LARGE = 6,
        SLAB = 7,
    }
}

/// One record, without the slot of its socket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WalkRecord {
    /// A packet.
    Packet(Packet),
    /// How the walk of a list ended.
    QueueEnd(QueueEnd),
    /// What was told of the socket is to be forgotten.
    Anew,
    /// The socket was walked.
    SocketEnd(Counters),
}

impl WalkRecord {
    /// Decodes a record and the slot of its socket; `None` when it is none that this version knows, or not the
    /// whole of one.
    pub(crate) fn decode(record: &[u8]) -> Option<(u32, WalkRecord)> {
        // What every record begins with.
        let (AnewRecord { kind, slot }, rest) = AnewRecord::read_from_prefix(record).ok()?;
        let record = match kind {
            walk_kind::PACKET => WalkRecord::Packet(packet(record)?),
            walk_kind::QUEUE_END => {
                WalkRecord::QueueEnd(QueueEndRecord::read_from_bytes(record).ok()?.queue_end()?)
            }
            walk_kind::ANEW => rest.is_empty().then_some(WalkRecord::Anew)?,
            walk_kind::SOCKET_END => {
                WalkRecord::SocketEnd(SocketEndRecord::read_from_bytes(record).ok()?.counters())
            }
            _ => return None,
        };
        Some((slot, record))
    }

    /// The step of a walk that it tells of.
    pub(crate) fn step(&self) -> Step<'_> {
        match self {
            WalkRecord::Packet(packet) => Step::Packet(packet),
            WalkRecord::QueueEnd(end) => Step::QueueEnd(*end),
            WalkRecord::Anew => Step::Anew,
            WalkRecord::SocketEnd(counters) => Step::End(counters),
        }
    }
}

/// The slot of the socket whose walk this record ends, if it ends one.
pub(crate) fn ended_slot(record: &[u8]) -> Option<u32> {
    let (AnewRecord { kind, slot }, _) = AnewRecord::read_from_prefix(record).ok()?;
    (kind == walk_kind::SOCKET_END).then_some(slot)
}

fn queue(list: u32) -> Option<Queue> {
    Some(match list {
        list::RECEIVE => Queue::Receive,
        list::OUT_OF_ORDER => Queue::OutOfOrder,
        list::BACKLOG => Queue::Backlog,
        list::ERROR => Queue::Error,
        list::WRITE => Queue::Write,
        list::RETRANSMIT => Queue::Retransmit,
        _ => return None,
    })
}

fn packet(record: &[u8]) -> Option<Packet> {
    let (packet, rest) = PacketRecord::read_from_prefix(record).ok()?;
    let pieces = <[Unalign<PieceRecord>]>::ref_from_bytes_with_elems(rest, packet.fragments as usize).ok()?;
    let mut told = Packet::new(queue(packet.queue)?, packet.packet, packet.head_piece.piece()?);
    told.is_part = packet.flags & walk_flag::PART != 0;
    told.in_options = packet.flags & walk_flag::IN_OPTIONS != 0;
    told.stamp = packet.stamp;
    told.len = Payload(packet.length.into());
    told.truesize = Truesize(packet.truesize.into());
    told.head = packet.head;
    told.fragments = pieces.iter().map(|piece| piece.get().piece()).collect::<Option<Vec<Piece>>>()?;
    Some(told)
}

impl PieceRecord {
    fn piece(&self) -> Option<Piece> {
        let kind = match self.kind {
            page_kind::STACK => PageKind::Stack,
            page_kind::FILE_PAGE => PageKind::File,
            page_kind::REMOVED => PageKind::RemovedFile,
            page_kind::ANONYMOUS => PageKind::Anonymous,
            page_kind::DEVICE => PageKind::Device,
            page_kind::UNKNOWN => PageKind::Unknown,
            page_kind::LARGE => PageKind::Large,
            page_kind::SLAB => PageKind::Slab,
            _ => return None,
        };
        let order = u8::try_from(self.order).ok()?;
        let mut piece = Piece::new(self.page, order, kind);
        (piece.offset, piece.len) = (self.offset, self.length);
        Some(piece)
    }
}

impl QueueEndRecord {
    fn queue_end(&self) -> Option<QueueEnd> {
        let has = |flag: u32| self.flags & flag != 0;
        let complete = has(walk_flag::COMPLETE) && !has(walk_flag::NO_ROOM);
        let mut end = QueueEnd::new(queue(self.queue)?);
        (end.complete, end.steady) = (complete, has(walk_flag::STEADY));
        Some(end)
    }
}

impl SocketEndRecord {
    fn counters(&self) -> Counters {
        let tcp_info = self.tcp.info();
        let mut told = Counters::default();
        told.ring = self.ring.fill();
        told.rmem_alloc = Truesize(self.rmem_alloc.saturating_sub(self.forward_deficit).into());
        told.backlog = Truesize(self.backlog.into());
        told.wmem_queued = Truesize(self.wmem_queued.into());
        told.recv_q = self.recv_q.into();
        told.send_q = self.send_q.into();
        told.errors = self.errors.into();
        told.unchanged = self.unchanged != 0;
        // Of nothing but TCP anything is told.
        told.tcp_info = (tcp_info != TcpInfo::default()).then_some(tcp_info);
        told
    }
}
