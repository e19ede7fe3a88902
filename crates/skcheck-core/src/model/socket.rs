//! One socket as the kernel describes it: plain data, nothing joined to it yet.

use std::fmt;

use crate::model::ring::Rings;
use crate::model::skmem::SkMem;
use crate::model::tcp::TcpInfo;
use crate::model::units::{Payload, Truesize};

use crate::model::endpoint::Endpoint;
use crate::model::protocol::{Family, Protocol};
use crate::model::queues::{RecvQueue, SendQueue, queues};
use crate::model::state::State;

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

/// By what a socket can be found again in the kernel, while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketName {
    /// By its cookie.
    Cookie(Cookie),
    /// By its inode, where it has no cookie: a socket gets one when somebody asks sock_diag for it, and
    /// from the engine's programs since Linux 5.17.
    Inode(Inode),
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
    /// The socket's cookie; `None` in a report made from /proc/net, and of a socket that has none yet.
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

    /// By what it can be found again; `None` where it has neither cookie nor inode.
    pub fn name(&self) -> Option<SocketName> {
        self.cookie.map(SocketName::Cookie).or(self.inode.map(SocketName::Inode))
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

    /// Fills in both queues by the numbers that the kernel tells as Recv-Q and Send-Q (`idiag_rqueue` and
    /// `idiag_wqueue`): what they count depends on protocol and state. They are `int` or `long` in the kernel; one
    /// below 0 was not read at one moment, and tells nothing, but of TCP's Send-Q that everything is acknowledged.
    pub fn set_queues(&mut self, recv_q: u32, send_q: u32) {
        (self.recv_q, self.send_q) = queues(self.protocol, self.state, recv_q, send_q);
    }

    /// Whether the kernel itself made it, and nobody else can hold it: a netlink socket with portid 0.
    pub fn is_of_kernel(&self) -> bool {
        matches!(self.local, Endpoint::Netlink { portid: 0, .. })
    }

    /// Whether this is one end of a connection, or of what was one.
    pub(crate) fn has_peer(&self) -> bool {
        self.protocol.is_acknowledged() && self.peer.port().is_some_and(|port| port != 0)
    }

    /// The TCP sockets that carry this MPTCP socket; none of any other.
    pub fn subflows(&self) -> &[Socket] {
        self.mptcp.as_ref().map(|mptcp| mptcp.subflows.as_slice()).unwrap_or_default()
    }
}

/// Of an MPTCP socket what it is made of; of a TCP socket, that it is part of one.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Mptcp {
    /// The connection's token, the same for the MPTCP socket (`mptcpi_token`) and for each of its subflows
    /// (`MPTCP_SUBFLOW_ATTR_TOKEN_LOC`), and unique on the host. A listener has none.
    pub token: Option<u32>,
    /// MPTCP: bytes written that the peer has not acknowledged (`mptcpi_write_seq` less `mptcpi_snd_una`,
    /// since Linux 5.9).
    pub unsent: Option<Payload>,
    /// MPTCP: the first byte that the peer has not acknowledged (`mptcpi_snd_una`, since Linux 5.9): a
    /// sequence number that begins anywhere. How far it moves is what the peer took, in bytes.
    pub snd_una: Option<u64>,
    /// MPTCP: the TCP sockets that carry it, each with queues of its own. What has come through them and lies
    /// in the MPTCP socket's queue is charged there; what they send is charged to both.
    pub subflows: Vec<Socket>,
}
