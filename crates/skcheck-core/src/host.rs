//! The one seam to the system: all that skcheck reads goes through [`Host`].
//!
//! [`Live`] is the kernel that runs. Any other implementation works as well, so the whole library
//! runs over a recorded or a made-up host too.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags, RawDir};

use crate::diag::transport::DiagSocket;
use crate::units::PageSize;

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

    /// Reads a whole file into `into`, replacing what it held.
    ///
    /// # Errors
    /// The system's own.
    fn read(&self, path: &Path, into: &mut Vec<u8>) -> io::Result<()>;

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
}

/// A file that stands for a network namespace: /proc/PID/ns/net, a bind mount, or a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetnsFile {
    /// Where it is.
    pub path: PathBuf,
    /// The namespace's inode number that it must have; another means that it has been replaced.
    pub inode: u64,
}

/// The kernel that this program runs on.
#[derive(Debug, Default)]
pub struct Live {}

/// Longest link target that [`Host::fd_links`] hands on; `socket:[4294967295]` has 19 bytes.
const LINK_TARGET: usize = 63;

impl Live {
    /// The running kernel. Opens nothing yet.
    pub fn new() -> Live {
        Live {}
    }
}

impl Host for Live {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        let Some(file) = netns else { return Ok(Box::new(open_diag()?)) };
        // A netlink socket keeps the namespace it was made in, so only its making has to be there:
        // on a thread of its own, which ends with it.
        let file = file.clone();
        let maker = std::thread::Builder::new().name("skcheck-netns".to_owned());
        let made = maker.spawn(move || enter(&file).and_then(|()| open_diag()))?;
        let made = made.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        Ok(Box::new(made?))
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(format!("/proc/{pid}/fd"), flags, Mode::empty())?;
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut entries = RawDir::new(&dir, buffer.spare_capacity_mut());
        let mut target = [const { std::mem::MaybeUninit::uninit() }; LINK_TARGET];
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(fd) = parse_number(entry.file_name().to_bytes()) else { continue };
            match rustix::fs::readlinkat_raw(&dir, entry.file_name(), &mut target) {
                Ok((target, _)) => on_link(fd, target),
                Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read(&self, path: &Path, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        io::Read::read_to_end(&mut std::fs::File::open(path)?, into).map(drop)
    }

    fn read_within(&self, path: &Path, patience: Duration) -> io::Result<Vec<u8>> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let path = path.to_owned();
        // A read that hangs cannot be called back: its thread is left behind, asleep.
        std::thread::Builder::new().name("skcheck-read".to_owned()).spawn(move || {
            let _ = sender.send(std::fs::read(path));
        })?;
        receiver.recv_timeout(patience).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        for entry in std::fs::read_dir(path)? {
            on_entry(entry?.file_name().as_bytes());
        }
        Ok(())
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(std::fs::read_link(path)?.into_os_string().into_encoded_bytes())
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        Ok(rustix::fs::stat(path)?.st_ino)
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        let mut value = [0; 256];
        let length = rustix::fs::getxattr(path, name, &mut value)?;
        Ok(value.get(..length).unwrap_or_default().to_vec())
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let family = rustix::net::AddressFamily::UNIX;
        let socket = rustix::net::socket(family, rustix::net::SocketType::DGRAM, None)?;
        Ok(rustix::net::netdevice::index_to_name(&socket, index)?)
    }

    fn page_size(&self) -> PageSize {
        PageSize(rustix::param::page_size() as u64)
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Moves the calling thread into a network namespace.
fn enter(netns: &NetnsFile) -> io::Result<()> {
    let file = rustix::fs::open(&netns.path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    if rustix::fs::fstat(&file)?.st_ino != netns.inode {
        return Err(io::ErrorKind::NotFound.into());
    }
    let kind = Some(rustix::thread::LinkNameSpaceType::Network);
    Ok(rustix::thread::move_into_link_name_space(file.as_fd(), kind)?)
}

/// Opens a socket in the calling thread's network namespace, and reads what that holds.
fn open_diag() -> io::Result<DiagSocket> {
    let mut sockstat = Vec::new();
    for path in ["/proc/thread-self/net/sockstat", "/proc/thread-self/net/sockstat6"] {
        sockstat.extend(std::fs::read(path).unwrap_or_default());
    }
    DiagSocket::open(sockstat)
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
