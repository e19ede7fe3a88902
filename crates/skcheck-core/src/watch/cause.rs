//! Why nobody reads: one cause, and what it stands on. Pure.

mod accept;
mod decide;
mod epoll;
mod holders;
mod threads;

use crate::holders::Holder;
use crate::units::Payload;
use crate::watch::evidence::{Call, Unread};

pub(in crate::watch) use crate::watch::cause::accept::of_listener;
pub(in crate::watch) use crate::watch::cause::decide::Look;
pub(in crate::watch) use crate::watch::cause::holders::{Own, owns, owns_of_holders, unheld};

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
    /// Its process has ended, or its main thread has, while something else still holds the socket.
    Zombie,
    /// Its process's cgroup is out of CPU quota.
    Throttled,
    /// All its threads are blocked elsewhere.
    Blocked,
    /// A thread runs all the time, and does not read.
    Spinning,
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
    /// Processes wait for each other to read, in a circle.
    Deadlock,
    /// It waits for accept, and the accept queue is full or its listener's holder is blocked.
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
            CauseCode::Blocked => "blocked",
            CauseCode::Spinning => "spinning",
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
    /// A thread used so many percent of a processor in the window.
    Spins {
        /// Which.
        tid: u32,
        /// Percent of one processor.
        percent: u32,
    },
    /// The socket is in this epoll set with these events.
    Epoll {
        /// The set's descriptor.
        set: u32,
        /// Its events.
        events: u32,
    },
    /// It is in none of so many epoll sets.
    InNoEpoll(usize),
    /// A ring of io_uring has it registered.
    Ring(u32),
    /// It is in a message that nobody has received at this descriptor of the process.
    InFlight(Holder),
    /// This descriptor of the process has so much unsent, and the peer takes nothing.
    UnsentAt(Holder, Payload),
    /// A child that has ended, and was not waited for.
    ZombieChild(u32),
    /// So many connections wait at the listener, of so many.
    AcceptQueue {
        /// Waiting.
        waiting: u32,
        /// The limit.
        limit: Option<u32>,
    },
    /// What could not be read.
    Missing(Unread),
}

/// Who is at the end of a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// The links from the socket's holder on: a writer that is blocked, and the reader that blocks it.
    pub links: Vec<Link>,
    /// The reader at the end, and why it does not read; `None` where the chain leaves this host, comes back
    /// to a process that it has passed, or is too long to be followed.
    pub end: Option<(Holder, Box<Cause>)>,
    /// The chain is a circle.
    pub is_circle: bool,
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The process's descriptor that cannot write.
    pub writer: Holder,
    /// What it has unsent; of a unix socket what its reader has not read, as far as that is known.
    pub unsent: Payload,
    /// The descriptor that does not read it; `None` where that is not on this host, or where nobody on it
    /// is known to have it (the cause then has [`Unread::Descriptors`] missing).
    pub reader: Option<Holder>,
    /// The place of the writer's socket in the later sample.
    pub socket: usize,
}

impl Link {
    /// A step of a chain.
    pub fn new(writer: Holder, unsent: Payload, reader: Option<Holder>, socket: usize) -> Link {
        Link { writer, unsent, reader, socket }
    }
}
