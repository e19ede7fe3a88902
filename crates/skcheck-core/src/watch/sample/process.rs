//! Looks at processes, one after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cgroup::mounts::HierarchyMounts;
use crate::host::Host;
use crate::host::file::try_read;
use crate::procfs::fdinfo::in_flight;
use crate::procfs::number::parse_number;
use crate::procfs::schedstat::Schedstat;
use crate::procfs::stat::Stat;
use crate::procfs::status::Status;
use crate::procfs::syscall::Machine;
use crate::procfs::wchan::wchan;
use crate::watch::evidence::process::{
    MOST_THREADS, ProcessEvidence, Syscall, ThreadEvidence, UnreadablePart,
};
use crate::watch::sample::cgroups::{CgroupState, Cgroups};
use crate::watch::sample::file::is_gone;
use crate::watch::sample::files::Files;
use crate::watch::sample::refusal::{miss, refused};
use crate::watch::sample::registrations::Registrations;

/// How many files of threads are read in one sample, at some ten microseconds each. Of a process with one
/// thread that one is always looked at.
const MOST_FILES: usize = 3072;

/// How many unix sockets of a process are asked for descriptors that wait in them.
const MOST_CHANNELS: usize = 8;

/// How many files there are of a thread: `stat` and `schedstat` for each, `wchan`, `syscall` and what that is
/// about for a close look.
const CLOSE: usize = 5;
const LIGHT: usize = 2;

/// What is kept of processes from sample to sample.
#[derive(Default)]
pub(crate) struct KeptOfProcesses {
    mounts: Option<HierarchyMounts>,
    registrations: Registrations,
}

impl KeptOfProcesses {
    /// Forgets all but these processes.
    pub(crate) fn forget_others(&mut self, processes: &BTreeMap<u32, ProcessEvidence>) {
        self.registrations.forget_others(processes);
    }
}

/// Looks at processes for one sample.
pub(crate) struct ProcessReader<'l> {
    host: &'l dyn Host,
    at: Duration,
    begun: Instant,
    kept: &'l mut KeptOfProcesses,
    /// The sockets that an epoll set may be about, and what else.
    inodes: FxHashSet<u64>,
    /// Unix sockets with unread messages, by process.
    unix: &'l FxHashMap<u32, Vec<u32>>,
    /// How many processes share what time there is for descriptors.
    processes: usize,
    groups: Cgroups,
    files_left: usize,
}

