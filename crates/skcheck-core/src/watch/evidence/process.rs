//! What a process was doing when a sample was taken, as plain data: numbers and states of /proc, nothing
//! interpreted. What could not be read is `None`, with the reason in `missing`.

use std::time::Duration;

use crate::model::socket::Inode;

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessEvidence {
    /// Its pid.
    pub pid: u32,
    /// When it started (field 22 of /proc/PID/stat): with the pid it names a process for good.
    pub start_time: Option<u64>,
    /// Its parent.
    pub parent: Option<u32>,
    /// Its name.
    pub comm: Option<Vec<u8>>,
    /// The state of its main thread (/proc/PID/stat): `R`, `S`, `D`, `T`, `t`, `Z`, ...
    pub state: Option<u8>,
    /// Who traces it (`TracerPid` of /proc/PID/status); `None` for nobody.
    pub tracer: Option<u32>,
    /// Its cgroup, or one above it, is frozen (`cgroup.events` of version 2, `freezer.state` of 1).
    pub frozen: Option<bool>,
    /// The path of the cgroup that is frozen.
    pub cgroup: Option<Vec<u8>>,
    /// Every cgroup, its own and those above it, whose CPU time was ever limited, the innermost first: a
    /// process runs only while none of them is out of quota.
    pub quotas: Vec<Quota>,
    /// All of this was looked for. Otherwise only `start_time`, `parent`, `comm`, `state`, what is told of
    /// the cgroups, and the threads' names, states, ticks and runs: what a later sample has to compare with.
    pub closely: bool,
    /// Its threads; at most [`MOST_THREADS`].
    pub threads: Vec<ThreadEvidence>,
    /// It has more threads than were read.
    pub more_threads: bool,
    /// Its epoll sets.
    pub epolls: Vec<EpollEvidence>,
    /// Descriptors of io_uring instances, each with the sockets that are registered with it.
    pub rings: Vec<(u32, Vec<Inode>)>,
    /// Unix sockets in whose unread messages descriptors wait for this process: the socket's descriptor, and
    /// how many (`scm_fds` of /proc/PID/fdinfo, `unix_show_fdinfo`; since Linux 5.6).
    pub channels: Vec<(u32, u32)>,
    /// How long before the sample it was read what is in `epolls` and `rings`: 0, unless that is so much
    /// that reading it each time would cost too much.
    pub descriptors_age: Duration,
    /// How long before the sample sets and rings were looked for: newer ones can be missing. 0, unless the
    /// process has very many descriptors.
    pub listed_age: Duration,
    /// Children of it that have ended and that it has not waited for. On a host with very many processes
    /// they were looked for a little earlier.
    pub dead_children: Vec<u32>,
    /// How much of its memory is swapped out (`VmSwap` of /proc/PID/status), in bytes.
    pub swapped: Option<u64>,
    /// What could not be read, and what would show it.
    pub missing: Vec<UnreadablePart>,
}

impl ProcessEvidence {
    /// Descriptors that threads wait to write to, in an epoll set or in select. In select it is the highest
    /// one that it is about, which may be waited for otherwise, unless it can only be written to.
    pub fn polled_to_write(&self) -> Vec<u32> {
        let mut polled: Vec<u32> = Vec::new();
        for call in self.threads.iter().filter_map(|thread| thread.syscall) {
            match call.on() {
                Some((Call::EpollWait, set)) => {
                    let sets = self.epolls.iter().filter(|epoll| epoll.fd == set);
                    let interests = sets.flat_map(|epoll| &epoll.interests);
                    polled.extend(interests.filter(|it| it.waits_to_write()).map(|it| it.fd));
                }
                _ => polled.extend(call.highest_selected()),
            }
        }
        polled
    }
}

/// How many threads of a process are looked at.
pub const MOST_THREADS: usize = 512;

/// Something that could not be read of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum UnreadablePart {
    /// It was asked, and did not answer in time: who reads its files waits.
    NoAnswer,
    /// Threads, or what they are blocked in (/proc/PID/task/TID/{stat,wchan,syscall}): root, or
    /// CAP_SYS_PTRACE.
    Threads,
    /// Descriptors (/proc/PID/fd, fdinfo): root, or CAP_SYS_PTRACE.
    Descriptors,
    /// Its cgroup's files: outside of what is mounted here, or not readable.
    Cgroup,
    /// It has ended, or /proc hides it (hidepid).
    Process,
    /// It has more threads than are looked at ([`MOST_THREADS`], or fewer where many processes have many).
    MoreThreads,
    /// Nobody has looked at this process, or not closely.
    NotLookedAt,
}

/// A thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadEvidence {
    /// Its id.
    pub tid: u32,
    /// Its name.
    pub comm: Option<Vec<u8>>,
    /// Its state: `R`, `S`, `D`, `T`, `t`, ...
    pub state: Option<u8>,
    /// The kernel function that it sleeps in (/proc/PID/task/TID/wchan).
    pub wchan: Option<Vec<u8>>,
    /// The system call that it is in (/proc/PID/task/TID/syscall).
    pub syscall: Option<Syscall>,
    /// What the descriptor refers to that it is in that call on (/proc/PID/fd/N): `socket:[4711]`,
    /// `pipe:[4712]`, or a path. `None` where the call has none.
    pub target: Option<Vec<u8>>,
    /// The mount that `target` lies on, where that is a file and the thread waits for its file system: it
    /// cannot be interrupted, or sleeps where FUSE waits for its server.
    pub mount: Option<Mount>,
    /// Processor time so far, in clock ticks (`utime` and `stime`).
    pub ticks: Option<u64>,
    /// Pages that it had to wait for so far, since they were in no memory (`maj_flt`): a count.
    pub major_faults: Option<u64>,
    /// How long after the sample began the next three were read.
    pub read_after: Duration,
    /// How long it ran so far (the first number of /proc/PID/task/TID/schedstat, `sum_exec_runtime`).
    pub ran: Option<Duration>,
    /// How long it waited for a processor so far, ready to run (the second number, `sched_info.run_delay`).
    pub waited: Option<Duration>,
    /// How often it was put on a processor so far (the third number, `sched_info.pcount`;
    /// anybody may read that file): a count. A thread that sleeps in two samples with the
    /// same count has not run in between. `None` where the kernel does not count (no CONFIG_SCHED_INFO).
    pub runs: Option<u64>,
}

