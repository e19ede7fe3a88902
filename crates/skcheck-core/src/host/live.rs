//! The kernel that this program runs on, as a [`Host`].

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FileType, Mode, OFlags, RawDir, ResolveFlags};
use rustix::io::Errno;

use crate::diag::transport::DiagSocket;
use crate::host::{Diag, Host};
use crate::model::netns::Netns;
use crate::model::netns::NetnsFile;
use crate::model::units::PageSize;
use crate::procfs::number::parse_number;

/// The kernel that this program runs on.
///
/// By default its files are where they usually are. In a container that has the host's root and
/// /proc mounted elsewhere, [`Live::with_roots`] says where; sockets are asked of the kernel all the same.
#[derive(Debug, Clone)]
pub struct Live {
    host_root: PathBuf,
    proc: PathBuf,
    same_files: Option<SameFiles>,
    /// Nothing else is done in this process: it may enter namespaces itself.
    alone: bool,
}

/// Tells whether two tasks, by their ids in this process's pid namespace, have the same table of descriptors.
pub type SameFiles = fn(u32, u32) -> io::Result<bool>;

/// Longest link target that [`Host::fd_links`] hands on; `socket:[4294967295]` has 19 bytes.
const LINK_TARGET: usize = 63;

/// `NSFS_MAGIC` of linux/magic.h: the file system of namespaces.
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;

/// Where /proc usually is.
const PROC: &str = "/proc";

impl Live {
    /// The running kernel, its files where they usually are. Opens nothing yet.
    pub fn new() -> Live {
        Live::with_roots("/".into(), PROC.into())
    }

    /// The running kernel, with the host's root directory at `host_root` and its /proc at `proc`.
    /// Opens nothing yet.
    ///
    /// What is asked of `/proc/...` is read in `proc`, every other path in `host_root`, whose symbolic
    /// links do not lead out of it (since Linux 5.6; `openat2`). `/proc/self`, `/proc/thread-self` and
    /// `/proc/net` are the real ones where `proc` does not show this process.
    pub fn with_roots(host_root: PathBuf, proc: PathBuf) -> Live {
        Live { host_root, proc, same_files: None, alone: false }
    }

    /// The same, with what tells whether two tasks share a table of descriptors: `skcheck_bpf::same_files`,
    /// since this crate has no `unsafe`. Without it the tables of threads are listed.
    #[must_use]
    pub fn comparing(self, same_files: SameFiles) -> Live {
        Live { same_files: Some(same_files), ..self }
    }

    /// The same, in a process that does nothing else: it enters network namespaces itself, and comes back.
    #[must_use]
    pub(crate) fn alone(self) -> Live {
        Live { alone: true, ..self }
    }

    /// Where a path of the host is in the scanner's own files.
    pub(crate) fn place_of(&self, path: &Path) -> PathBuf {
        let below = || self.host_root.join(path.strip_prefix("/").unwrap_or(path));
        self.in_proc(path).map_or_else(below, Cow::into_owned)
    }

