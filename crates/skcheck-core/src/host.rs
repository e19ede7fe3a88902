//! The one seam to the system: all that skcheck reads goes through [`Host`].
//!
//! [`Live`] is the kernel that runs. Any other implementation works as well, so the whole library
//! runs over a recorded or a made-up host too.

pub mod budget;
pub(crate) mod file;
pub mod guarded;
pub(crate) mod live;
pub(crate) mod sight;
pub mod worker;

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::diag::decode::ends;
use crate::model::gap::Gap;
use crate::model::netns::NetnsFile;
use crate::model::units::PageSize;

pub use crate::host::budget::Budget;
pub use crate::host::guarded::Guarded;
pub use crate::host::guarded::answer::Answering;
pub use crate::host::live::{Live, SameFiles};
pub use crate::procfs::osrelease::is_release_at_least;

/// What skcheck reads of a system. Nothing here interprets, nothing here changes the host.
///
/// Paths are absolute, as the running kernel has them (`/proc/...`). Errors are the system's own: callers
/// tell "not there" from "not allowed" by their kind. `TimedOut` is an answer that did not come, from a host
/// that does not wait without end ([`Guarded`]); [`Host::unanswered`] says whose.
pub trait Host: Sync {
    /// Opens a conversation with NETLINK_SOCK_DIAG of one network namespace: the scanner's own for
    /// `None`. The scanner's own namespace does not change.
    ///
    /// # Errors
    /// `NotFound` when the namespace is gone, `PermissionDenied` when it may not be entered, and the
    /// socket's own.
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>>;

    /// Hands on every descriptor of a process with what /proc/PID/fd/N points to. Targets longer
    /// than 63 bytes are cut there. A descriptor that vanishes meanwhile is left out.
    ///
    /// # Errors
    /// `NotFound` or ESRCH when the process is gone, `PermissionDenied` when it may not be read.
    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()>;

    /// Whether a thread has the table of descriptors that its process has, and none of its own
    /// (`unshare(CLONE_FILES)`; `kcmp(KCMP_FILES)`).
    ///
    /// # Errors
    /// `Unsupported` where nothing tells; `PermissionDenied` when the process may not be read; `NotFound` or
    /// ESRCH when it is gone.
    fn shares_descriptors(&self, _pid: u32, _tid: u32) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Looks at these processes, one after the other, and hands on what is seen of each, with its id; the
    /// last of each is [`Sight::End`].
    fn look_at_each(&self, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) {
        for pid in pids {
            sight::look(self, *pid, at, &mut |sight| on_sight(*pid, sight));
        }
    }

    /// Whether /proc numbers processes as this process's own pid namespace does.
    fn shows_own_pids(&self) -> bool {
        true
    }

    /// Reads a file into `into`, replacing what it held; of one that is larger than `limit` bytes only so
    /// much.
    ///
    /// # Errors
    /// The system's own.
    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()>;

    /// Reads a whole file into `into`, replacing what it held. The largest files of a host are far from
    /// [`LARGEST_FILE`].
    ///
    /// # Errors
    /// The system's own.
    fn read(&self, path: &Path, into: &mut Vec<u8>) -> io::Result<()> {
        self.read_limited(path, LARGEST_FILE, into)
    }

