//! What can look deeper than /proc and NETLINK_SOCK_DIAG: into every descriptor in one pass, and into
//! the queues packet by packet. This library has none of its own; `skcheck-bpf` is one.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::model::direction::Direction;
use crate::model::holder::Holder;
use crate::model::netns::{Netns, NetnsId};
use crate::model::protocol::Protocol;
use crate::model::query::Query;
use crate::model::queues::UnixQueue;
use crate::model::ring::Fill;
use crate::model::socket::{Inode, Socket, SocketName};
use crate::model::state::State;
use crate::model::tcp::TcpInfo;
use crate::model::units::{Payload, Truesize};

/// Looks into the kernel where /proc and NETLINK_SOCK_DIAG do not reach. A scan works without one
/// ([`scan`](crate::scan)), and when one fails it goes on without, and says so.
pub trait Engine: Sync {
    /// What it is called where a report says what was used: `bpf`.
    fn name(&self) -> &'static str;

    /// Looks at every descriptor of every process and thread that the caller's pid namespace shows, in
    /// every network namespace, and hands on at least those that refer to a socket for which
    /// [`Query::may_match`] can hold. A socket is handed on once for each descriptor.
    ///
    /// # Errors
    /// What keeps the engine from looking. Nothing that was handed on counts then.
    fn find(&self, query: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass>;

    /// Hands on every descriptor that refers to one of these sockets, those of threads with a table of their
    /// own as well, and every unix socket in whose messages one of these is in flight
    /// ([`Holder::via`]). One may be handed on twice.
    ///
    /// # Errors
    /// What keeps the engine from looking.
    fn holders(&self, inodes: &[Inode], on_holder: &mut dyn FnMut(Inode, Holder)) -> io::Result<()>;

    /// Walks the queues of these sockets, and hands on each step with the place of its socket in
    /// `targets`. Returns whether all were looked for; `false` when time was up before. Sockets that have
    /// no [`Step::End`] were not walked: they have vanished, or there was no time left for them.
    ///
    /// # Errors
    /// What keeps the engine from walking. What was handed on before it stands.
    fn walk(
        &self,
        targets: &[Target<'_>],
        limits: &Limits,
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<bool>;
}

/// A socket that a descriptor refers to, as [`Engine::find`] met it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// The socket. One whose [`state`](Socket::state) is [`ClosedHeld`](crate::model::state::State::ClosedHeld) is in
    /// no table, and its numbers are known all the same.
    pub socket: Socket,
    /// The network namespace that it is in.
    pub netns: NetnsId,
    /// The descriptor; `None` where nothing tells whose it is: its process is just ending.
    pub holder: Option<Holder>,
    /// What waits in the receive queue of a unix socket; the kernel charges it to the senders.
    pub unix_queue: Option<UnixQueue>,
}

impl Found {
    /// A socket of a namespace, and nothing that tells whose it is.
    pub fn new(socket: Socket, netns: NetnsId) -> Found {
        Found { socket, netns, holder: None, unix_queue: None }
    }
}

/// What [`Engine::find`] counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pass {
    /// Descriptors that refer to sockets.
    pub descriptors: u64,
    /// Each network namespace that a socket is in.
    pub namespaces: Vec<Tally>,
    /// Descriptors that refer to a namespace, of whichever kind.
    pub namespace_files: Vec<Holder>,
    /// Sockets of protocols that are in no table that is read, by the name of their protocol
    /// (`sk_prot_creator->name`), as bytes; empty where the kernel does not tell it. A count of those that
    /// descriptors of [`Query::pids`] refer to, each once. Of IP's own protocols only those that are charged
    /// for something.
    pub apart: BTreeMap<Vec<u8>, u64>,
}

/// The sockets of one network namespace that descriptors refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// The namespace.
    pub netns: NetnsId,
    /// How many sockets, of every family, each once (what the `sockets: used` of its
    /// /proc/net/sockstat counts, if descriptors hold them all).
    pub sockets: u64,
    /// What those of TCP that are in its tables account for, in bytes.
    pub tcp_memory: i64,
}

impl Tally {
    /// Of a namespace with so many sockets, and so many bytes of TCP memory.
    pub fn new(netns: NetnsId, sockets: u64, tcp_memory: i64) -> Tally {
        Tally { netns, sockets, tcp_memory }
    }
}

/// A socket to walk.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Target<'a> {
    /// By what it is found.
    pub name: SocketName,
    /// What it speaks.
    pub protocol: Protocol,
    /// The namespace that it is in, where something leads there: only a socket that is to be locked is looked
    /// for in its namespace ([`Limits::lock`]).
    pub netns: Option<&'a Netns>,
    /// A process that has a descriptor of it, or of the listener at which it waits, where one is known. Only where to
    /// look first: a socket that has moved meanwhile is found all the same.
    pub pid: Option<u32>,
}

