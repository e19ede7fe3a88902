//! One socket as the kernel describes it: plain data, nothing joined to it yet.

use std::fmt;

use crate::mptcp::Mptcp;
use crate::ring::Rings;
use crate::skmem::SkMem;
use crate::tcp::TcpInfo;
use crate::units::Truesize;

pub use crate::endpoint::Endpoint;
pub use crate::queues::{RecvQueue, SendQueue, queues};
pub use crate::state::State;

/// The number of a socket's inode, as in `socket:[N]` of /proc/PID/fd. Unique on the host.
///
/// Never 0: a socket that no file holds has no inode at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inode(u32);

impl Inode {
    /// The inode with this number; `None` for 0, the kernel's "no file" (`sock_i_ino`).
    pub fn new(number: u32) -> Option<Inode> {
        (number != 0).then_some(Inode(number))
    }

    /// The number, never 0.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// The kernel's name for a socket, unique in its network namespace for as long as the namespace
/// lives (`sock_gen_cookie`). `ss -e` prints it in hexadecimal behind `sk:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cookie(pub u64);

impl fmt::LowerHex for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// The address family of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `AF_INET`.
    Ipv4,
    /// `AF_INET6`. A dual-stack socket that talks IPv4 is of this family, with mapped addresses.
    Ipv6,
    /// `AF_UNIX`.
    Unix,
    /// `AF_PACKET`.
    Packet,
    /// `AF_NETLINK`.
    Netlink,
}

impl Family {
    /// The family's lower-case name: `inet`, `inet6`, `unix`, `packet` or `netlink`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "inet",
            Family::Ipv6 => "inet6",
            Family::Unix => "unix",
            Family::Packet => "packet",
            Family::Netlink => "netlink",
        }
    }
}

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// UDP-Lite (RFC 3828).
    UdpLite,
    /// `AF_UNIX`, `SOCK_STREAM`.
    UnixStream,
    /// `AF_UNIX`, `SOCK_DGRAM`.
    UnixDatagram,
    /// `AF_UNIX`, `SOCK_SEQPACKET`.
    UnixSeqpacket,
    /// Multipath TCP: one socket over several TCP connections, its subflows.
    Mptcp,
    /// `SOCK_RAW` of an IP family: every packet of one protocol above IP.
    Raw,
    /// `SOCK_DGRAM` with `IPPROTO_ICMP` or `IPPROTO_ICMPV6`: answers to echo requests.
    Ping,
    /// `AF_PACKET`: frames as devices send and receive them.
    Packet,
    /// `AF_NETLINK`: messages from and to the kernel.
    Netlink,
}

impl Protocol {
    /// The protocol's lower-case name: `tcp`, `udp`, `udplite`, `unix_stream`, `unix_dgram`,
    /// `unix_seqpacket`, `mptcp`, `raw`, `ping`, `packet` or `netlink`.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::UdpLite => "udplite",
            Protocol::UnixStream => "unix_stream",
            Protocol::UnixDatagram => "unix_dgram",
            Protocol::UnixSeqpacket => "unix_seqpacket",
            Protocol::Mptcp => "mptcp",
            Protocol::Raw => "raw",
            Protocol::Ping => "ping",
            Protocol::Packet => "packet",
            Protocol::Netlink => "netlink",
        }
    }

    /// Whether it is one of the three of `AF_UNIX`, whose memory the kernel charges to the sender.
    pub fn is_unix(self) -> bool {
        matches!(self, Protocol::UnixStream | Protocol::UnixDatagram | Protocol::UnixSeqpacket)
    }
}

/// Which directions of a socket are shut down (`sk_shutdown`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// No more data will be received (`RCV_SHUTDOWN`).
    pub receive: bool,
    /// No more data will be sent (`SEND_SHUTDOWN`).
    pub send: bool,
}

impl Shutdown {
    /// From the kernel's bits: 1 receive, 2 send.
    pub fn from_kernel(bits: u8) -> Shutdown {
        Shutdown { receive: bits & 1 != 0, send: bits & 2 != 0 }
    }
}

