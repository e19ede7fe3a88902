//! What a process has registered with epoll and io_uring.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::host::Host;
use crate::host::file::try_read;
use crate::model::socket::Inode;
use crate::procfs::fdinfo::{RingFiles, interests};
use crate::procfs::link::pipe_inode;
use crate::watch::evidence::process::{
    Call, EpollEvidence, Interest, ProcessEvidence, Syscall, UnreadablePart,
};
use crate::watch::sample::file::is_gone;
use crate::watch::sample::refusal::refused;
use crate::watch::sample::schedule::Schedule;

/// Listing descriptors takes no more than this part of the time, and reading what sets wait for neither.
const PART: u32 = 25;

/// What was found of each process. To list 50,000 descriptors takes a fifth of a second: too much for each
/// sample.
#[derive(Default)]
pub(crate) struct Registrations {
    of: BTreeMap<u32, KnownProcess>,
}

/// What is known of one process.
#[derive(Default)]
struct KnownProcess {
    start_time: Option<u64>,
    list: List,
    listed: Times,
    found: Registered,
    read: Times,
}

/// When something was done, and from when on it is done again.
#[derive(Default, Clone, Copy)]
struct Times {
    at: Duration,
    schedule: Schedule,
}

impl Times {
    fn run<T>(&mut self, now: Duration, parts: u32, work: impl FnOnce() -> T) -> T {
        self.at = now;
        self.schedule.run(now, parts, work)
    }
}

/// The descriptors that matter.
#[derive(Default)]
struct List {
    sets: Vec<u32>,
    rings: Vec<u32>,
    /// Pipes, with their inodes.
    pipes: FxHashMap<u32, u64>,
    refusal: Option<io::Error>,
}

/// What they are about, all of it.
#[derive(Default)]
struct Registered {
    epolls: Vec<EpollEvidence>,
    rings: Vec<(u32, Vec<Inode>)>,
    refusal: Option<io::Error>,
}

impl Registrations {
    /// Adds them to a process, of `processes` that are looked at. Of epoll sets what is about one of
    /// `inodes` or another set.
    pub(crate) fn add(
        &mut self,
        host: &dyn Host,
        now: Duration,
        processes: usize,
        inodes: &FxHashSet<u64>,
        process: &mut ProcessEvidence,
    ) {
        let known = self.of.entry(process.pid).or_default();
        if known.start_time.is_none() || known.start_time != process.start_time {
            *known = KnownProcess { start_time: process.start_time, ..KnownProcess::default() };
        }
        let parts = PART.saturating_mul(u32::try_from(processes).unwrap_or(u32::MAX));
        known.refresh(host, now, parts, process);
        process.epolls = known.wanted(inodes);
        process.rings.clone_from(&known.found.rings);
        process.listed_age = now.saturating_sub(known.listed.at);
        process.descriptors_age = now.saturating_sub(known.read.at);
        for error in known.list.refusal.iter().chain(&known.found.refusal) {
            refused(process, error, UnreadablePart::Descriptors);
        }
    }

    /// Forgets all but these processes.
    pub(crate) fn forget_others(&mut self, processes: &BTreeMap<u32, ProcessEvidence>) {
        self.of.retain(|pid, _| processes.contains_key(pid));
    }
}

impl KnownProcess {
    /// Lists its descriptors and reads what they are about, as far as that is due.
    fn refresh(&mut self, host: &dyn Host, now: Duration, parts: u32, process: &ProcessEvidence) {
        let pid = process.pid;
        // A thread that waits in another set shows that there are new ones.
        if self.listed.schedule.is_due(now) || waits_elsewhere(process, &self.list.sets) {
            self.list = self.listed.run(now, parts, || list(host, pid));
            self.read.schedule.hurry(now);
        }
        if self.read.schedule.is_due(now) {
            self.found = self.read.run(now, parts, || read_all(host, pid, &self.list));
        }
    }

    /// Its epoll sets, with what is about one of these inodes, another set, or a pipe that is to be written to.
    /// What stands still now need not have done so when they were read.
    fn wanted(&self, inodes: &FxHashSet<u64>) -> Vec<EpollEvidence> {
        let is_wanted = |interest: &&Interest| {
            interest.inode.is_none_or(|inode| inodes.contains(&inode))
                || self.list.sets.contains(&interest.fd)
                || interest.waits_to_write() && interest.inode == self.list.pipes.get(&interest.fd).copied()
        };
        let wanted = |epoll: &EpollEvidence| EpollEvidence {
            fd: epoll.fd,
            interests: epoll.interests.iter().filter(is_wanted).copied().collect(),
        };
        self.found.epolls.iter().map(wanted).collect()
    }
}

fn waits_elsewhere(process: &ProcessEvidence, sets: &[u32]) -> bool {
    process.threads.iter().any(|thread| match thread.syscall {
        Some(Syscall::In { call: Call::EpollWait, arguments: [set, ..], .. }) => {
            !sets.iter().any(|known| u64::from(*known) == set)
        }
        _ => false,
    })
}

fn list(host: &dyn Host, pid: u32) -> List {
    let mut found = List::default();
    let listed = host.fd_links(pid, &mut |fd, target| match target {
        b"anon_inode:[eventpoll]" => found.sets.push(fd),
        b"anon_inode:[io_uring]" => found.rings.push(fd),
        pipe => found.pipes.extend(pipe_inode(pipe).map(|inode| (fd, inode))),
    });
    found.refusal = listed.err();
    found
}

fn read_all(host: &dyn Host, pid: u32, list: &List) -> Registered {
    let mut found = Registered::default();
    let mut info = |fd: u32| match try_read(host, format!("/proc/{pid}/fdinfo/{fd}")) {
        Ok(file) => Some(file),
        // It was closed meanwhile.
        Err(error) => {
            if !is_gone(&error) {
                found.refusal = Some(error);
            }
            None
        }
    };
    for fd in &list.sets {
        let Some(file) = info(*fd) else { continue };
        let interests = interests(&file).collect();
        found.epolls.push(EpollEvidence { fd: *fd, interests });
    }
    for fd in &list.rings {
        let Some(file) = info(*fd) else { continue };
        found.rings.push((*fd, RingFiles::parse(&file).sockets));
    }
    found
}
