//! What is no socket, and carries bytes from one process to another all the same.

use std::hash::Hash;

use crate::model::holder::Holder;

/// A pipe, a FIFO or a terminal that a thread is blocked in writing to, and who has its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conduit {
    /// What it is.
    pub kind: ConduitKind,
    /// What /proc/PID/fd/N of a writer points to: `pipe:[4711]`, or a path.
    pub name: Vec<u8>,
    /// The number of the inode that its readers read from (`ino:` in /proc/PID/fdinfo, since Linux 5.14);
    /// `None` where that is not told.
    pub inode: Option<u64>,
    /// Descriptors that can write to it.
    pub writers: Vec<Holder>,
    /// Descriptors that can read from it. Empty: whoever has them was not seen, for the kernel lets nobody
    /// wait for a reader that does not exist.
    pub readers: Vec<Holder>,
}

impl Conduit {
    /// One whose ends nobody has yet.
    pub(crate) fn new(kind: ConduitKind, name: Vec<u8>, inode: Option<u64>) -> Conduit {
        Conduit { kind, name, inode, writers: Vec::new(), readers: Vec::new() }
    }
}

/// What a conduit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConduitKind {
    /// A pipe without a name (pipe(2)).
    Pipe,
    /// A pipe that a path leads to (mkfifo(3)).
    Fifo,
    /// A pseudo-terminal, written to at its slave (/dev/pts/N); its master is the reading end.
    Terminal,
}

impl ConduitKind {
    /// `pipe`, `fifo` or `terminal`.
    pub fn name(self) -> &'static str {
        match self {
            ConduitKind::Pipe => "pipe",
            ConduitKind::Fifo => "fifo",
            ConduitKind::Terminal => "terminal",
        }
    }
}