/// One socket as NETLINK_SOCK_DIAG describes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Socket {
    /// Address family.
    pub family: Family,
    /// Protocol.
    pub protocol: Protocol,
    /// State.
    pub state: State,
    /// This end.
    pub local: Endpoint,
    /// The other end. For unix sockets the peer's own name, where the peer was found.
    pub peer: Endpoint,
    /// The interface that the socket is bound to, by its index (`sk_bound_dev_if`; the scope of a
    /// link-local address too). `None` when it is bound to none.
    pub interface: Option<u32>,
    /// The user who made the socket (`sock_i_uid`). For unix sockets since Linux 5.3.
    pub uid: Option<u32>,
    /// The socket's inode; `None` when no file holds the socket.
    pub inode: Option<Inode>,
    /// The socket's cookie; `None` in a report made from /proc/net.
    pub cookie: Option<Cookie>,
    /// Recv-Q.
    pub recv_q: RecvQueue,
    /// Send-Q.
    pub send_q: SendQueue,
    /// The kernel's memory numbers.
    pub skmem: SkMem,
    /// Shut-down directions, where the kernel tells.
    pub shutdown: Option<Shutdown>,
    /// Unix: the inode of the peer; `None` when there is no peer, or when the peer is a connection
    /// that nobody has accepted.
    pub peer_inode: Option<Inode>,
    /// TCP: what `tcp_info` adds, where it was asked for.
    pub tcp_info: Option<TcpInfo>,
    /// MPTCP: what belongs to it. Of a TCP socket: that it is a subflow of an MPTCP socket.
    pub mptcp: Option<Mptcp>,
    /// Packet sockets: the rings that they share with their programs. `None` where nothing tells whether
    /// there are any (/proc/net/packet), and for all other sockets.
    pub rings: Option<Rings>,
    /// IP: the id of the cgroup (version 2) that the socket was made in (`INET_DIAG_CGROUP_ID`, since
    /// Linux 5.8; `sock_cgroup_ptr`). It stays when the process that made it moves or ends. On a
    /// 64-bit host it is the inode number of the cgroup's directory.
    pub cgroup_id: Option<u64>,
}

impl Socket {
    /// The same, with what is charged for its queues, as `ss` prints it, of a family whose records have none.
    #[must_use]
    pub(crate) fn with_charges_queued(mut self) -> Socket {
        let truesize = |bytes: u32| Truesize(bytes.into());
        if let Some(received) = self.skmem.rmem_alloc {
            self.recv_q = RecvQueue::Truesize(truesize(received));
        }
        if let Some(sent) = self.skmem.wmem_alloc {
            self.send_q = SendQueue::Truesize(truesize(sent));
        }
        self
    }

    /// A socket of which nothing else is known: queues unknown, endpoints unknown.
    pub fn unknown(family: Family, protocol: Protocol, state: State) -> Socket {
        Socket {
            family,
            protocol,
            state,
            local: Endpoint::Unknown,
            peer: Endpoint::Unknown,
            interface: None,
            uid: None,
            inode: None,
            cookie: None,
            recv_q: RecvQueue::Unknown,
            send_q: SendQueue::Unknown,
            skmem: SkMem::default(),
            shutdown: None,
            peer_inode: None,
            tcp_info: None,
            mptcp: None,
            rings: None,
            cgroup_id: None,
        }
    }

    /// Whether anything is known to wait in a receive queue, the out-of-order queue, the error
    /// queue, the backlog or a send queue, of it or of one of its subflows; or whether it has a ring. A
    /// listener's limit is not a queue.
    pub fn holds_something(&self) -> bool {
        let memory = [self.skmem.rmem_alloc, self.skmem.backlog, self.skmem.wmem_queued];
        self.recv_q.holds_something()
            || self.send_q.size().is_some_and(|n| n > 0)
            || memory.into_iter().flatten().any(|n| n > 0)
            || self.rings.is_some_and(|rings| rings.bytes().0 > 0)
            || self.subflows().iter().any(Socket::holds_something)
    }

    /// Whether the kernel itself made it, and nobody else can hold it: a netlink socket with portid 0.
    pub fn is_of_kernel(&self) -> bool {
        matches!(self.local, Endpoint::Netlink { portid: 0, .. })
    }

    /// The TCP sockets that carry this MPTCP socket; none of any other.
    pub fn subflows(&self) -> &[Socket] {
        self.mptcp.as_ref().map(|mptcp| mptcp.subflows.as_slice()).unwrap_or_default()
    }
}
