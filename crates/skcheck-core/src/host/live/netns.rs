//! Network namespaces of the running kernel, entered and left again.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::host::live::files::{Live, PROC};
use crate::model::netns::{Netns, NetnsFile};

/// `NSFS_MAGIC` of linux/magic.h: the file system of namespaces.
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;

impl Live {
    /// Refers to what lies below a process's root, without opening it and without following symbolic
    /// links, which that process's user may have put there.
    pub(super) fn open_below(&self, root: &Path, path: &Path) -> io::Result<OwnedFd> {
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
    pub(super) fn enter(&self, netns: &NetnsFile) -> io::Result<()> {
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
    pub(super) fn within_file<T: Send + 'static>(
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
}

/// Does something that changes the thread's namespace, on a thread of its own, which ends with it.
fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let thread = std::thread::Builder::new().name("skcheck-netns".to_owned()).spawn(work)?;
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that entered it has failed")))
}
