//! Who holds a socket, and how.

use std::num::NonZeroU32;

/// Where a process has a socket. Small: there may be one for each descriptor of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// A descriptor's number: that of the socket itself, of the ring of io_uring that it is registered with,
    /// of the unix socket that it is in flight to, or of the listener that it waits at ([`via`](Self::via));
    /// [`Holder::NO_FD`] where there is none ([`number`](Self::number)).
    pub fd: u32,
    /// The thread whose own table `fd` is of (`unshare(CLONE_FILES)`); `None`: it is of the process's.
    pub tid: Option<NonZeroU32>,
    /// How `fd` leads to the socket.
    pub via: Via,
}

/// How a descriptor leads to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Via {
    /// It refers to it.
    Fd,
    /// It refers to it, and is in a table that a thread has for itself.
    ThreadFd,
    /// There is none: the process has the socket mapped (a ring of a packet socket, TCP's zero-copy receive),
    /// and the mapping alone keeps it.
    Map,
    /// It is a ring of io_uring, with which the socket is registered.
    IoUring,
    /// It is a unix socket that has the socket in a message which nobody has received (SCM_RIGHTS).
    InFlight,
    /// It is a listener at which the socket waits for `accept`.
    AcceptQueue,
}

impl Via {
    /// The way's stable name: `fd`, `thread_fd`, `map`, `io_uring`, `in_flight` or `accept_queue`.
    pub fn name(self) -> &'static str {
        match self {
            Via::Fd => "fd",
            Via::ThreadFd => "thread_fd",
            Via::Map => "map",
            Via::IoUring => "io_uring",
            Via::InFlight => "in_flight",
            Via::AcceptQueue => "accept_queue",
        }
    }
}

impl Holder {
    /// A descriptor in the table of a process.
    pub fn new(pid: u32, fd: u32) -> Holder {
        Holder { pid, fd, tid: None, via: Via::Fd }
    }

    /// A descriptor in a table that a thread of a process has for itself; in the process's for thread 0.
    pub fn of_thread(pid: u32, tid: u32, fd: u32) -> Holder {
        let tid = NonZeroU32::new(tid);
        Holder { pid, fd, tid, via: if tid.is_some() { Via::ThreadFd } else { Via::Fd } }
    }

    /// A process that has a socket mapped.
    pub fn of_mapping(pid: u32) -> Holder {
        Holder { pid, fd: Holder::NO_FD, tid: None, via: Via::Map }
    }

    /// No descriptor has this number: the kernel's limit is below (`sysctl_nr_open_max`).
    pub const NO_FD: u32 = u32::MAX;

    /// The descriptor's number; `None` for a mapping, which has none.
    pub fn number(&self) -> Option<u32> {
        (self.via != Via::Map).then_some(self.fd)
    }

    /// The same descriptor, as it leads to a socket in another way.
    #[must_use]
    pub fn leading(self, via: Via) -> Holder {
        Holder { via, ..self }
    }

    /// The descriptor itself, whatever it leads to.
    #[must_use]
    pub fn descriptor(self) -> Holder {
        self.leading(if self.tid.is_some() { Via::ThreadFd } else { Via::Fd })
    }

    /// Whose /proc/TASK/fd shows the descriptor: the thread's that has a table of its own, else the
    /// process's.
    pub fn task(&self) -> u32 {
        self.tid.map_or(self.pid, NonZeroU32::get)
    }
}