impl<'a> Target<'a> {
    /// A socket to walk, wherever it is.
    pub fn new(name: SocketName, protocol: Protocol) -> Target<'a> {
        Target { name, protocol, netns: None, pid: None }
    }

    /// A socket to walk. `None` for MPTCP, whose queues are not those of other sockets.
    pub(crate) fn of(socket: &Socket) -> Option<Target<'a>> {
        let name = socket.name().filter(|_| socket.protocol.row().not_walked.is_none())?;
        Some(Target::new(name, socket.protocol))
    }

    /// The same, in its namespace. A TCP socket that is not connected is in no table, and cannot be locked
    /// there.
    pub(crate) fn within(self, socket: &Socket, netns: Option<&'a Netns>) -> Target<'a> {
        let is_listed = !matches!(socket.state, State::ClosedHeld | State::Close | State::BoundInactive);
        Target { netns: netns.filter(|_| is_listed), ..self }
    }

    /// The same, which this process may have.
    pub(crate) fn held_by(self, pid: Option<u32>) -> Target<'a> {
        Target { pid, ..self }
    }
}

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many packets of one socket are walked at most.
    pub packets: u32,
    /// How long it may take until the last socket is begun; `None`: as long as it takes.
    pub time: Option<Duration>,
    /// Lock each TCP socket whose namespace is known while it is walked. Who uses it waits meanwhile; and
    /// while a process is stuck in the middle of sending or receiving, this waits for it, and nothing ends
    /// the wait.
    pub lock: bool,
}

impl Limits {
    /// As many packets of a socket as are walked unless more are asked for.
    pub const PACKETS: u32 = 10_000;

    /// So many packets of a socket and so much time, and no lock.
    pub const fn new(packets: u32, time: Option<Duration>) -> Limits {
        Limits { packets, time, lock: false }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::new(Limits::PACKETS, None)
    }
}

/// One step of a walk.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// A packet of the socket.
    Packet(&'a Packet),
    /// The socket changed while it was walked, and is walked anew: forget all its steps so far.
    Anew,
    /// How the walk of a queue ended. All packets of a socket come before the first of these. A queue can
    /// have several, one for each list that it consists of; what is said of one is true of the whole.
    QueueEnd(QueueEnd),
    /// The socket was walked, and this is what the kernel says of it.
    End(&'a Counters),
}

/// One of a socket's queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Queue {
    /// What can be read (`sk_receive_queue`; for UDP the reader's own queue too).
    Receive,
    /// What arrived before something that is missing (`tcp_sock.out_of_order_queue`).
    OutOfOrder,
    /// What arrived while the socket was locked (`sk_backlog`).
    Backlog,
    /// Errors and timestamps for the application (`sk_error_queue`).
    Error,
    /// What has not been sent (`sk_write_queue`).
    Write,
    /// What has been sent and not acknowledged (`tcp_rtx_queue`).
    Retransmit,
}

impl Queue {
    /// All queues, those of the receiving side first.
    pub const ALL: [Queue; 6] =
        [Queue::Receive, Queue::OutOfOrder, Queue::Backlog, Queue::Error, Queue::Write, Queue::Retransmit];

    /// The queue's name: `receive`, `out_of_order`, `backlog`, `error`, `write` or `retransmit`.
    pub fn name(self) -> &'static str {
        match self {
            Queue::Receive => "receive",
            Queue::OutOfOrder => "out_of_order",
            Queue::Backlog => "backlog",
            Queue::Error => "error",
            Queue::Write => "write",
            Queue::Retransmit => "retransmit",
        }
    }

    /// Whether what is in it is, or will be, read by the application as data. What is in the error queue is
    /// not.
    pub fn is_data_to_read(self) -> bool {
        matches!(self, Queue::Receive | Queue::OutOfOrder | Queue::Backlog)
    }

    /// The side that it belongs to.
    pub fn direction(self) -> Direction {
        match self {
            Queue::Receive | Queue::OutOfOrder | Queue::Backlog | Queue::Error => Direction::Received,
            Queue::Write | Queue::Retransmit => Direction::Sent,
        }
    }

    /// Whether it belongs to the sending side.
    pub fn is_sending(self) -> bool {
        self.direction() == Direction::Sent
    }
}

/// How the walk of a queue ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueEnd {
    /// The queue.
    pub queue: Queue,
    /// Every packet was walked: no limit cut the walk short.
    pub complete: bool,
    /// The walk has proved itself: the socket was locked; or what can be seen of the queue was the same
    /// before and after, each packet was where the one before it points, and what was walked to its end adds
    /// up to what the kernel accounts for.
    pub steady: bool,
}