    /// Where a path below /proc is; `None` for any other.
    fn in_proc<'p>(&self, path: &'p Path) -> Option<Cow<'p, Path>> {
        let rest = path.strip_prefix(PROC).ok()?;
        if self.proc == Path::new(PROC) {
            return Some(Cow::Borrowed(path));
        }
        let own = rest
            .components()
            .next()
            .filter(|first| ["self", "thread-self", "net"].iter().any(|name| first.as_os_str() == *name));
        if own.is_some_and(|own| !self.proc.join(own).exists()) {
            return Some(Cow::Borrowed(path));
        }
        Some(Cow::Owned(self.proc.join(rest)))
    }

    /// Opens what a path leads to on the host.
    fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let plain = |path: &Path| Ok(rustix::fs::open(path, flags, Mode::empty())?);
        if let Some(path) = self.in_proc(path) {
            return plain(&path);
        }
        if self.host_root == Path::new("/") {
            return plain(path);
        }
        let below = path.strip_prefix("/").unwrap_or(path);
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        let root = rustix::fs::open(&self.host_root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        match rustix::fs::openat2(root, below, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
            // An older kernel, or a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => plain(&self.host_root.join(below)),
            opened => Ok(opened?),
        }
    }

    /// Hands on every entry of a directory: name, inode number, kind.
    fn entries(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8], u64, FileType)) -> io::Result<()> {
        let dir = self.open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut entries = RawDir::new(&dir, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                on_entry(name, entry.ino(), entry.file_type());
            }
        }
        Ok(())
    }

    /// Refers to what lies below a process's root, without opening it and without following symbolic
    /// links, which that process's user may have put there.
    fn open_below(&self, root: &Path, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let dir = self.open(root, OFlags::PATH | OFlags::DIRECTORY)?;
        let below = path.strip_prefix("/").unwrap_or(path);
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(dir, below, flags, Mode::empty(), resolve) {
            // A kernel older than 5.6.
            Err(Errno::NOSYS) => self.open(&root.join(below), OFlags::PATH | OFlags::NOFOLLOW),
            // A link stands where the namespace was mounted: that is no longer the way to it.
            Err(Errno::LOOP | Errno::NOTDIR) => Err(io::ErrorKind::NotFound.into()),
            opened => Ok(opened?),
        }
    }

    /// Moves the calling thread into a network namespace.
    fn enter(&self, netns: &NetnsFile) -> io::Result<()> {
        // What stands there now may be anything: opening a pipe would wait, a device may act on it.
        let place = match &netns.root {
            None => self.open(&netns.path, OFlags::PATH)?,
            Some(root) => self.open_below(root, &netns.path)?,
        };
        let is_namespace = rustix::fs::fstatfs(&place)?.f_type == NSFS_MAGIC;
        if !is_namespace || rustix::fs::fstat(&place)?.st_ino != netns.inode {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = std::fs::File::open(format!("{PROC}/self/fd/{}", place.as_raw_fd()))?;
        let kind = Some(rustix::thread::LinkNameSpaceType::Network);
        Ok(rustix::thread::move_into_link_name_space(file.as_fd(), kind)?)
    }

    /// Does something in a network namespace, on a thread of its own, which ends with it.
    ///
    /// # Errors
    /// `NotFound` when nothing leads there any more, `PermissionDenied` when it may not be entered.
    pub fn within<T: Send + 'static>(
        &self,
        netns: &Netns,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        if netns.own {
            return Ok(work());
        }
        let (live, files) = (self.clone(), netns.files.clone());
        on_a_thread(move || {
            let mut worst = io::Error::from(io::ErrorKind::NotFound);
            for file in &files {
                match live.enter(file) {
                    Ok(()) => return Ok(work()),
                    Err(error) => worst = error,
                }
            }
            Err(worst)
        })
    }

    /// Does something in the network namespace that this file stands for.
    fn within_file<T: Send + 'static>(
        &self,
        netns: &NetnsFile,
        work: impl FnOnce(&Live) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        if self.alone {
            let back = std::fs::File::open(format!("{PROC}/thread-self/ns/net"))?;
            let entered = self.enter(netns);
            if entered.is_err() {
                return entered.and_then(|()| work(self));
            }
            let done = work(self);
            let kind = Some(rustix::thread::LinkNameSpaceType::Network);
            if rustix::thread::move_into_link_name_space(back.as_fd(), kind).is_err() {
                // What it answered from here on would be about another namespace than it says.
                std::process::exit(1);
            }
            return done;
        }
        let (live, netns) = (self.clone(), netns.clone());
        on_a_thread(move || live.enter(&netns).and_then(|()| work(&live)))
    }

    /// Opens a socket in the calling thread's network namespace, and reads what that holds.
    fn open_diag(&self) -> io::Result<DiagSocket> {
        let mut sockstat = Vec::new();
        for name in ["sockstat", "sockstat6"] {
            sockstat.extend(self.proc_net(name).unwrap_or_default());
        }
        DiagSocket::open(sockstat)
    }

    /// Reads a file of /proc/net as the calling thread's network namespace shows it: it has to be this very
    /// thread's, which a mounted /proc may not show.
    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = Path::new("thread-self/net").join(name);
        std::fs::read(Path::new(PROC).join(&file)).or_else(|_| std::fs::read(self.proc.join(&file)))
    }
}

