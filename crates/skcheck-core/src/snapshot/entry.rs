//! One socket of a snapshot, and who is behind it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::exact::measured::{Exact, NotMeasured};
use crate::footprint::Footprint;
use crate::model::container::Container;
use crate::model::holder::Holder;
use crate::model::netns::NetnsId;
use crate::model::socket::{Cookie, Inode, Socket};

/// One socket of a report, with all that was joined to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SocketEntry {
    /// The kernel's record.
    pub socket: Socket,
    /// How long after the scan began ([`Snapshot::taken_at`](crate::snapshot::contents::Snapshot::taken_at)) the kernel gave that
    /// record.
    pub read_after: Duration,
    /// What its queues hold.
    pub footprint: Footprint,
    /// What walking its queues found; or why they were not walked.
    pub exact: Result<Box<Exact>, NotMeasured>,
    /// Who is behind the socket.
    pub holding: Holding,
    /// Every descriptor that leads to it, each with its way ([`Holder::via`]); for a connection that nobody
    /// has accepted, those of the listeners that it may wait at. Threads with tables of their own, rings of
    /// io_uring and messages in flight are all looked at only where nobody else holds a socket that carries
    /// data, and with [`Query::deep`](crate::model::query::Query::deep).
    pub holders: Vec<Holder>,
    /// Who waits for `accept` at a listener, as far as the kernel names them. Where several TCP listeners
    /// share an address (SO_REUSEPORT), each has those of all.
    pub waiters: Vec<Waiter>,
    /// Every descriptor that leads to the other end, where that is on this host (TCP, MPTCP and unix).
    pub peer_holders: Vec<Holder>,
    /// Of a netlink socket that no descriptor is seen to hold: the process that its portid names. It made the
    /// socket, unless it chose a number that is another's.
    pub portid_process: Option<u32>,
    /// The other end is in another network namespace: it was found by its addresses, which exactly
    /// one other namespace has, and not by anything that ties the two together.
    pub peer_inferred: bool,
    /// The network namespace that the socket is in. For a socket that no table knows, that of the
    /// processes that hold it. `None` where they are not of one, and where /proc does not tell.
    pub netns: Option<NetnsId>,
    /// The cgroup of a socket that no process holds, where the kernel tells it (IP sockets,
    /// [`Socket::cgroup_id`]): the path of version 2, as bytes. `None` where a process holds the
    /// socket ([`Process::cgroup`](crate::model::process::Process::cgroup) tells), for the root (where also
    /// everything is that only version 1 groups), and when the cgroup has been removed.
    pub cgroup: Option<Vec<u8>>,
    /// The systemd unit that `cgroup` tells.
    pub unit: Option<Vec<u8>>,
    /// The container that `cgroup` tells.
    pub container: Option<Container>,
    /// The name of the interface that the socket is bound to.
    pub interface_name: Option<String>,
}

/// One that waits for `accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Waiter {
    /// A TCP connection: it has a socket of its own here, which no file holds.
    Connection(Cookie),
    /// The client's socket, of a unix connection (`UNIX_DIAG_ICONS`).
    Client(Inode),
}

/// Who is behind a socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holding {
    /// Descriptors hold it: [`SocketEntry::holders`].
    #[default]
    Descriptors,
    /// No file holds it yet: it waits at a listener for `accept`. When `ambiguous`, several
    /// listeners share its address and each may be the one.
    AwaitingAccept {
        /// More than one listener can be the one that it waits at.
        ambiguous: bool,
    },
    /// No file holds it any more: its process has closed it, and the kernel keeps it to finish.
    Orphan,
    /// No descriptor refers to it, and a process has it mapped: [`SocketEntry::holders`].
    Mapping,
    /// No descriptor refers to it, and a ring of io_uring has it registered: [`SocketEntry::holders`].
    IoUring,
    /// No descriptor refers to it, and it is in a message that nobody has received (SCM_RIGHTS). When
    /// `ambiguous`, that is a guess: /proc tells how many descriptors wait at each unix socket, and not
    /// which. [`SocketEntry::holders`] are then all unix sockets that it may wait at, and the kernel itself may
    /// have it instead.
    InFlight {
        /// Nothing tells that it is this socket that is in flight.
        ambiguous: bool,
    },
    /// A file holds it, and nobody who was looked at does: the kernel itself uses it, or it is on its way
    /// (in a message in flight, or in a request of io_uring).
    Kernel,
    /// A file holds it; who, cannot be told, because some processes may not be read.
    Hidden,
}

impl Holding {
    /// The name of this case: `descriptors`, `awaiting_accept`, `orphan`, `mapping`, `io_uring`, `in_flight`,
    /// `kernel` or `hidden`.
    pub fn name(self) -> &'static str {
        match self {
            Holding::Descriptors => "descriptors",
            Holding::AwaitingAccept { .. } => "awaiting_accept",
            Holding::Orphan => "orphan",
            Holding::Mapping => "mapping",
            Holding::IoUring => "io_uring",
            Holding::InFlight { .. } => "in_flight",
            Holding::Kernel => "kernel",
            Holding::Hidden => "hidden",
        }
    }
}

impl SocketEntry {
    /// A socket that descriptors hold, nothing joined to it yet.
    pub(crate) fn bare(socket: Socket, footprint: Footprint) -> SocketEntry {
        SocketEntry {
            socket,
            read_after: Duration::ZERO,
            footprint,
            exact: Err(NotMeasured::NoEngine),
            holding: Holding::Descriptors,
            holders: Vec::new(),
            waiters: Vec::new(),
            peer_holders: Vec::new(),
            portid_process: None,
            peer_inferred: false,
            netns: None,
            cgroup: None,
            unit: None,
            container: None,
            interface_name: None,
        }
    }

    /// The processes that hold the socket, by pid and each once; where none is seen to, the one that a portid
    /// names.
    pub fn pids(&self) -> impl ExactSizeIterator<Item = u32> + use<> {
        let pids = self.holders.iter().map(|holder| holder.pid).chain(self.portid_process);
        pids.collect::<BTreeSet<u32>>().into_iter()
    }

    /// How many packets are in the error queue, none of which was ever fetched (`recvmsg` with MSG_ERRQUEUE):
    /// time stamps, errors (IP_RECVERR), and notes that MSG_ZEROCOPY is done. They are no data, and are
    /// charged like data. `None` where the queues were not walked.
    pub fn error_packets(&self) -> Option<u64> {
        self.exact.as_ref().ok().map(|exact| exact.counters.errors)
    }

    /// Whether more than one process holds the socket (after fork, or passed on). Candidates for
    /// an ambiguous connection do not share it.
    pub fn is_shared(&self) -> bool {
        self.holding == Holding::Descriptors && self.pids().len() > 1
    }
}
