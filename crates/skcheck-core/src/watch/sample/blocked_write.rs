//! What it is that keeps a thread from writing, where that is no socket, and which descriptors are its ends.
//! Pure.

use crate::model::holder::Holder;
use crate::procfs::fdinfo::OpenFile;
use crate::procfs::number::parse_number;
use crate::watch::evidence::conduit::ConduitKind;
use crate::watch::evidence::process::{Call, ThreadEvidence};

/// The paths of the master of a pseudo-terminal.
pub(crate) const MASTERS: [&[u8]; 2] = [b"/dev/ptmx", b"/dev/pts/ptmx"];

/// A descriptor that a process waits to write to.
pub(crate) struct Blocked {
    pub(crate) fd: u32,
    /// What it refers to.
    pub(crate) link: Vec<u8>,
    /// The kernel says that it is a pipe: a thread sleeps in its writing.
    pub(crate) in_pipe: bool,
    /// No thread is in a write: one waits until it can.
    pub(crate) polls: bool,
}

/// What a thread is in a call of writing to.
pub(crate) fn in_write(thread: &ThreadEvidence) -> Option<Blocked> {
    let (_, fd) = thread.syscall?.on().filter(|(call, _)| *call == Call::Write)?;
    // `pipe_write`; since Linux 6.15 `anon_pipe_write` and `fifo_pipe_write`.
    let in_pipe = thread.wchan.as_deref().is_some_and(|wchan| wchan.ends_with(b"pipe_write"));
    Some(Blocked { fd, link: thread.target.clone()?, in_pipe, polls: false })
}

/// What a thread sleeps for until it can be written to.
pub(crate) fn until_writable(fd: u32, link: Vec<u8>) -> Option<Blocked> {
    link.starts_with(b"pipe:[").then_some(Blocked { fd, link, in_pipe: false, polls: true })
}

/// What kind of conduit a descriptor refers to that a process waits to write to; `None` for anything else.
pub(crate) fn kind(link: &[u8], in_pipe: bool) -> Option<ConduitKind> {
    if link.starts_with(b"pipe:[") {
        Some(ConduitKind::Pipe)
    } else if terminal(link).is_some() {
        Some(ConduitKind::Terminal)
    } else {
        (link.starts_with(b"/") && in_pipe).then_some(ConduitKind::Fifo)
    }
}

/// Which pseudo-terminal a path is the slave of.
pub(crate) fn terminal(path: &[u8]) -> Option<u32> {
    parse_number(path.strip_prefix(b"/dev/pts/")?)
}

/// Whether two descriptors are of one pipe. Pipes without a name have numbers of their own, each path names
/// another file in another place: on another device.
pub(crate) fn is_same(
    kind: ConduitKind,
    one: &OpenFile,
    other: &OpenFile,
    same_device: impl FnOnce() -> bool,
) -> bool {
    one.inode == other.inode && (kind == ConduitKind::Pipe || same_device())
}

/// A descriptor of the master of a pseudo-terminal.
pub(crate) struct Master {
    pub(crate) holder: Holder,
    pub(crate) inode: Option<u64>,
    /// It is in the mount namespace of the slave's writer.
    pub(crate) is_near: bool,
}

/// Of the masters with one number those of a slave, and their inode. Each container may have one with the
/// same number: those of the writer's own mount namespace are it; where it has none, those of the only other
/// process.
pub(crate) fn nearest(mut masters: Vec<Master>) -> (Vec<Holder>, Option<u64>) {
    let first = masters.first().map(|master| master.holder.pid);
    if masters.iter().any(|master| master.is_near) {
        masters.retain(|master| master.is_near);
    } else if masters.iter().any(|master| Some(master.holder.pid) != first) {
        masters.clear();
    }
    let inode = masters.first().and_then(|master| master.inode);
    (masters.into_iter().map(|master| master.holder).collect(), inode)
}
