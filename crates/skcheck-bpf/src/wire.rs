//! The records that the programs put into their ring buffers. The layouts are those of `struct found` in
//! `find.c`, of the structures in `packets.h`, and of `struct tcp_told` in `tcp.h`. Decoding is pure and
//! total: any bytes give a record or none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use skcheck_core::UnixQueue;
use skcheck_core::engine::{Counters, Found, Packet, PageKind, Piece, Queue, QueueEnd, Step};
use skcheck_core::testing::queues;
use skcheck_core::{
    Cookie, Endpoint, Family, Holder, Inode, NetnsId, Payload, Protocol, Shutdown, SkMem, Socket, State,
    TcpInfo, Timer, Truesize, Via,
};
use skcheck_core::{Fill, Oldest, Unit};

/// One record of `find.c`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FindRecord {
    /// A socket that holds something.
    Socket(Box<Found>),
    /// A descriptor that refers to a namespace.
    NamespaceFile(Holder),
    /// A descriptor of a socket that was asked for.
    Holder(Inode, Holder),
}

/// One record of `walk.c`, with the slot of its socket.
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

/// Reads numbers of the machine's byte order, one behind the other.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16_be(&mut self) -> Option<u16> {
        self.bytes(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes(4)?.try_into().ok().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes(8)?.try_into().ok().map(u64::from_ne_bytes)
    }
}

const AF_UNIX: u32 = 1;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;

impl FindRecord {
    /// Decodes a record; `None` when it is none that this version knows.
    pub(crate) fn decode(record: &[u8]) -> Option<FindRecord> {
        const SOCKET: u32 = 1;
        const NAMESPACE_FILE: u32 = 2;
        const HOLDER: u32 = 3;
        let mut at = Cursor(record);
        let kind = at.u32()?;
        let (pid, tid, fd) = (at.u32()?, at.u32()?, at.u32()?);
        let holder = Holder::of_thread(pid, tid, fd);
        let netns = NetnsId(at.u32()?.into());
        at.u32()?;
        match kind {
            SOCKET => found(at, holder, netns).map(Box::new).map(FindRecord::Socket),
            NAMESPACE_FILE => Some(FindRecord::NamespaceFile(holder)),
            HOLDER => {
                let inode = inode(at.u64()?)?;
                Some(FindRecord::Holder(
                    inode,
                    if is_in_flight(at)? { holder.leading(Via::InFlight) } else { holder },
                ))
            }
            _ => None,
        }
    }
}

/// Reads on, behind the inode, to the flags.
fn is_in_flight(mut at: Cursor<'_>) -> Option<bool> {
    const IN_FLIGHT: u32 = 8;
    // Peer, cookie, cgroup, payload, truesize; family, type, protocol, state.
    at.bytes(5 * 8 + 4 * 4)?;
    Some(at.u32()? & IN_FLIGHT != 0)
}

/// Inode numbers of sockets have 32 bits (`get_next_ino`).
fn inode(number: u64) -> Option<Inode> {
    Inode::new(u32::try_from(number).ok()?)
}

