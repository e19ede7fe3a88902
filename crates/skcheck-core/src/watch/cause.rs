//! Why nobody reads: one cause, and what it stands on. Pure.

mod accept;
mod decide;
mod epoll;
mod holders;
mod slow;
mod threads;

use crate::holders::Holder;
use crate::units::Payload;
use crate::watch::evidence::{Call, Unread};
use crate::watch::progress::NotArriving;

pub(in crate::watch) use crate::watch::cause::decide::Look;
pub(in crate::watch) use crate::watch::cause::holders::{Own, owns, unheld};
pub(in crate::watch) use crate::watch::cause::slow::slow;

/// Why a reader stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The cause.
    pub code: CauseCode,
    /// The process that it is about; `None` where no process holds the socket.
    pub pid: Option<u32>,
    /// What it stands on, the most telling first.
    pub evidence: Vec<Fact>,
}

impl Cause {
    /// A cause, whom it is about, and what it stands on.
    pub fn new(code: CauseCode, pid: Option<u32>, evidence: Vec<Fact>) -> Cause {
        Cause { code, pid, evidence }
    }
}

/// The causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CauseCode {
    /// Its process is stopped: job control, or a tracer.
    Stopped,
    /// Its process's cgroup is frozen.
    Frozen,
    /// Its main thread has ended, or a child that held the socket too has, while the process still holds it.
    Zombie,
    /// Its process's cgroup is out of CPU quota.
    Throttled,
    /// A thread is in the middle of reading this very socket, and does not come back: what it waits for is
    /// no data, but its own memory, or the socket's lock.
    StuckReading,
    /// All its threads are blocked elsewhere.
    Blocked,
    /// A thread runs all the time, and does not read.
    Spinning,
    /// A thread of a process that reads runs all the time, or waits for a processor: it reads no faster
    /// because it has no more time.
    Busy,
    /// The socket is in no epoll set of its holder, and no thread reads or polls it.
    NotPolled,
    /// It is in an epoll set without EPOLLIN: the application has stopped asking.
    NoEpollin,
    /// It is edge-triggered: the application was told once, and has not read since.
    EdgeNotRead,
    /// It is one-shot, and was not armed again.
    OneshotNotRearmed,
    /// Nobody waits in the epoll set that it is in.
    NobodyWaits,
    /// Its process's own writing is blocked by another reader.
    Backpressure,
    /// Processes wait for each other to read, in a circle: of each it is known, or inferred of an event loop,
    /// that it waits for its writing.
    Deadlock,
    /// The accept queue is full, of the listener or of the one that the connection waits at, and its holder
    /// could accept and does not.
    AcceptFull,
    /// Nothing that could be seen tells.
    Unknown,
}

impl CauseCode {
    /// The code's stable name, lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            CauseCode::Stopped => "stopped",
            CauseCode::Frozen => "frozen",
            CauseCode::Zombie => "zombie",
            CauseCode::Throttled => "throttled",
            CauseCode::StuckReading => "stuck_reading",
            CauseCode::Blocked => "blocked",
            CauseCode::Spinning => "spinning",
            CauseCode::Busy => "busy",
            CauseCode::NotPolled => "not_polled",
            CauseCode::NoEpollin => "no_epollin",
            CauseCode::EdgeNotRead => "edge_not_read",
            CauseCode::OneshotNotRearmed => "oneshot_not_rearmed",
            CauseCode::NobodyWaits => "nobody_waits",
            CauseCode::Backpressure => "backpressure",
            CauseCode::Deadlock => "deadlock",
            CauseCode::AcceptFull => "accept_full",
            CauseCode::Unknown => "unknown",
        }
    }
}

