//! Finds what is no socket and keeps threads from writing, and looks at those who should read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::host::Host;
use crate::host::file::try_read;
use crate::model::holder::Holder;
use crate::procfs::fdinfo::OpenFile;
use crate::watch::evidence::conduit::Conduit;
use crate::watch::evidence::process::ProcessEvidence;
use crate::watch::sample::blocked_write;
use crate::watch::sample::blocked_write::{Blocked, Master};
use crate::watch::sample::conduit_ends::ConduitEnds;
use crate::watch::sample::mounts::Mounts;
use crate::watch::sample::process::ProcessReader;

/// How many conduits are followed in one sample.
const MOST: usize = 64;

/// How many descriptors of one are looked at.
const MOST_ENDS: usize = 256;

/// How many processes are looked at because they read one.
const MOST_READERS: usize = 64;

/// Finds the conduits that threads of `processes` are blocked in writing to, and from them on those that
/// their readers are, whom it looks at closely.
pub(crate) fn find(
    host: &dyn Host,
    now: Duration,
    ends: &mut ConduitEnds,
    look: &mut ProcessReader<'_>,
    processes: &mut BTreeMap<u32, ProcessEvidence>,
) -> Vec<Conduit> {
    let mut conduits: Vec<Conduit> = Vec::new();
    let mut todo: Vec<u32> = processes.values().filter(|it| it.closely).map(|it| it.pid).collect();
    let (mut seen, mut looks_left) = (FxHashSet::default(), MOST_READERS);
    while let Some(pid) = todo.pop() {
        let blocked = processes.get(&pid).map(|process| blocked(host, process)).unwrap_or_default();
        for Blocked { fd, link, in_pipe, polls } in blocked {
            let writer = Holder::new(pid, fd);
            if conduits.len() == MOST || conduits.iter().any(|conduit| conduit.writers.contains(&writer)) {
                continue;
            }
            let Some(kind) = blocked_write::kind(&link, in_pipe) else { continue };
            let Some(file) = open_file(host, writer) else { continue };
            // Who can read from it, too, may wait for that.
            if polls && file.access != (false, true) {
                continue;
            }
            ends.refresh(host, now);
            let mut conduit = Conduit::new(kind, link, file.inode);
            add_ends(host, ends, (writer, file), &mut conduit);
            conduit.inode.into_iter().for_each(|inode| look.add_inode(inode));
            let readers: BTreeSet<u32> = conduit.readers.iter().map(|reader| reader.pid).collect();
            for reader in readers.into_iter().take(looks_left) {
                looks_left -= 1;
                processes.insert(reader, look.closely(reader));
                if seen.insert(reader) {
                    todo.push(reader);
                }
            }
            conduits.push(conduit);
        }
    }
    conduits
}

/// The descriptors that threads are blocked in writing to, or sleep for in an epoll set or in select.
fn blocked(host: &dyn Host, process: &ProcessEvidence) -> Vec<Blocked> {
    let link = |fd: u32| host.read_link(Path::new(&format!("/proc/{}/fd/{fd}", process.pid))).ok();
    let polls = |fd: u32| blocked_write::until_writable(fd, link(fd)?);
    let polled = process.polled_to_write().into_iter().filter_map(polls);
    process.threads.iter().filter_map(blocked_write::in_write).chain(polled).collect()
}

/// Adds who has its ends: the writer itself, and all that are found.
fn add_ends(host: &dyn Host, ends: &ConduitEnds, (writer, file): (Holder, OpenFile), conduit: &mut Conduit) {
    if let Some(index) = blocked_write::terminal(&conduit.name) {
        conduit.writers.push(writer);
        (conduit.readers, conduit.inode) = blocked_write::nearest(masters(host, ends, writer, index));
        return;
    }
    let mut devices = Devices { host, of: FxHashMap::default() };
    for holder in ends.like(&conduit.name).iter().copied().take(MOST_ENDS) {
        let Some(other) = open_file(host, holder) else { continue };
        let mut device = |of: Holder, file: &OpenFile| devices.of(of.pid, file.mount);
        let same_device = || device(writer, &file) == device(holder, &other);
        if blocked_write::is_same(conduit.kind, &file, &other, same_device) {
            let (reads, writes) = other.access;
            conduit.readers.extend(reads.then_some(holder));
            conduit.writers.extend(writes.then_some(holder));
        }
    }
    // It may be newer than the list of all descriptors.
    if !conduit.writers.contains(&writer) {
        conduit.writers.push(writer);
    }
}

/// The masters of pseudo-terminals with this number.
fn masters(host: &dyn Host, ends: &ConduitEnds, writer: Holder, index: u32) -> Vec<Master> {
    let namespace = |pid: u32| host.read_link(Path::new(&format!("/proc/{pid}/ns/mnt"))).ok();
    let own = namespace(writer.pid);
    let all = blocked_write::MASTERS.iter().flat_map(|path| ends.like(path)).copied().take(MOST_ENDS);
    let master = |holder: Holder| {
        let file = open_file(host, holder).filter(|file| file.terminal == Some(index))?;
        let is_near = own.is_some() && namespace(holder.pid) == own;
        Some(Master { holder, inode: file.inode, is_near })
    };
    all.filter_map(master).collect()
}

fn open_file(host: &dyn Host, holder: Holder) -> Option<OpenFile> {
    let fdinfo = try_read(host, format!("/proc/{}/fdinfo/{}", holder.pid, holder.fd)).ok()?;
    OpenFile::parse(&fdinfo)
}

/// On which devices the mounts of processes are.
struct Devices<'h> {
    host: &'h dyn Host,
    of: FxHashMap<u32, Mounts>,
}

impl Devices<'_> {
    /// The device of a mount, as a process has mounts; `None` where nothing tells.
    fn of(&mut self, pid: u32, mount: Option<u32>) -> Option<Vec<u8>> {
        let host = self.host;
        let mounts = self.of.entry(pid).or_insert_with(|| Mounts::read(host, &format!("/proc/{pid}")));
        mounts.numbered(mount?).map(|mount| mount.device.to_vec())
    }
}