fn found(mut at: Cursor<'_>, holder: Holder, netns: NetnsId) -> Option<Found> {
    const BOUND: u32 = 1;
    const NAMED: u32 = 2;
    const CUT_SHORT: u32 = 4;
    const BOUND_LISTED: u32 = 16;
    const SHUTDOWN: u32 = 1 << 9;
    const UID: u32 = 1 << 10;
    const LOCAL: u32 = 1 << 11;
    const PEER: u32 = 1 << 12;
    let inode = inode(at.u64()?)?;
    let peer_inode = at.u64()?;
    let cookie = at.u64()?;
    let cgroup = at.u64()?;
    let unix_queue = (Payload(at.u64()?), Truesize(at.u64()?));
    let family = at.u32()?;
    let protocol = protocol(family, at.u32()?, at.u32()?)?;
    let state = at.u32()?;
    let flags = at.u32()?;
    let shutdown = at.u32()?;
    let uid = at.u32()?;
    let interface = at.u32()?;
    let (recv_q, send_q) = (at.u32()?, at.u32()?);
    let known = at.u32()?;
    let packets = at.u32()?;
    let skmem = skmem(&mut at, known)?;
    let name_length = at.u32()?;
    let ports = [at.u16_be()?, at.u16_be()?];
    at.u32()?;
    let addresses = [at.bytes(16)?, at.bytes(16)?];
    let tcp_info = tcp_info(&mut at)?;
    let name = at.bytes(name_length as usize)?;

    let state = State::from_kernel(u8::try_from(state).ok()?);
    let state = match (protocol, state) {
        (Protocol::Tcp, State::Close) if flags & BOUND == 0 || flags & BOUND_LISTED == 0 => State::ClosedHeld,
        (Protocol::Tcp, State::Close) if ports[1] == 0 => State::BoundInactive,
        (_, state) => state,
    };
    let core_family = match family {
        AF_INET => Family::Ipv4,
        AF_INET6 => Family::Ipv6,
        _ => Family::Unix,
    };
    let mut socket = Socket::unknown(core_family, protocol, state);
    socket.interface = (interface != 0).then_some(interface);
    let is_known = |bit: u32| known & bit != 0;
    socket.uid = is_known(UID).then_some(uid);
    socket.inode = Some(inode);
    socket.cookie = (cookie != 0).then_some(Cookie(cookie));
    socket.skmem = skmem;
    let shutdown = Shutdown::from_kernel(u8::try_from(shutdown & 3).ok()?);
    socket.shutdown = is_known(SHUTDOWN).then_some(shutdown);
    (socket.recv_q, socket.send_q) = queues(protocol, state, recv_q, send_q);
    if core_family == Family::Unix {
        socket.local = match flags & NAMED != 0 {
            true => Endpoint::from_unix_name(name),
            false if is_known(LOCAL) => Endpoint::Unnamed,
            false => Endpoint::Unknown,
        };
        socket.peer_inode = u32::try_from(peer_inode).ok().and_then(Inode::new);
    } else {
        let [local, peer] = addresses.map(|bytes| address(core_family, bytes));
        if is_known(LOCAL) {
            socket.local = Endpoint::Ip { addr: local?, port: ports[0] };
        }
        if is_known(PEER) {
            socket.peer = Endpoint::Ip { addr: peer?, port: ports[1] };
        }
        socket.cgroup_id = (cgroup != 0).then_some(cgroup);
    }
    socket.tcp_info = (protocol == Protocol::Tcp).then_some(tcp_info);
    let added_up = core_family == Family::Unix && state != State::Listen && flags & CUT_SHORT == 0;
    let (payload, truesize) = unix_queue;
    let unix_queue = added_up.then_some(UnixQueue { payload, truesize, packets: packets.into() });
    // Of a process that is just ending nothing tells the id.
    let holder = (holder.pid != 0).then_some(holder);
    Some(Found { socket, netns, holder, unix_queue })
}

/// The nine numbers, as far as their bits say that they are known.
fn skmem(at: &mut Cursor<'_>, known: u32) -> Option<SkMem> {
    let mut words = [None; 9];
    for (place, word) in words.iter_mut().enumerate() {
        let number = at.u32()?;
        *word = (known & 1 << place != 0).then_some(number);
    }
    Some(SkMem::from_words(words))
}

