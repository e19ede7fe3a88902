//! What a process was doing when a sample was taken, as plain data: numbers and states of /proc, nothing
//! interpreted. What could not be read is `None`, with the reason in `missing`.

use std::time::Duration;

use crate::model::socket::Inode;

pub use crate::procfs::cpu_stat::Throttling;
pub use crate::procfs::fdinfo::Interest;
pub use crate::procfs::syscall::{Call, Syscall};

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
    pub(crate) fn polled_to_write(&self) -> Vec<u32> {
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

/// A cgroup whose CPU time is limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
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
