//! What a process has registered with epoll and io_uring.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::host::Host;
use crate::model::socket::Inode;
use crate::procfs::fdinfo::{RingFiles, interests};
use crate::procfs::link::pipe_inode;
use crate::watch::evidence::{Call, EpollEvidence, Interest, ProcessEvidence, Syscall, Unread};
use crate::watch::probe::drained::is_gone;
use crate::watch::probe::look::refused;
use crate::watch::probe::{again, read};

/// Listing descriptors takes no more than this part of the time, and reading what sets wait for neither.
const PART: u32 = 25;

/// What was found of each process. To list 50,000 descriptors takes a fifth of a second: too much for each
/// sample.
#[derive(Default)]
pub(super) struct Descriptors {
    of: BTreeMap<u32, Known>,
}

/// What is known of one process.
#[derive(Default)]
struct Known {
    start_time: Option<u64>,
    list: List,
    listed: Times,
    found: Found,
    read: Times,
}

/// When something was done, and from when on it is done again.
#[derive(Default, Clone, Copy)]
struct Times {
    at: Duration,
    again: Duration,
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
struct Found {
    epolls: Vec<EpollEvidence>,
    rings: Vec<(u32, Vec<Inode>)>,
    refusal: Option<io::Error>,
}

impl Descriptors {
    /// Adds them to a process, of `processes` that are looked at. Of epoll sets what is about one of
    /// `inodes` or another set.
    pub(super) fn add(
        &mut self,
        host: &dyn Host,
        now: Duration,
        processes: usize,
        inodes: &FxHashSet<u64>,
        process: &mut ProcessEvidence,
    ) {
        let pid = process.pid;
        let known = self.of.entry(pid).or_default();
        if known.start_time.is_none() || known.start_time != process.start_time {
            *known = Known { start_time: process.start_time, ..Known::default() };
        }
        let parts = PART.saturating_mul(u32::try_from(processes).unwrap_or(u32::MAX));
        let timed = |work: &mut dyn FnMut()| {
            let begun = Instant::now();
            work();
            Times { at: now, again: again(now, begun.elapsed(), parts) }
        };
        // A thread that waits in another set shows that there are new ones.
        if known.listed.again <= now || waits_elsewhere(process, &known.list.sets) {
            known.listed = timed(&mut || known.list = list(host, pid));
            known.read.again = now;
        }
        if known.read.again <= now {
            known.read = timed(&mut || known.found = read_all(host, pid, &known.list));
        }
        // What stands still now need not have done so when this was read.
        let is_wanted = |interest: &&Interest| {
            interest.inode.is_none_or(|inode| inodes.contains(&inode))
                || known.list.sets.contains(&interest.fd)
                || interest.waits_to_write() && interest.inode == known.list.pipes.get(&interest.fd).copied()
        };
        let wanted = |epoll: &EpollEvidence| EpollEvidence {
            fd: epoll.fd,
            interests: epoll.interests.iter().filter(is_wanted).copied().collect(),
        };
        process.epolls = known.found.epolls.iter().map(wanted).collect();
        process.rings.clone_from(&known.found.rings);
        process.listed_age = now.saturating_sub(known.listed.at);
        process.descriptors_age = now.saturating_sub(known.read.at);
        for error in known.list.refusal.iter().chain(&known.found.refusal) {
            refused(process, error, Unread::Descriptors);
        }
    }

    /// Forgets all but these processes.
    pub(super) fn forget_others(&mut self, processes: &BTreeMap<u32, ProcessEvidence>) {
        self.of.retain(|pid, _| processes.contains_key(pid));
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

fn read_all(host: &dyn Host, pid: u32, list: &List) -> Found {
    let mut found = Found::default();
    let mut info = |fd: u32| match read(host, &format!("/proc/{pid}/fdinfo/{fd}")) {
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
