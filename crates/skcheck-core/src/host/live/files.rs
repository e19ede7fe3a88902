//! Where the running kernel's files are.

use std::borrow::Cow;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, RawDir, ResolveFlags};
use rustix::io::Errno;

/// The kernel that this program runs on.
///
/// By default its files are where they usually are. In a container that has the host's root and
/// /proc mounted elsewhere, [`Live::with_roots`] says where; sockets are asked of the kernel all the same.
#[derive(Debug, Clone)]
pub struct Live {
    pub(super) host_root: PathBuf,
    pub(super) proc: PathBuf,
    pub(super) same_files: Option<SameFiles>,
    /// Nothing else is done in this process: it may enter namespaces itself.
    pub(super) alone: bool,
}

/// Tells whether two tasks, by their ids in this process's pid namespace, have the same table of descriptors.
pub type SameFiles = fn(u32, u32) -> io::Result<bool>;

/// Where /proc usually is.
pub(super) const PROC: &str = "/proc";

impl Live {
    /// The running kernel, its files where they usually are. Opens nothing yet.
    pub fn new() -> Live {
        Live::with_roots("/", PROC)
    }

    /// The running kernel, with the host's root directory at `host_root` and its /proc at `proc`.
    /// Opens nothing yet.
    ///
    /// What is asked of `/proc/...` is read in `proc`, every other path in `host_root`, whose symbolic
    /// links do not lead out of it (since Linux 5.6; `openat2`). `/proc/self`, `/proc/thread-self` and
    /// `/proc/net` are the real ones where `proc` does not show this process.
    pub fn with_roots(host_root: impl Into<PathBuf>, proc: impl Into<PathBuf>) -> Live {
        Live { host_root: host_root.into(), proc: proc.into(), same_files: None, alone: false }
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
    pub(super) fn in_proc<'p>(&self, path: &'p Path) -> Option<Cow<'p, Path>> {
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
    pub(super) fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
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
    pub(super) fn entries(
        &self,
        path: &Path,
        on_entry: &mut dyn FnMut(&[u8], u64, FileType),
    ) -> io::Result<()> {
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
}

impl Default for Live {
    fn default() -> Live {
        Live::new()
    }
}
