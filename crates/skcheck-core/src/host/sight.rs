//! What is seen of a process.

use std::io;

/// What is looked at of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Looking {
    /// Every descriptor, with what it refers to. If not: only whether they may be read.
    pub descriptors: bool,
    /// The network namespaces of all its threads, and its mount namespace.
    pub namespaces: bool,
}

/// Something that is seen of a process. Links are as /proc has them: `socket:[4711]`, `net:[4026531840]`;
/// longer than 63 bytes they are cut there.
#[derive(Debug)]
#[non_exhaustive]
pub enum Sight<'a> {
    /// A descriptor of the process.
    Descriptor {
        /// The thread that shows it: the main one; another, where that has ended.
        task: u32,
        /// Its number.
        fd: u32,
        /// What it refers to.
        target: &'a [u8],
    },
    /// Its network namespace.
    Netns {
        /// The thread that shows it, as above.
        task: u32,
        /// The link.
        target: &'a [u8],
    },
    /// The network namespace of another of its threads.
    ThreadNetns {
        /// The thread.
        tid: u32,
        /// The link.
        target: &'a [u8],
    },
    /// Its mount namespace.
    MountNamespace(&'a [u8]),
    /// That was all of this process, and so reading its descriptors went: `NotFound` or ESRCH when it is
    /// gone, `PermissionDenied` when they may not be read, `TimedOut` when it did not answer.
    End(io::Result<()>),
}