/// One thing that a cause stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// The process is in this state, its main thread's (`T`, `t`, `Z`).
    State(u8),
    /// It is traced by this process.
    TracedBy(u32),
    /// Its cgroup is frozen.
    FrozenCgroup(Vec<u8>),
    /// Its cgroup was throttled in so many of so many periods in the window.
    Throttled {
        /// Periods in which it ran out of quota.
        throttled: u64,
        /// All periods.
        periods: u64,
        /// The cgroup.
        cgroup: Vec<u8>,
    },
    /// A thread is blocked.
    Thread {
        /// Which.
        tid: u32,
        /// Its state.
        state: u8,
        /// The call that it is in, and the first argument where that is a descriptor.
        call: Option<(Call, Option<u32>)>,
        /// The kernel function that it sleeps in.
        wchan: Option<Vec<u8>>,
    },
    /// A thread ran, or waited for a processor, all through the window.
    Spins {
        /// Which.
        tid: u32,
        /// Percent of one processor that it used.
        percent: u32,
        /// Percent of the window for which it waited for one.
        waits: u32,
    },
    /// So many other threads of the process ran too: it is not known which of them reads. A count.
    RanToo(u32),
    /// The socket is in this epoll set with these events.
    Epoll {
        /// The set's descriptor.
        set: u32,
        /// Its events.
        events: u32,
    },
    /// The epoll set that has the socket is itself in this one.
    EpollInEpoll {
        /// The outer set's descriptor.
        set: u32,
        /// The inner set's.
        inner: u32,
        /// The events for which the outer one has it.
        events: u32,
    },
    /// It is in none of so many epoll sets.
    InNoEpoll(usize),
    /// A ring of io_uring has it registered.
    Ring(u32),
    /// It is in a message that nobody has received at this descriptor of the process.
    InFlight(Holder),
    /// This descriptor of the process has so much unsent, and the peer takes nothing, or too slowly.
    UnsentAt(Holder, Payload),
    /// A child of the process that has ended, and was not waited for.
    ZombieChild(u32),
    /// So many connections wait at the listener, of so many.
    AcceptQueue {
        /// Waiting.
        waiting: u32,
        /// The limit.
        limit: Option<u32>,
    },
    /// Another process that holds the socket too and could read it, and why it does not.
    AlsoHeld {
        /// Which.
        pid: u32,
        /// Its own cause.
        code: CauseCode,
    },
    /// What could not be read.
    Missing(Unread),
}

/// Who keeps a socket waiting, and over whom.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// The links from the socket's holder on: a writer that is blocked, and the reader that blocks it.
    pub links: Vec<Link>,
    /// Where they lead.
    pub end: End,
}

impl Root {
    /// A chain.
    pub fn new(links: Vec<Link>, end: End) -> Root {
        Root { links, end }
    }

    /// The reader at the end, whether it stands still or reads slowly; `None` where the chain ends elsewhere.
    pub fn reader(&self) -> Option<Holder> {
        match self.end {
            End::Stalled(reader, _) | End::Slow(reader, ..) => Some(reader),
            _ => None,
        }
    }

    /// Why the reader at the end stands still, or reads slowly; `None` where nothing shows that, and where
    /// there is none.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.end {
            End::Stalled(_, cause) | End::Slow(_, _, Some(cause)) => Some(cause),
            _ => None,
        }
    }

    /// Whether it is not known that it is this chain that keeps the socket waiting: its process has other
    /// readers that stand still.
    pub fn is_unsure(&self) -> bool {
        self.links.first().is_some_and(|link| link.pairing == Pairing::Unsure)
    }

    /// Whether the chain comes back to where it has been.
    pub fn is_circle(&self) -> bool {
        matches!(self.end, End::Circle(_))
    }
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// At a reader that stands still and waits for no other, and why it does.
    Stalled(Holder, Box<Cause>),
    /// At a reader that reads, but no faster than this, and why, where its process shows that.
    Slow(Holder, Pace, Option<Box<Cause>>),
    /// At an address that no socket of this host has: every network namespace was looked at.
    OffHost,
    /// On this host, at a socket or a process that may not be seen.
    Hidden,
    /// At an address that no socket has that was looked at; not all could be.
    NotFound,
    /// At this process, which it has passed, or which others were found to come back to. Each process on the
    /// circle waits for its writing.
    Circle(u32),
    /// At a writer of which it is not the reader that keeps it waiting: what it has sent does not arrive
    /// there, or nothing comes back. The last link's `reader` is who has the other end, where that is on
    /// this host.
    NotArriving(NotArriving),
    /// It became too long to be followed.
    TooFar,
    /// Several writers of the last process may be the one that it waits for, and nothing singles one out: the
    /// link from each, the likeliest first.
    OneOf(Vec<Link>),
}