/// What /proc/PID/task/TID/syscall says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syscall {
    /// It runs, on a processor or waiting for one.
    Running,
    /// It is blocked, and in no system call.
    None,
    /// It is blocked in this one.
    In {
        /// What it does, where that matters here.
        call: Call,
        /// Its number on this architecture.
        number: u64,
        /// Its arguments.
        arguments: [u64; 6],
    },
}

/// No program has more descriptors in a set of select; below this nothing is mapped (`vm.mmap_min_addr`).
const MOST_SELECTED: u64 = 4096;

impl Syscall {
    /// The call, and the descriptor that it is made on.
    pub fn on(self) -> Option<(Call, u32)> {
        let Syscall::In { call, arguments: [first, ..], .. } = self else { return None };
        let takes_one = matches!(
            call,
            Call::Read | Call::Write | Call::EpollWait | Call::Accept | Call::Connect | Call::File
        );
        // An int: the upper half of the register is anything.
        let fd = u32::try_from(first & u64::from(u32::MAX)).ok()?;
        takes_one.then_some((call, fd))
    }

    /// The highest descriptor that select waits for. The first argument of poll is an address.
    pub fn highest_selected(self) -> Option<u32> {
        let Syscall::In { call: Call::Poll, arguments: [number @ 1..=MOST_SELECTED, ..], .. } = self else {
            return None;
        };
        u32::try_from(number - 1).ok()
    }
}

/// System calls that tell something about reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// read, readv, recvfrom, recvmsg, ...: the first argument is a descriptor.
    Read,
    /// write, writev, sendto, sendmsg, sendfile, ...: the first argument is a descriptor.
    Write,
    /// epoll_wait and its kin: the first argument is the epoll set.
    EpollWait,
    /// poll, select and their kin.
    Poll,
    /// accept: the first argument is the listener.
    Accept,
    /// connect: the first argument is a descriptor.
    Connect,
    /// fsync, fstat, getdents, ftruncate, ...: the first argument is the descriptor of a file.
    File,
    /// futex: waits for another thread.
    Futex,
    /// nanosleep and its kin.
    Sleep,
    /// wait4, waitid: waits for a child.
    Wait,
    /// Waits for a signal.
    Signal,
    /// Another.
    Other,
}

/// A mount of a file system (/proc/PID/mountinfo).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted, as its process sees it.
    pub point: Vec<u8>,
    /// The type of the file system: `nfs4`, `fuse.sshfs`.
    pub kind: Vec<u8>,
    /// What is mounted: a device, `server:/path`.
    pub source: Vec<u8>,
}

/// How a cgroup ran out of CPU quota, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Throttling {
    /// `nr_periods`: a count.
    pub periods: u64,
    /// `nr_throttled`: in how many of these it ran out: a count.
    pub throttled: u64,
    /// `throttled_usec` (version 1: `throttled_time`).
    pub time: Duration,
}

/// A cgroup whose CPU time is limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quota {
    /// Its path below the root of its hierarchy, as /proc/PID/cgroup has it.
    pub cgroup: Vec<u8>,
    /// How it ran out so far.
    pub throttling: Throttling,
}

/// An epoll set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EpollEvidence {
    /// Its descriptor.
    pub fd: u32,
    /// What it waits for, as far as that is a socket of the sample, another epoll set, or a pipe that is to
    /// be written to.
    pub interests: Vec<Interest>,
}

/// A descriptor in an epoll set (`tfd:` in the set's /proc/PID/fdinfo).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// The descriptor under which it was added.
    pub fd: u32,
    /// Its events, with the flags of how they are told (sys/epoll.h).
    pub events: u32,
    /// The inode that it refers to.
    pub inode: Option<u64>,
}

impl Interest {
    /// `EPOLLIN`.
    pub const IN: u32 = 1;
    /// `EPOLLRDNORM`: the same under another name.
    pub const RDNORM: u32 = 1 << 6;
    /// `EPOLLOUT`.
    pub const OUT: u32 = 1 << 2;
    /// `EPOLLET`.
    pub const EDGE: u32 = 1 << 31;
    /// `EPOLLONESHOT`.
    pub const ONESHOT: u32 = 1 << 30;
    /// What is left of the events when a one-shot interest has been told (`EP_PRIVATE_BITS`: EPOLLWAKEUP,
    /// EPOLLONESHOT, EPOLLET, EPOLLEXCLUSIVE). Whoever asks for no event at all still has EPOLLERR and
    /// EPOLLHUP, which `do_epoll_ctl` adds.
    pub const PRIVATE: u32 = 0b1111 << 28;

    /// Whether whoever sleeps in the set knows thereby that this cannot be written to: it would be told at
    /// once, each time.
    pub fn waits_to_write(&self) -> bool {
        self.events & Interest::OUT != 0 && self.events & Interest::EDGE == 0
    }
}
