//! What a process has registered with epoll and io_uring.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use crate::host::Host;
use crate::socket::Inode;
use crate::watch::evidence::{EpollEvidence, ProcessEvidence, Unread};
use crate::watch::parse;
use crate::watch::probe::drained::is_gone;
use crate::watch::probe::{again, read};

/// Looking at descriptors takes no more than this part of the time.
const PART: u32 = 25;

/// What was found of each process. A process with 50,000 descriptors takes a fifth of a second: too much for
/// each sample.
#[derive(Default)]
pub(super) struct Descriptors {
    of: BTreeMap<u32, Found>,
}

struct Found {
    start_time: Option<u64>,
    at: Duration,
    again: Duration,
    epolls: Vec<EpollEvidence>,
    rings: Vec<(u32, Vec<Inode>)>,
    is_whole: bool,
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
        let known = self.of.get(&process.pid).filter(|known| {
            known.again > now && known.start_time.is_some() && known.start_time == process.start_time
        });
        if known.is_none() {
            let begun = Instant::now();
            let mut found = look(host, process.pid, inodes);
            (found.start_time, found.at) = (process.start_time, now);
            let processes = u32::try_from(processes).unwrap_or(u32::MAX);
            found.again = again(now, begun.elapsed(), PART.saturating_mul(processes));
            self.of.insert(process.pid, found);
        }
        let Some(found) = self.of.get(&process.pid) else { return };
        process.epolls.clone_from(&found.epolls);
        process.rings.clone_from(&found.rings);
        process.descriptors_age = now.saturating_sub(found.at);
        if !found.is_whole && !process.missing.contains(&Unread::Descriptors) {
            process.missing.push(Unread::Descriptors);
        }
    }

    /// Forgets all but these processes.
    pub(super) fn forget_others(&mut self, processes: &BTreeMap<u32, ProcessEvidence>) {
        self.of.retain(|pid, _| processes.contains_key(pid));
    }
}

fn look(host: &dyn Host, pid: u32, inodes: &FxHashSet<u64>) -> Found {
    let (mut sets, mut rings) = (Vec::new(), Vec::new());
    let listed = host.fd_links(pid, &mut |fd, target| match target {
        b"anon_inode:[eventpoll]" => sets.push(fd),
        b"anon_inode:[io_uring]" => rings.push(fd),
        _ => {}
    });
    let mut found = Found {
        start_time: None,
        at: Duration::ZERO,
        again: Duration::ZERO,
        epolls: Vec::new(),
        rings: Vec::new(),
        is_whole: listed.is_ok(),
    };
    let mut info = |fd: u32| match read(host, &format!("/proc/{pid}/fdinfo/{fd}")) {
        Ok(file) => Some(file),
        // It was closed meanwhile.
        Err(error) => {
            found.is_whole &= is_gone(&error);
            None
        }
    };
    for fd in &sets {
        let Some(file) = info(*fd) else { continue };
        let is_wanted = |inode: u64| inodes.contains(&inode);
        let interests = parse::interests(&file)
            .filter(|interest| interest.inode.is_none_or(is_wanted) || sets.contains(&interest.fd));
        found.epolls.push(EpollEvidence { fd: *fd, interests: interests.collect() });
    }
    for fd in rings {
        let Some(file) = info(fd) else { continue };
        found.rings.push((fd, parse::ring_files(&file).collect()));
    }
    found
}