/// How fast a reader reads that does not stand still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Bytes that it consumed, a second; `None` where that cannot be told.
    pub consumed: Option<u64>,
    /// It can have been more.
    pub at_least: bool,
}

/// What shows that it is its writing that keeps a process from reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// All its threads are blocked in writing, one of them to this descriptor.
    Blocked,
    /// A thread of it is blocked in writing to this descriptor. Others do something else, or it is not
    /// known what they do: one of them might read.
    OneThread,
    /// It is an event loop that does not ask for data, and this descriptor takes no more. That the one is
    /// for the other is inferred.
    EventLoop,
    /// It does not ask for the socket, and has sent descriptors over this one to a child that does not take
    /// them. That the socket is among them is inferred.
    Handed,
    /// Nothing: that it waits is not known.
    Unknown,
}

impl Wait {
    /// `blocked`, `one_thread`, `event_loop`, `handed` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Wait::Blocked => "blocked",
            Wait::OneThread => "one_thread",
            Wait::EventLoop => "event_loop",
            Wait::Handed => "handed",
            Wait::Unknown => "unknown",
        }
    }
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The process's descriptor that cannot write.
    pub writer: Holder,
    /// What shows that its process waits for that.
    pub wait: Wait,
    /// What it has unsent; of a unix socket what its reader has not read, as far as that is known.
    pub unsent: Payload,
    /// What the other end took of it, bytes a second; `None` where the kernel does not tell (all but TCP and
    /// MPTCP).
    pub taken: Option<u64>,
    /// How fast the reader at the other end reads; `None` where it stands still, and where there is none.
    pub pace: Option<Pace>,
    /// The descriptor that does not read it, or too slowly; `None` where that is not on this host, or where
    /// nobody on it is known to have it.
    pub reader: Option<Holder>,
    /// The place of the writer's socket in the later sample.
    pub socket: usize,
    /// What singles this writer out among those of its process.
    pub pairing: Pairing,
}

impl Link {
    /// A step of a chain, over which nothing goes.
    pub fn new(writer: Holder, wait: Wait, unsent: Payload, reader: Option<Holder>, socket: usize) -> Link {
        Link { writer, wait, unsent, taken: None, pace: None, reader, socket, pairing: Pairing::Only }
    }
}

/// Why it is this writer of a process for which this reader of it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pairing {
    /// There is no other: no other writer that stands still, no other reader that might wait for it instead.
    Only,
    /// Reader and writer are one socket, and so they are everywhere in the process.
    SameConnection,
    /// As much is read as is taken: they alone move, or move as fast as each other.
    Rates,
    /// As much was read as was written since both were opened, and of no other.
    Totals,
    /// Every other writer goes with another reader, moves while the reader stands still or the other way
    /// round, or came to stand still after it.
    Left,
    /// A hint: it is one of several that it may be ([`End::OneOf`]), and its descriptor is next to the reader's,
    /// as those are that a proxy opens one after the other.
    Neighbours,
    /// Nothing: other readers of the process stand still too, and which of them waits for it is not known.
    Unsure,
}

impl Pairing {
    /// `only`, `same_connection`, `rates`, `totals`, `left`, `neighbours` or `unsure`.
    pub fn name(self) -> &'static str {
        match self {
            Pairing::Only => "only",
            Pairing::SameConnection => "same_connection",
            Pairing::Rates => "rates",
            Pairing::Totals => "totals",
            Pairing::Left => "left",
            Pairing::Neighbours => "neighbours",
            Pairing::Unsure => "unsure",
        }
    }
}
