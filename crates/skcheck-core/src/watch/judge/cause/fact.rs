//! A cause, and the facts that it stands on: plain data.

use crate::model::holder::Holder;
use crate::model::units::Payload;
use crate::watch::evidence::process::{Call, Mount, UnreadablePart};
use crate::watch::judge::cause::code::CauseCode;

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
    Missing(UnreadablePart),
}