impl QueueEnd {
    /// Of a queue, no packet of it walked for certain.
    pub fn new(queue: Queue) -> QueueEnd {
        QueueEnd { queue, complete: false, steady: false }
    }
}

/// What the kernel says of a socket at the time of the walk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// What is charged for received packets (`sk_rmem_alloc`), without what UDP has yet to take off
    /// (`forward_deficit`). Says nothing of unix sockets, whose senders are charged.
    pub rmem_alloc: Truesize,
    /// `sk_backlog.len`.
    pub backlog: Truesize,
    /// TCP: `sk_wmem_queued`.
    pub wmem_queued: Truesize,
    /// TCP: `rcv_nxt - copied_seq`.
    pub recv_q: u64,
    /// TCP: `write_seq - snd_una`.
    pub send_q: u64,
    /// How many packets are in the error queue (`sk_error_queue.qlen`): each of them was never fetched.
    pub errors: u64,
    /// What can be seen of the receiving side (lengths, ends, charge) was the same before and after the walk.
    pub unchanged: bool,
    /// TCP: what `tcp_info` would say. The socket is not locked for it.
    pub tcp_info: Option<TcpInfo>,
    /// Packet sockets: how full the receive ring is.
    pub ring: Option<Fill>,
}

/// One packet (`sk_buff`), or a part of one (an `sk_buff` on the `frag_list` of the packet before it).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// The queue that it is in.
    pub queue: Queue,
    /// It belongs to the packet before it, which counts its length and truesize.
    pub is_part: bool,
    /// It is charged to the socket's option memory (`sk_omem_alloc`) and not to its queue: a note that
    /// MSG_ZEROCOPY is done with pages (`sock_omalloc`).
    pub in_options: bool,
    /// Address of the `sk_buff`: with `stamp` it tells one packet from another.
    pub id: u64,
    /// TCP: first sequence number; else when it arrived, where the kernel noted that (`tstamp`).
    pub stamp: u64,
    /// Bytes that have not been read.
    pub len: Payload,
    /// What is charged for it (`sk_buff.truesize`).
    pub truesize: Truesize,
    /// Address of the head's memory (`sk_buff.head`).
    pub head: u64,
    /// The head's memory.
    pub head_piece: Piece,
    /// The fragments (`skb_shared_info.frags`).
    pub fragments: Vec<Piece>,
}

impl Packet {
    /// A packet of nothing but a head; nothing of it is known but where it is.
    pub fn new(queue: Queue, id: u64, head_piece: Piece) -> Packet {
        Packet {
            queue,
            is_part: false,
            in_options: false,
            id,
            stamp: 0,
            len: Payload(0),
            truesize: Truesize(0),
            head: 0,
            head_piece,
            fragments: Vec::new(),
        }
    }
}

/// A part of a packet, and the block of pages that it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// Which block: the address of its first `struct page`.
    pub block: u64,
    /// The block has two to the power of this many pages (compound order).
    pub order: u8,
    /// Whose pages they are.
    pub kind: PageKind,
    /// Where in the page that the packet names the piece begins, in bytes.
    pub offset: u32,
    /// How long it is, in bytes.
    pub len: u32,
}

impl Piece {
    /// A part in this block, which begins with its page and has no length yet.
    pub fn new(block: u64, order: u8, kind: PageKind) -> Piece {
        Piece { block, order, kind, offset: 0, len: 0 }
    }
}

/// Whose pages a piece of a packet lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PageKind {
    /// In a slab: no pages of its own.
    Slab,
    /// Too large for a slab, so in pages of its own (kmalloc).
    Large,
    /// On no list and of no file: the network stack's own chunks, or a driver's pages.
    Stack,
    /// A file's: page cache or shared memory (sendfile, splice).
    File,
    /// On a list of the page cache and of no file any more: the file has been removed or truncated.
    RemovedFile,
    /// A process's own (MSG_ZEROCOPY, vmsplice).
    Anonymous,
    /// No page at all: device memory (`net_iov`).
    Device,
    /// The kernel's structures are not understood.
    Unknown,
}

impl PageKind {
    /// The kind's stable name, lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            PageKind::Slab => "slab",
            PageKind::Large => "kmalloc",
            PageKind::Stack => "network",
            PageKind::File => "file",
            PageKind::RemovedFile => "removed_file",
            PageKind::Anonymous => "anonymous",
            PageKind::Device => "device",
            PageKind::Unknown => "unknown",
        }
    }

    /// Whether a program handed these pages in, so that the premise of `worst` does not hold.
    pub fn is_handed_in(self) -> bool {
        matches!(self, PageKind::File | PageKind::RemovedFile | PageKind::Anonymous)
    }

    /// Whether it lies in pages that it keeps from being freed.
    pub fn pins(self) -> bool {
        !matches!(self, PageKind::Slab | PageKind::Device | PageKind::Unknown)
    }
}
