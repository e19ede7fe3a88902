//! Finds what is no socket and keeps threads from writing, and looks at those who should read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::host::Host;
use crate::model::holder::Holder;
use crate::procfs::fdinfo::OpenFile;
use crate::procfs::mountinfo::numbered;
use crate::procfs::number::parse_number;
use crate::watch::conduit::{Conduit, ConduitKind};
use crate::watch::evidence::{Call, ProcessEvidence, ThreadEvidence};
use crate::watch::probe::ends::Ends;
use crate::watch::probe::look::Look;
use crate::watch::probe::read;

/// How many conduits are followed in one sample.
const MOST: usize = 64;

/// How many descriptors of one are looked at.
const MOST_ENDS: usize = 256;

/// How many processes are looked at because they read one.
const MOST_READERS: usize = 64;

/// The paths of the master of a pseudo-terminal.
const MASTERS: [&[u8]; 2] = [b"/dev/ptmx", b"/dev/pts/ptmx"];

/// Finds the conduits that threads of `processes` are blocked in writing to, and from them on those that
/// their readers are, whom it looks at closely.
pub(super) fn find(
    host: &dyn Host,
    now: Duration,
    ends: &mut Ends,
    look: &mut Look<'_>,
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
            let Some((mut conduit, file)) = what(host, writer, link, in_pipe) else { continue };
            // Who can read from it, too, may wait for that.
            if polls && file.access != (false, true) {
                continue;
            }
            ends.refresh(host, now);
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

/// A descriptor that a process waits to write to.
struct Blocked {
    fd: u32,
    /// What it refers to.
    link: Vec<u8>,
    /// The kernel says that it is a pipe: a thread sleeps in its writing.
    in_pipe: bool,
    /// No thread is in a write: one waits until it can.
    polls: bool,
}

/// The descriptors that threads are blocked in writing to, or sleep for in an epoll set or in select.
fn blocked(host: &dyn Host, process: &ProcessEvidence) -> Vec<Blocked> {
    let writes = |thread: &ThreadEvidence| {
        let (_, fd) = thread.syscall?.on().filter(|(call, _)| *call == Call::Write)?;
        // `pipe_write`; since Linux 6.15 `anon_pipe_write` and `fifo_pipe_write`.
        let in_pipe = thread.wchan.as_deref().is_some_and(|wchan| wchan.ends_with(b"pipe_write"));
        Some(Blocked { fd, link: thread.target.clone()?, in_pipe, polls: false })
    };
    let link = |fd: u32| host.read_link(Path::new(&format!("/proc/{}/fd/{fd}", process.pid))).ok();
    let polls = |fd: u32| {
        let link = link(fd).filter(|link| link.starts_with(b"pipe:["))?;
        Some(Blocked { fd, link, in_pipe: false, polls: true })
    };
    let writing = process.threads.iter().filter_map(writes);
    writing.chain(process.polled_to_write().into_iter().filter_map(polls)).collect()
}

/// What a process waits to write to, where that is a conduit, and what is told of its descriptor.
fn what(host: &dyn Host, writer: Holder, link: Vec<u8>, in_pipe: bool) -> Option<(Conduit, OpenFile)> {
    let kind = if link.starts_with(b"pipe:[") {
        ConduitKind::Pipe
    } else if terminal(&link).is_some() {
        ConduitKind::Terminal
    } else if link.starts_with(b"/") && in_pipe {
        ConduitKind::Fifo
    } else {
        return None;
    };
    let file = open_file(host, writer)?;
    Some((Conduit::new(kind, link, file.inode), file))
}

/// Adds who has its ends: the writer itself, and all that are found.
fn add_ends(host: &dyn Host, ends: &Ends, (writer, file): (Holder, OpenFile), conduit: &mut Conduit) {
    if let Some(index) = terminal(&conduit.name) {
        conduit.writers.push(writer);
        (conduit.readers, conduit.inode) = masters(host, ends, writer, index);
        return;
    }
    let mut devices = Devices { host, of: FxHashMap::default() };
    for holder in ends.like(&conduit.name).iter().copied().take(MOST_ENDS) {
        let Some(other) = open_file(host, holder) else { continue };
        // Pipes without a name have numbers of their own, each path names another file in another place.
        let is_same = other.inode == file.inode
            && (conduit.kind == ConduitKind::Pipe
                || devices.of(writer.pid, file.mount) == devices.of(holder.pid, other.mount));
        let (reads, writes) = if is_same { other.access } else { (false, false) };
        conduit.readers.extend(reads.then_some(holder));
        conduit.writers.extend(writes.then_some(holder));
    }
    // It may be newer than the list of all descriptors.
    if !conduit.writers.contains(&writer) {
        conduit.writers.push(writer);
    }
}

/// The masters of a pseudo-terminal, and their inode. Each container may have one with the same number: those
/// of the writer's own mount namespace are it; where it has none, those of the only other process.
fn masters(host: &dyn Host, ends: &Ends, writer: Holder, index: u32) -> (Vec<Holder>, Option<u64>) {
    let all = MASTERS.iter().flat_map(|path| ends.like(path)).copied().take(MOST_ENDS);
    let master = |holder: Holder| {
        let file = open_file(host, holder)?;
        (file.terminal == Some(index)).then_some((holder, file.inode))
    };
    let mut masters: Vec<(Holder, Option<u64>)> = all.filter_map(master).collect();
    let namespace = |pid: u32| host.read_link(Path::new(&format!("/proc/{pid}/ns/mnt"))).ok();
    let own = namespace(writer.pid);
    let is_near = |(holder, _): &(Holder, Option<u64>)| own.is_some() && namespace(holder.pid) == own;
    if masters.iter().any(is_near) {
        masters.retain(is_near);
    } else if masters.iter().any(|(holder, _)| Some(holder.pid) != masters.first().map(|it| it.0.pid)) {
        masters.clear();
    }
    let inode = masters.first().and_then(|(_, inode)| *inode);
    (masters.into_iter().map(|(holder, _)| holder).collect(), inode)
}

/// Which pseudo-terminal a path is the slave of.
fn terminal(path: &[u8]) -> Option<u32> {
    parse_number(path.strip_prefix(b"/dev/pts/")?)
}

fn open_file(host: &dyn Host, holder: Holder) -> Option<OpenFile> {
    let fdinfo = read(host, &format!("/proc/{}/fdinfo/{}", holder.pid, holder.fd)).ok()?;
    OpenFile::parse(&fdinfo)
}

/// On which devices the mounts of processes are.
struct Devices<'h> {
    host: &'h dyn Host,
    of: FxHashMap<u32, Vec<u8>>,
}

impl Devices<'_> {
    /// The device of a mount, as a process has mounts; `None` where nothing tells.
    fn of(&mut self, pid: u32, mount: Option<u32>) -> Option<Vec<u8>> {
        let host = self.host;
        let read = || read(host, &format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        numbered(self.of.entry(pid).or_insert_with(read), mount?).map(|mount| mount.device.to_vec())
    }
}