/// A conversation with the running kernel, and the way to the namespace that it is held in.
struct Conversation<'l> {
    live: &'l Live,
    netns: Option<NetnsFile>,
    socket: DiagSocket,
}

impl Diag for Conversation<'_> {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        self.socket.ask(request, on_datagram)
    }

    fn sockstat(&self) -> &[u8] {
        self.socket.sockstat()
    }

    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let Some(netns) = &self.netns else { return self.live.proc_net(name) };
        let name = name.to_owned();
        self.live.within_file(netns, move |live| live.proc_net(&name))
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        // Any socket will do: it is asked about its namespace, not about itself.
        Ok(rustix::net::netdevice::index_to_name(self.socket.as_fd(), index)?)
    }
}

/// Does something that changes the thread's namespace, on a thread of its own, which ends with it.
fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let thread = std::thread::Builder::new().name("skcheck-netns".to_owned()).spawn(work)?;
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that entered it has failed")))
}

impl Default for Live {
    fn default() -> Live {
        Live::new()
    }
}

impl Host for Live {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        let socket = match netns {
            None => self.open_diag()?,
            // A netlink socket keeps the namespace it was made in, so only its making has to be there.
            Some(file) => self.within_file(file, Live::open_diag)?,
        };
        Ok(Box::new(Conversation { live: self, netns: netns.cloned(), socket }))
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        let dir = self.open(Path::new(&format!("{PROC}/{pid}/fd")), OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut entries = RawDir::new(&dir, buffer.spare_capacity_mut());
        let mut target = [const { std::mem::MaybeUninit::uninit() }; LINK_TARGET];
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(fd) = parse_number(entry.file_name().to_bytes()) else { continue };
            match rustix::fs::readlinkat_raw(&dir, entry.file_name(), &mut target) {
                Ok((target, _)) => on_link(fd, target),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn shares_descriptors(&self, pid: u32, tid: u32) -> io::Result<bool> {
        let same_files = self.same_files.ok_or(io::ErrorKind::Unsupported)?;
        // The kernel takes ids as this process's pid namespace numbers them.
        if !self.shows_own_pids() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        same_files(pid, tid)
    }

    fn shows_own_pids(&self) -> bool {
        let Ok(shown) = std::fs::read_link(self.proc.join("self")) else { return true };
        parse_number(shown.as_os_str().as_encoded_bytes()) == Some(std::process::id())
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        let file = std::fs::File::from(self.open(path, OFlags::RDONLY)?);
        io::Read::read_to_end(&mut io::Read::take(file, limit), into).map(drop)
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = self.open(path, OFlags::RDONLY)?;
        Ok(rustix::io::retry_on_intr(|| rustix::io::pread(&file, &mut *into, offset))?)
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.entries(path, &mut |name, _, _| on_entry(name))
    }

    fn subdirectories(&self, path: &Path, on_directory: &mut dyn FnMut(&[u8], u64)) -> io::Result<()> {
        self.entries(path, &mut |name, inode, kind| {
            if kind == FileType::Directory {
                on_directory(name, inode);
            }
        })
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(path) = self.in_proc(path) {
            return Ok(std::fs::read_link(path)?.into_os_string().into_encoded_bytes());
        }
        let link = self.open(path, OFlags::PATH | OFlags::NOFOLLOW)?;
        Ok(rustix::fs::readlinkat(link, "", Vec::new())?.into_bytes())
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        match self.in_proc(path) {
            Some(path) => Ok(rustix::fs::stat(&*path)?.st_ino),
            None => Ok(rustix::fs::fstat(self.open(path, OFlags::PATH)?)?.st_ino),
        }
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        let mut value = [0; 256];
        let length = match self.in_proc(path) {
            Some(path) => rustix::fs::getxattr(&*path, name, &mut value)?,
            None => {
                rustix::fs::fgetxattr(self.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?, name, &mut value)?
            }
        };
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

#[cfg(test)]
mod tests;
