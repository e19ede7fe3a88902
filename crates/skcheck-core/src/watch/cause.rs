//! Why nobody reads: one cause, and what it stands on. Pure.

pub(crate) mod accept;
pub(crate) mod decide;
pub(crate) mod epoll;
pub(crate) mod holders;
pub(crate) mod link;
pub(crate) mod slow;
pub(crate) mod threads;

use crate::model::holder::Holder;
use crate::model::units::Payload;
use crate::watch::evidence::{Call, Mount, Unread};
use crate::watch::progress::arrival::NotArriving;

pub use crate::watch::cause::link::{Link, Over, Pairing, Wait};

pub(in crate::watch) use crate::watch::cause::holders::{owns, owns_of_conduit, unheld};
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
    /// A thread is in the middle of reading this very socket, and does not come back: what it waits for is no
    /// data, but its own memory, or the socket's lock.
    StuckReading,
    /// All its threads are blocked elsewhere.
    Blocked,
    /// A thread runs all the time, and does not read.
    Spinning,
    /// A thread of a process that reads runs all the time, or waits for a processor: it reads no faster
    /// because it has no more time.
    Busy,
    /// Nearly always when its threads slept it was for memory that had to be read back: from swap, or from a
    /// file.
    Paging,
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
            CauseCode::Paging => "paging",
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
    /// A thread waits for a file, in a call that is blocked.
    File {
        /// Which thread.
        tid: u32,
        /// Its descriptor of the file.
        fd: u32,
        /// The file, as /proc/PID/fd/N has it.
        path: Vec<u8>,
        /// The mount that it lies on.
        mount: Mount,
        /// The thread has slept in that since the sample before: the file system has not answered.
        silent: bool,
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
    /// Threads of the process waited so often in the window for a page that was in no memory, and were put on a
    /// processor little more often.
    MajorFaults {
        /// Pages that had to be read (`maj_flt`): a count.
        faults: u64,
        /// How often threads were put on a processor again: a count.
        runs: u64,
    },
    /// So much of the process's memory is swapped out, in bytes.
    Swapped(u64),
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
    /// there, or nothing comes back. The last link's `reader` is who has the other end, where that is on this
    /// host.
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