impl<'l> ProcessReader<'l> {
    /// For the sample that began then: since the watch did, and on the clock.
    pub(crate) fn new(
        host: &'l dyn Host,
        (at, begun): (Duration, Instant),
        kept: &'l mut KeptOfProcesses,
        inodes: FxHashSet<u64>,
        unix: &'l FxHashMap<u32, Vec<u32>>,
        processes: usize,
    ) -> ProcessReader<'l> {
        ProcessReader {
            host,
            at,
            begun,
            kept,
            inodes,
            unix,
            processes,
            groups: Cgroups::default(),
            files_left: MOST_FILES,
        }
    }

    /// From now on epoll sets may also be about this.
    pub(crate) fn add_inode(&mut self, inode: u64) {
        self.inodes.insert(inode);
    }

    /// Everything, but for the children that have ended.
    pub(crate) fn closely(&mut self, pid: u32) -> ProcessEvidence {
        let mut found = self.beginning(pid, CLOSE);
        found.closely = true;
        if found.start_time.is_none() {
            return found;
        }
        self.status(&mut found);
        self.what_threads_do(&mut found);
        let unix = self.unix.get(&pid).into_iter().flatten().take(MOST_CHANNELS);
        found.channels = unix.filter_map(|fd| Some((*fd, self.to_receive(pid, *fd)?))).collect();
        let share = self.processes;
        self.kept.registrations.add(self.host, self.at, share, &self.inodes, &mut found);
        found
    }

    /// Who traces it, and how much of it is swapped out.
    fn status(&self, found: &mut ProcessEvidence) {
        match try_read(self.host, format!("/proc/{}/status", found.pid)) {
            Ok(file) => {
                let status = Status::parse(&file);
                found.tracer = status.and_then(|status| status.tracer).map(|tid| self.process_of(tid));
                found.swapped = status.and_then(|status| status.swapped);
            }
            Err(error) if is_gone(&error) => {}
            Err(error) => refused(found, &error, UnreadablePart::Threads),
        }
    }

    /// In which calls its threads are, and on what.
    fn what_threads_do(&self, found: &mut ProcessEvidence) {
        let mut threads = std::mem::take(&mut found.threads);
        let mut files = Files::default();
        for thread in &mut threads {
            let directory = format!("/proc/{}/task/{}", found.pid, thread.tid);
            let file = try_read(self.host, format!("{directory}/wchan"));
            thread.wchan = file.ok().and_then(|file| wchan(&file));
            match try_read(self.host, format!("{directory}/syscall")) {
                Ok(file) => thread.syscall = Syscall::parse(&file, Machine::THIS),
                // The thread has ended; or the kernel has no such file.
                Err(error) if is_gone(&error) && self.stat(&directory).is_none() => {}
                Err(error) => refused(found, &error, UnreadablePart::Threads),
            }
            if let Some((_, fd)) = thread.syscall.and_then(Syscall::on) {
                let link = format!("{directory}/fd/{fd}");
                thread.target = self.host.read_link(Path::new(&link)).ok();
                thread.mount = files.mount(self.host, &directory, thread);
            }
        }
        found.threads = threads;
    }

    /// What a later sample has to compare with.
    pub(crate) fn lightly(&mut self, pid: u32) -> ProcessEvidence {
        self.beginning(pid, LIGHT)
    }

    /// What is looked for in either case.
    fn beginning(&mut self, pid: u32, files: usize) -> ProcessEvidence {
        let mut found = ProcessEvidence { pid, ..ProcessEvidence::default() };
        let directory = format!("/proc/{pid}");
        let stat = match try_read(self.host, format!("{directory}/stat")) {
            Ok(file) => Stat::parse(&file),
            Err(error) => {
                refused(&mut found, &error, UnreadablePart::Process);
                None
            }
        };
        let Some(stat) = stat else {
            if found.missing.is_empty() {
                miss(&mut found, UnreadablePart::Process);
            }
            return found;
        };
        found.start_time = Some(stat.start_time);
        found.parent = Some(stat.parent).filter(|parent| *parent != 0);
        found.state = Some(stat.state);
        found.comm = Some(stat.comm.clone());
        if stat.threads == 1 {
            found.threads.push(self.thread(&format!("{directory}/task/{pid}"), pid, stat));
        } else {
            self.threads(&mut found, files);
        }
        self.group(&mut found);
        found
    }

    fn threads(&mut self, found: &mut ProcessEvidence, files: usize) {
        let most = (self.files_left / files.max(1)).clamp(1, MOST_THREADS);
        let mut tids = Vec::new();
        let tasks = format!("/proc/{}/task", found.pid);
        let listed = self.host.read_dir(Path::new(&tasks), &mut |name| match parse_number(name) {
            Some(tid) if tids.len() < most => tids.push(tid),
            _ => found.more_threads = true,
        });
        if let Err(error) = listed {
            refused(found, &error, UnreadablePart::Threads);
        }
        self.files_left = self.files_left.saturating_sub(tids.len().saturating_mul(files));
        for tid in tids {
            // One that has ended meanwhile is none.
            let directory = format!("{tasks}/{tid}");
            let stat = self.stat(&directory);
            found.threads.extend(stat.map(|stat| self.thread(&directory, tid, stat)));
        }
    }

    /// Whether its cgroup keeps it from running.
    fn group(&mut self, found: &mut ProcessEvidence) {
        let file = try_read(self.host, format!("/proc/{}/cgroup", found.pid));
        let Ok(file) = file else { return miss(found, UnreadablePart::Cgroup) };
        let CgroupState { frozen, frozen_path, quotas, is_whole } =
            self.groups.of(self.host, &mut self.kept.mounts, &file).clone();
        if !is_whole {
            miss(found, UnreadablePart::Cgroup);
        }
        (found.frozen, found.cgroup, found.quotas) = (frozen, frozen_path, quotas);
    }

    /// The process of a thread; the thread's own id where that cannot be told.
    fn process_of(&self, tid: u32) -> u32 {
        let status = try_read(self.host, format!("/proc/{tid}/status"));
        status.ok().and_then(|status| Status::parse(&status)).map_or(tid, |status| status.process)
    }

    /// How many descriptors it has to receive there; `None` where it has none.
    fn to_receive(&self, pid: u32, fd: u32) -> Option<u32> {
        let file = try_read(self.host, format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
        in_flight(&file).filter(|descriptors| *descriptors > 0)
    }

    fn thread(&self, directory: &str, tid: u32, stat: Stat) -> ThreadEvidence {
        let path = format!("{directory}/schedstat");
        let read_after = self.begun.elapsed();
        let turns = try_read(self.host, &path).ok().and_then(|file| Schedstat::parse(&file));
        ThreadEvidence {
            tid,
            comm: Some(stat.comm),
            state: Some(stat.state),
            ticks: Some(stat.ticks),
            major_faults: Some(stat.major_faults),
            read_after,
            ran: turns.map(|turns| turns.ran),
            waited: turns.map(|turns| turns.waited),
            runs: turns.map(|turns| turns.runs),
            ..ThreadEvidence::default()
        }
    }

    fn stat(&self, directory: &str) -> Option<Stat> {
        try_read(self.host, format!("{directory}/stat")).ok().and_then(|file| Stat::parse(&file))
    }
}
