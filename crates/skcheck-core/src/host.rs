//! The one seam to the system: all that skcheck reads goes through [`Host`].
//!
//! [`Live`] is the kernel that runs. Any other implementation works as well, so the whole library
//! runs over a recorded or a made-up host too.

mod live;

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::units::PageSize;

pub use live::{Live, SameFiles};

/// What skcheck reads of a system. Nothing here interprets, nothing here changes the host.
///
/// Paths are absolute, as the running kernel has them (`/proc/...`). Errors are the system's own:
/// callers tell "not there" from "not allowed" by their kind.
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

    /// Reads a whole file into `into`, replacing what it held.
    ///
    /// # Errors
    /// The system's own.
    fn read(&self, path: &Path, into: &mut Vec<u8>) -> io::Result<()>;

    /// Reads a piece of a file, from `offset` on: as much as there is and `into` has room for, and perhaps
    /// less. How many bytes; 0 at the end.
    ///
    /// # Errors
    /// The system's own.
    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Reads a whole file, but waits no longer than `patience`: /proc/PID/cmdline hangs as long
    /// as the process's memory is locked.
    ///
    /// # Errors
    /// The system's own; `TimedOut` when the file did not come in time.
    fn read_within(&self, path: &Path, patience: Duration) -> io::Result<Vec<u8>>;

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

/// A file that stands for a network namespace: /proc/PID/ns/net, a bind mount, or a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetnsFile {
    /// A process's root (/proc/PID/root) that `path` lies below: its owner may put anything there, so
    /// no symbolic link is followed on the way. `None` where `path` is absolute.
    pub root: Option<PathBuf>,
    /// Where it is.
    pub path: PathBuf,
    /// The namespace's inode number that it must have; another means that it has been replaced.
    pub inode: u64,
}

/// A decimal number, as /proc spells process ids, descriptors and inodes.
pub(crate) fn parse_number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number.checked_mul(10)?.checked_add(u32::from(digit)))?
    })
}