/// `struct tcp_told` of `tcp.h`: what is known of it.
fn tcp_info(at: &mut Cursor<'_>) -> Option<TcpInfo> {
    let (received, acked, held_up) = (at.u64()?, at.u64()?, at.u64()?);
    let told = at.u32()?;
    let (not_sent, ooo_packets, ooo_span) = (at.u32()?, at.u32()?, at.u32()?);
    let (last_received, last_sent) = (at.u32()?, at.u32()?);
    let (window, retransmits, backoff, probes, pending) =
        (at.u32()?, at.u32()?, at.u32()?, at.u32()?, at.u32()?);
    let own_window = at.u32()?;
    let is_told = |bit: u32| told & 1 << bit != 0;
    let number = |bit, value| is_told(bit).then_some(value);
    let milliseconds = |bit, value: u32| is_told(bit).then(|| Duration::from_millis(value.into()));
    let small = |bit, value: u32| if is_told(bit) { u8::try_from(value).ok() } else { None };
    let mut info = TcpInfo::default();
    info.bytes_received = is_told(0).then_some(received);
    info.bytes_acked = is_told(1).then_some(acked);
    info.rwnd_limited = is_told(2).then(|| Duration::from_micros(held_up));
    info.notsent_bytes = number(3, not_sent);
    info.rcv_ooopack = number(4, ooo_packets);
    info.ooo_span = number(5, ooo_span);
    info.last_data_recv = milliseconds(6, last_received);
    info.last_data_sent = milliseconds(7, last_sent);
    info.snd_wnd = number(8, window);
    info.rcv_wnd = number(13, own_window);
    info.retransmits = small(9, retransmits);
    info.backoff = small(10, backoff);
    info.probes = small(11, probes);
    info.pending = small(12, pending).map(Timer::from_kernel);
    Some(info)
}

fn protocol(family: u32, kind: u32, protocol: u32) -> Option<Protocol> {
    match (family, kind, protocol) {
        (AF_UNIX, 1, _) => Some(Protocol::UnixStream),
        (AF_UNIX, 2, _) => Some(Protocol::UnixDatagram),
        (AF_UNIX, 5, _) => Some(Protocol::UnixSeqpacket),
        (AF_INET | AF_INET6, 1, 6) => Some(Protocol::Tcp),
        (AF_INET | AF_INET6, 2, 17) => Some(Protocol::Udp),
        (AF_INET | AF_INET6, 2, 136) => Some(Protocol::UdpLite),
        (AF_INET, 2, 1) | (AF_INET6, 2, 58) => Some(Protocol::Ping),
        _ => None,
    }
}

fn address(family: Family, bytes: &[u8]) -> Option<IpAddr> {
    if family == Family::Ipv4 {
        return bytes.first_chunk::<4>().map(|bytes| IpAddr::V4(Ipv4Addr::from(*bytes)));
    }
    bytes.first_chunk::<16>().map(|bytes| IpAddr::V6(Ipv6Addr::from(*bytes)))
}

/// The slot of the socket whose walk this record ends, if it ends one.
pub(crate) fn ended_slot(record: &[u8]) -> Option<u32> {
    let mut at = Cursor(record);
    (at.u32()? == SOCKET_END).then(|| at.u32()).flatten()
}

const SOCKET_END: u32 = 4;

impl WalkRecord {
    /// Decodes a record and the slot of its socket; `None` when it is none that this version knows.
    pub(crate) fn decode(record: &[u8]) -> Option<(u32, WalkRecord)> {
        const PACKET: u32 = 1;
        const QUEUE_END: u32 = 2;
        const ANEW: u32 = 3;
        let mut at = Cursor(record);
        let kind = at.u32()?;
        let slot = at.u32()?;
        let record = match kind {
            PACKET => WalkRecord::Packet(packet(at)?),
            QUEUE_END => queue_end(at)?,
            ANEW => WalkRecord::Anew,
            SOCKET_END => WalkRecord::SocketEnd(counters(at)?),
            _ => return None,
        };
        Some((slot, record))
    }
}