    /// Reads files, of each at most `limit` bytes, and hands on each with its place in `paths`, in their
    /// order.
    fn read_each(&self, paths: &[PathBuf], limit: u64, on_file: &mut dyn FnMut(usize, io::Result<&[u8]>)) {
        let mut file = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            let read = self.read_limited(path, limit, &mut file);
            on_file(at, read.map(|()| &file[..]));
        }
    }

    /// Reads a piece of a file, from `offset` on: as much as there is and `into` has room for, and perhaps
    /// less. How many bytes; 0 at the end.
    ///
    /// # Errors
    /// The system's own.
    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Hands on the name of every entry of a directory.
    ///
    /// # Errors
    /// The system's own.
    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()>;

    /// Hands on every directory in a directory, with its inode number.
    ///
    /// # Errors
    /// The system's own.
    fn subdirectories(&self, path: &Path, on_directory: &mut dyn FnMut(&[u8], u64)) -> io::Result<()> {
        let mut names = Vec::new();
        self.read_dir(path, &mut |name| names.push(name.to_vec()))?;
        for name in names {
            let path = path.join(OsStr::from_bytes(&name));
            if self.read_dir(&path, &mut |_| {}).is_ok()
                && let Ok(inode) = self.inode(&path)
            {
                on_directory(&name, inode);
            }
        }
        Ok(())
    }

    /// What a symbolic link points to.
    ///
    /// # Errors
    /// The system's own.
    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The inode number of what a path leads to, following symbolic links.
    ///
    /// # Errors
    /// The system's own.
    fn inode(&self, path: &Path) -> io::Result<u64>;

    /// The value of an extended attribute, following symbolic links.
    ///
    /// # Errors
    /// The system's own.
    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>>;

    /// The name of a network interface of the scanner's namespace.
    ///
    /// # Errors
    /// The system's own; `NotFound` or ENXIO when there is none with this index.
    fn interface_name(&self, index: u32) -> io::Result<String>;

    /// The page size.
    fn page_size(&self) -> PageSize;

    /// The time of day.
    fn now(&self) -> SystemTime;

    /// Who has not answered so far, and what could not be asked for want of time.
    fn unanswered(&self) -> Vec<Gap> {
        Vec::new()
    }
}

/// A conversation with NETLINK_SOCK_DIAG of one network namespace.
pub trait Diag {
    /// Sends one message and hands every datagram of the answer to `on_datagram`, until that
    /// breaks. A datagram may hold several netlink messages.
    ///
    /// # Errors
    /// The socket's own, `TimedOut` when the kernel falls silent, and `InvalidData` when a datagram
    /// was larger than the buffer (its beginning has been handed on). After an error the rest of
    /// the answer may still arrive: open a new conversation.
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()>;

    /// Sends messages, and hands on every datagram of their answers with the place of its message. One that
    /// has no answer costs the others nothing.
    fn ask_each(&mut self, messages: &[Message], on_datagram: &mut dyn FnMut(usize, &[u8])) {
        for (at, message) in messages.iter().enumerate() {
            let _ = self.ask(&message.request, &mut |datagram| {
                on_datagram(at, datagram);
                if ends(&message.request, datagram) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
        }
    }

    /// The namespace's /proc/net/sockstat and /proc/net/sockstat6, one behind the other; empty
    /// where they cannot be read.
    fn sockstat(&self) -> &[u8];

    /// Another file of the namespace's /proc/net.
    ///
    /// # Errors
    /// The system's own; `Unsupported` where a host has no such files.
    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let _ = name;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The name of a network interface of the namespace.
    ///
    /// # Errors
    /// The system's own; `NotFound` or ENXIO when there is none with this index, `Unsupported` where a host
    /// does not know.
    fn interface_name(&self, index: u32) -> io::Result<String> {
        let _ = index;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The most bytes that are read of a file: all of /proc/net/tcp of a million sockets, and more than that.
pub const LARGEST_FILE: u64 = 1 << 28;

/// What is looked at of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looking {
    /// Every descriptor, with what it refers to. If not: only whether they may be read.
    pub descriptors: bool,
    /// The network namespaces of all its threads, and its mount namespace.
    pub namespaces: bool,
}

/// Something that is seen of a process. Links are as /proc has them: `socket:[4711]`, `net:[4026531840]`;
/// longer than 63 bytes they are cut there.
#[derive(Debug)]
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

/// A message to NETLINK_SOCK_DIAG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whom it is about, as a report names who does not answer.
    pub about: String,
    /// The process that it is about, where one is.
    pub pid: Option<u32>,
    /// The message.
    pub request: Vec<u8>,
}
