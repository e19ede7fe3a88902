//! What skcheck reads of a system.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::host::diag::Diag;
use crate::host::sight::{Looking, Sight};
use crate::model::gap::Gap;
use crate::model::netns::NetnsFile;
use crate::model::units::PageSize;
use crate::procfs::number::parse_number;

/// What skcheck reads of a system. Nothing here interprets, nothing here changes the host.
///
/// Paths are absolute, as the running kernel has them (`/proc/...`). Errors are the system's own: callers
/// tell "not there" from "not allowed" by their kind. `TimedOut` is an answer that did not come, from a host
/// that does not wait without end ([`Guarded`](crate::host::Guarded)); [`Host::unanswered`] says whose.
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
            look(self, *pid, at, &mut |sight| on_sight(*pid, sight));
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

    /// What many symbolic links point to, each with its place in `paths`, in their order.
    fn read_links(&self, paths: &[PathBuf], on_link: &mut dyn FnMut(usize, io::Result<&[u8]>)) {
        for (at, path) in paths.iter().enumerate() {
            let link = self.read_link(path);
            on_link(at, link.as_deref().map_err(|error| error.kind().into()));
        }
    }

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

/// The most bytes that are read of a file: all of /proc/net/tcp of a million sockets, and more than that.
pub const LARGEST_FILE: u64 = 1 << 28;

/// Looks at a process, by the single reads of a host.
pub(super) fn look<H: Host + ?Sized>(host: &H, pid: u32, at: Looking, on_sight: &mut dyn FnMut(Sight<'_>)) {
    let threads = threads(host, pid);
    let (task, read) = if at.descriptors {
        descriptors(host, pid, threads.first().copied(), on_sight)
    } else {
        (pid, may_be_read(host, pid))
    };
    if at.namespaces {
        let link = |path: String| host.read_link(Path::new(&path)).ok();
        if let Some(target) = link(format!("/proc/{task}/ns/net")) {
            on_sight(Sight::Netns { task, target: &target });
        }
        // A thread may have left its process's namespace.
        for tid in threads {
            if let Some(target) = link(format!("/proc/{pid}/task/{tid}/ns/net")) {
                on_sight(Sight::ThreadNetns { tid, target: &target });
            }
        }
        if let Some(target) = link(format!("/proc/{pid}/ns/mnt")) {
            on_sight(Sight::MountNamespace(&target));
        }
    }
    on_sight(Sight::End(read));
}

/// Hands on every descriptor of a process; which thread shows them, and how reading them went.
fn descriptors<H: Host + ?Sized>(
    host: &H,
    pid: u32,
    thread: Option<u32>,
    on_sight: &mut dyn FnMut(Sight<'_>),
) -> (u32, io::Result<()>) {
    let mut any = false;
    let mut list = |task: u32| {
        host.fd_links(task, &mut |fd, target| {
            any = true;
            on_sight(Sight::Descriptor { task, fd, target });
        })
    };
    let read = list(pid);
    // A main thread that has ended shows no descriptors, and the others go on with them.
    match thread.filter(|_| !any) {
        Some(task) => {
            let read =
                host.fd_links(task, &mut |fd, target| on_sight(Sight::Descriptor { task, fd, target }));
            (task, read)
        }
        None => (pid, read),
    }
}

/// The threads of a process besides its main one.
pub(crate) fn threads<H: Host + ?Sized>(host: &H, pid: u32) -> Vec<u32> {
    let mut threads = Vec::new();
    let tasks = format!("/proc/{pid}/task");
    let _ = host.read_dir(Path::new(&tasks), &mut |name| threads.extend(parse_number(name)));
    threads.retain(|tid| *tid != pid);
    threads
}

/// Whether a process's descriptors may be read, without reading them all.
fn may_be_read<H: Host + ?Sized>(host: &H, pid: u32) -> io::Result<()> {
    match host.read_link(Path::new(&format!("/proc/{pid}/fd/0"))) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}
