//! The causes, by name.

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
