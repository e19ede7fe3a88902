//! Who holds which socket, and how: an index of 12 bytes a descriptor, and what holds a socket without one.

pub mod fdinfo;
pub mod maps;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::host::parse_number;
use crate::socket::Inode;

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

/// Every descriptor that refers to a socket, ordered by inode.
#[derive(Debug, Default)]
pub struct Descriptors {
    entries: Vec<Entry>,
    known: Vec<AtomicU64>,
    /// Those of threads with a table of their own: few, if any.
    of_threads: Vec<(Inode, Holder)>,
}

/// A descriptor in the table of a process.
type Entry = (Inode, u32, u32);

/// What [`Descriptors::mark_known`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A descriptor holds this socket, and no table has named it before.
    First,
    /// A descriptor holds this socket, and a table has named it before.
    Again,
    /// No descriptor is known to hold this socket.
    NotHeld,
}

impl Descriptors {
    /// An index of these, in any order.
    pub fn new(holders: impl IntoIterator<Item = (Inode, Holder)>) -> Descriptors {
        let mut descriptors = Descriptors::default();
        holders.into_iter().for_each(|(inode, holder)| descriptors.add(inode, holder));
        descriptors.sort();
        descriptors
    }

    /// Adds one; [`sort`](Self::sort) before anything is asked.
    pub(crate) fn add(&mut self, inode: Inode, holder: Holder) {
        match holder.tid {
            None => self.entries.push((inode, holder.pid, holder.fd)),
            Some(_) => self.of_threads.push((inode, holder)),
        }
    }

    /// Puts in order what was added.
    pub(crate) fn sort(&mut self) {
        self.entries.sort_unstable();
        self.entries.dedup();
        self.of_threads.sort_unstable();
        self.of_threads.dedup();
        let words = self.entries.len().div_ceil(64);
        self.known = std::iter::repeat_with(AtomicU64::default).take(words).collect();
    }

    /// Everyone who holds this socket, by process and descriptor, those of threads last.
    pub fn holders(&self, inode: Inode) -> impl Iterator<Item = Holder> + '_ {
        let entries = self.entries.get(self.first(inode)..).unwrap_or_default();
        let of_processes = entries.iter().take_while(move |entry| entry.0 == inode).map(holder);
        let first = self.of_threads.partition_point(|entry| entry.0 < inode);
        let of_threads = self.of_threads.get(first..).unwrap_or_default();
        let of_threads = of_threads.iter().take_while(move |entry| entry.0 == inode).map(|entry| entry.1);
        of_processes.chain(of_threads)
    }

    /// Notes that a table of the kernel knows this socket. Tables may be read concurrently.
    pub fn mark_known(&self, inode: Inode) -> Mark {
        let at = self.first(inode);
        if self.entries.get(at).is_none_or(|entry| entry.0 != inode) {
            return Mark::NotHeld;
        }
        let Some(word) = self.known.get(at / 64) else { return Mark::NotHeld };
        let bit = 1 << (at % 64);
        let before = word.fetch_or(bit, Ordering::Relaxed);
        if before & bit == 0 { Mark::First } else { Mark::Again }
    }

    /// The sockets that descriptors of processes hold and no table has named, each with its first holder.
    pub fn unknown(&self) -> impl Iterator<Item = (Inode, Holder)> + '_ {
        let is_known = |at: usize| {
            self.known.get(at / 64).is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (at % 64) != 0)
        };
        let mut at = 0;
        self.entries.chunk_by(|a, b| a.0 == b.0).filter_map(move |same| {
            let first = at;
            at += same.len();
            same.first().filter(|_| !is_known(first)).map(|entry| (entry.0, holder(entry)))
        })
    }

    /// Every descriptor of a process that refers to a socket, by socket.
    pub fn iter(&self) -> impl Iterator<Item = (Inode, Holder)> + '_ {
        self.entries.iter().map(|entry| (entry.0, holder(entry)))
    }

    /// How many descriptors there are.
    pub fn len(&self) -> usize {
        self.entries.len() + self.of_threads.len()
    }

    /// Whether there is no descriptor at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn first(&self, inode: Inode) -> usize {
        self.entries.partition_point(|entry| entry.0 < inode)
    }
}

fn holder((_, pid, fd): &Entry) -> Holder {
    Holder::new(*pid, *fd)
}

/// The inode in `socket:[N]`.
pub fn socket_inode(target: &[u8]) -> Option<Inode> {
    let number = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    parse_number(number).and_then(Inode::new)
}