impl WalkRecord {
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

fn queue(number: u32) -> Option<Queue> {
    Queue::ALL.get(number as usize).copied()
}

fn packet(mut at: Cursor<'_>) -> Option<Packet> {
    const PART: u32 = 1;
    const IN_OPTIONS: u32 = 64;
    let queue = queue(at.u32()?)?;
    let flags = at.u32()?;
    let (is_part, in_options) = (flags & PART != 0, flags & IN_OPTIONS != 0);
    let fragments = at.u32()?;
    let len = Payload(at.u32()?.into());
    let truesize = Truesize(at.u32()?.into());
    at.u32()?;
    let (id, stamp, head) = (at.u64()?, at.u64()?, at.u64()?);
    let head_piece = piece(&mut at)?;
    let fragments = (0..fragments).map(|_| piece(&mut at)).collect::<Option<Vec<Piece>>>()?;
    Some(Packet { queue, is_part, in_options, id, stamp, len, truesize, head, head_piece, fragments })
}

fn piece(at: &mut Cursor<'_>) -> Option<Piece> {
    let block = at.u64()?;
    let (offset, len) = (at.u32()?, at.u32()?);
    let order = u8::try_from(at.u32()?).ok()?;
    let kind = match at.u32()? {
        0 => PageKind::Stack,
        1 => PageKind::File,
        2 => PageKind::RemovedFile,
        3 => PageKind::Anonymous,
        4 => PageKind::Device,
        6 => PageKind::Large,
        7 => PageKind::Slab,
        _ => PageKind::Unknown,
    };
    Some(Piece { block, order, kind, offset, len })
}

fn queue_end(mut at: Cursor<'_>) -> Option<WalkRecord> {
    const COMPLETE: u32 = 2;
    const STEADY: u32 = 4;
    const NO_ROOM: u32 = 8;
    let queue = queue(at.u32()?)?;
    let flags = at.u32()?;
    let complete = flags & COMPLETE != 0 && flags & NO_ROOM == 0;
    Some(WalkRecord::QueueEnd(QueueEnd { queue, complete, steady: flags & STEADY != 0 }))
}

/// `struct ring_told` of `packets.h`; the inner `None`: there is no ring, or nothing tells.
#[allow(clippy::option_option, reason = "the outer one is that of a record that is cut short")]
fn ring(at: &mut Cursor<'_>) -> Option<Option<Fill>> {
    const TOLD: u32 = 1;
    const BY_BLOCK: u32 = 2;
    const FROZEN: u32 = 4;
    const DROPS_TOLD: u32 = 8;
    let oldest = Oldest { address: at.u64()?, stamp: at.u64()? };
    let packets = at.u64()?;
    let (flags, units, full, drops) = (at.u32()?, at.u32()?, at.u32()?, at.u32()?);
    let mut fill = Fill::empty(if flags & BY_BLOCK != 0 { Unit::Block } else { Unit::Frame }, units);
    (fill.full, fill.packets, fill.is_frozen) = (full, packets, flags & FROZEN != 0);
    fill.drops = (flags & DROPS_TOLD != 0).then_some(drops);
    fill.oldest = (full > 0).then_some(oldest);
    Some((flags & TOLD != 0).then_some(fill))
}

fn counters(mut at: Cursor<'_>) -> Option<Counters> {
    let (recv_q, send_q) = (at.u32()?, at.u32()?);
    let [rmem_alloc, wmem_queued, backlog, forward_deficit] = [at.u32()?, at.u32()?, at.u32()?, at.u32()?];
    let (errors, unchanged) = (at.u32()?, at.u32()? != 0);
    let tcp_info = tcp_info(&mut at)?;
    let ring = ring(&mut at)?;
    Some(Counters {
        ring,
        rmem_alloc: Truesize(rmem_alloc.saturating_sub(forward_deficit).into()),
        backlog: Truesize(backlog.into()),
        wmem_queued: Truesize(wmem_queued.into()),
        recv_q: recv_q.into(),
        send_q: send_q.into(),
        errors: errors.into(),
        unchanged,
        // Of nothing but TCP anything is told.
        tcp_info: (tcp_info != TcpInfo::default()).then_some(tcp_info),
    })
}
