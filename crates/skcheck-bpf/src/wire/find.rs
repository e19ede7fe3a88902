//! The records of the programs that find sockets and their holders: `bpf/find.c`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use skcheck_core::engine::Found;
use skcheck_core::{
    Cookie, Endpoint, Family, Holder, Inode, NetnsId, Payload, Protocol, Shutdown, SkMem, Socket, State,
    Truesize, UnixQueue, Via,
};
use zerocopy::FromBytes;

use crate::wire::bytes::{numbers, records};
use crate::wire::tcp::TcpRecord;

records! {
    /// A socket, or a descriptor: then only what names it is set, and for a holder inode and flags.
    FoundRecord is "found" {
        kind: u32,
        pid: u32,
        tid: u32,
        fd: u32,
        netns: u32,
        name_length: u32,
        inode: u64,
        peer_inode: u64,
        cookie: u64,
        cgroup: u64,
        payload: u64,
        truesize: u64,
        family: u32,
        socket_type: u32,
        protocol: u32,
        state: u32,
        flags: u32,
        shutdown: u32,
        uid: u32,
        interface: u32,
        recv_q: u32,
        send_q: u32,
        known: u32,
        packets: u32,
        rmem_alloc: u32,
        rcvbuf: u32,
        wmem_alloc: u32,
        sndbuf: u32,
        fwd_alloc: u32,
        wmem_queued: u32,
        optmem: u32,
        backlog: u32,
        drops: u32,
        /// As on the wire.
        local_port: zerocopy::network_endian::U16,
        /// As on the wire.
        peer_port: zerocopy::network_endian::U16,
        local: [u8; 16],
        peer: [u8; 16],
        tcp: TcpRecord,
        name: [u8; 128],
    }
}

numbers! {
    found_kind: u32 { SOCKET = 1, NAMESPACE_FILE = 2, HOLDER = 3 }

    found_flag: u32 { BOUND = 1, NAMED = 2, CUT_SHORT = 4, IN_FLIGHT = 8, BOUND_LISTED = 16 }

    /// Which numbers are known.
    known: u32 {
        RMEM_ALLOC = 1 << 0,
        RCVBUF = 1 << 1,
        WMEM_ALLOC = 1 << 2,
        SNDBUF = 1 << 3,
        FWD_ALLOC = 1 << 4,
        WMEM_QUEUED = 1 << 5,
        OPTMEM = 1 << 6,
        BACKLOG_LENGTH = 1 << 7,
        DROPS = 1 << 8,
        SHUTDOWN = 1 << 9,
        UID = 1 << 10,
        LOCAL = 1 << 11,
        PEER = 1 << 12,
    }
}

/// What one record says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FindRecord {
    /// A socket that holds something.
    Socket(Box<Found>),
    /// A descriptor that refers to a namespace.
    NamespaceFile(Holder),
    /// A descriptor of a socket that was asked for.
    Holder(Inode, Holder),
}

impl FindRecord {
    /// Decodes a record; `None` when it is none that this version knows, or not the whole of one.
    pub(crate) fn decode(record: &[u8]) -> Option<FindRecord> {
        let record = FoundRecord::read_from_bytes(record).ok()?;
        let holder = Holder::of_thread(record.pid, record.tid, record.fd);
        match record.kind {
            found_kind::SOCKET => record.found(holder).map(Box::new).map(FindRecord::Socket),
            found_kind::NAMESPACE_FILE => Some(FindRecord::NamespaceFile(holder)),
            found_kind::HOLDER if record.has(found_flag::IN_FLIGHT) => {
                Some(FindRecord::Holder(inode(record.inode)?, holder.leading(Via::InFlight)))
            }
            found_kind::HOLDER => Some(FindRecord::Holder(inode(record.inode)?, holder)),
            _ => None,
        }
    }
}

/// Inode numbers of sockets have 32 bits (`get_next_ino`).
fn inode(number: u64) -> Option<Inode> {
    Inode::new(u32::try_from(number).ok()?)
}

const AF_UNIX: u32 = 1;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;
const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_SEQPACKET: u32 = 5;
const IPPROTO_ICMP: u32 = 1;
const IPPROTO_TCP: u32 = 6;
const IPPROTO_UDP: u32 = 17;
const IPPROTO_ICMPV6: u32 = 58;
const IPPROTO_UDPLITE: u32 = 136;

impl FoundRecord {
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn knows(&self, number: u32) -> bool {
        self.known & number != 0
    }

    fn found(&self, holder: Holder) -> Option<Found> {
        let (family, protocol) = self.speaks()?;
        let mut socket = Socket::unknown(family, protocol, self.state(protocol)?);
        self.describe(&mut socket)?;
        if family == Family::Unix {
            self.describe_unix(&mut socket)?;
        } else {
            self.describe_inet(&mut socket);
        }
        let unix_queue = self.unix_queue(&socket);
        let mut found = Found::new(socket, NetnsId(self.netns.into()));
        // Of a process that is just ending nothing tells the id.
        found.holder = (holder.pid != 0).then_some(holder);
        found.unix_queue = unix_queue;
        Some(found)
    }

    fn speaks(&self) -> Option<(Family, Protocol)> {
        let family = match self.family {
            AF_UNIX => Family::Unix,
            AF_INET => Family::Ipv4,
            AF_INET6 => Family::Ipv6,
            _ => return None,
        };
        let protocol = match (self.family, self.socket_type, self.protocol) {
            (AF_UNIX, SOCK_STREAM, _) => Protocol::UnixStream,
            (AF_UNIX, SOCK_DGRAM, _) => Protocol::UnixDatagram,
            (AF_UNIX, SOCK_SEQPACKET, _) => Protocol::UnixSeqpacket,
            (AF_INET | AF_INET6, SOCK_STREAM, IPPROTO_TCP) => Protocol::Tcp,
            (AF_INET | AF_INET6, SOCK_DGRAM, IPPROTO_UDP) => Protocol::Udp,
            (AF_INET | AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE) => Protocol::UdpLite,
            (AF_INET, SOCK_DGRAM, IPPROTO_ICMP) => Protocol::Ping,
            (AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6) => Protocol::Ping,
            _ => return None,
        };
        Some((family, protocol))
    }

    /// A TCP socket's number for "closed" stands for several states.
    fn state(&self, protocol: Protocol) -> Option<State> {
        let is_listed = self.has(found_flag::BOUND) && self.has(found_flag::BOUND_LISTED);
        let state = State::from_kernel(u8::try_from(self.state).ok()?);
        Some(match (protocol, state) {
            (Protocol::Tcp, State::Close) if !is_listed => State::ClosedHeld,
            (Protocol::Tcp, State::Close) if self.peer_port == 0 => State::BoundInactive,
            (_, state) => state,
        })
    }

    /// What every socket has.
    fn describe(&self, socket: &mut Socket) -> Option<()> {
        socket.interface = (self.interface != 0).then_some(self.interface);
        socket.uid = self.knows(known::UID).then_some(self.uid);
        socket.inode = Some(inode(self.inode)?);
        socket.cookie = (self.cookie != 0).then_some(Cookie(self.cookie));
        socket.skmem = self.skmem();
        let shutdown = Shutdown::from_kernel(u8::try_from(self.shutdown & 3).ok()?);
        socket.shutdown = self.knows(known::SHUTDOWN).then_some(shutdown);
        socket.set_queues(self.recv_q, self.send_q);
        socket.tcp_info = (socket.protocol == Protocol::Tcp).then(|| self.tcp.info());
        Some(())
    }

    fn skmem(&self) -> SkMem {
        let word = |number, value| self.knows(number).then_some(value);
        SkMem::from_words([
            word(known::RMEM_ALLOC, self.rmem_alloc),
            word(known::RCVBUF, self.rcvbuf),
            word(known::WMEM_ALLOC, self.wmem_alloc),
            word(known::SNDBUF, self.sndbuf),
            word(known::FWD_ALLOC, self.fwd_alloc),
            word(known::WMEM_QUEUED, self.wmem_queued),
            word(known::OPTMEM, self.optmem),
            word(known::BACKLOG_LENGTH, self.backlog),
            word(known::DROPS, self.drops),
        ])
    }

    /// A name that reaches beyond its place makes it no record.
    fn describe_unix(&self, socket: &mut Socket) -> Option<()> {
        let name = self.name.get(..self.name_length as usize)?;
        socket.local = match self.has(found_flag::NAMED) {
            true => Endpoint::from_unix_name(name),
            false if self.knows(known::LOCAL) => Endpoint::Unnamed,
            false => Endpoint::Unknown,
        };
        socket.peer_inode = u32::try_from(self.peer_inode).ok().and_then(Inode::new);
        Some(())
    }

    fn describe_inet(&self, socket: &mut Socket) {
        let family = socket.family;
        if self.knows(known::LOCAL) {
            socket.local = endpoint(family, self.local, self.local_port.get());
        }
        if self.knows(known::PEER) {
            socket.peer = endpoint(family, self.peer, self.peer_port.get());
        }
        socket.cgroup_id = (self.cgroup != 0).then_some(self.cgroup);
    }

    /// A listener's queue holds connections, and a sum that was cut short is none.
    fn unix_queue(&self, socket: &Socket) -> Option<UnixQueue> {
        let is_whole = socket.state != State::Listen && !self.has(found_flag::CUT_SHORT);
        (socket.family == Family::Unix && is_whole).then(|| UnixQueue {
            payload: Payload(self.payload),
            truesize: Truesize(self.truesize),
            packets: self.packets.into(),
        })
    }
}

fn endpoint(family: Family, address: [u8; 16], port: u16) -> Endpoint {
    let [a, b, c, d, ..] = address;
    let addr = if family == Family::Ipv4 {
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    } else {
        IpAddr::V6(Ipv6Addr::from(address))
    };
    Endpoint::Ip { addr, port }
}
