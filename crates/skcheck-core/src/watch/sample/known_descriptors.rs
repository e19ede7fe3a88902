//! What the looks before have seen of processes: reading every descriptor of a host anew is most of what a sample
//! would cost.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustc_hash::FxHashMap;

use crate::host::{Diag, Host, Looking, Sight};
use crate::model::gap::Gap;
use crate::model::netns::NetnsFile;
use crate::model::socket::Inode;
use crate::model::units::PageSize;
use crate::procfs::link::socket_inode;

/// Looking at all processes takes no more than this part of the time, unless that would be later than this.
const PART: u32 = 50;
const LONGEST: Duration = Duration::from_secs(10);

/// What was seen of processes.
#[derive(Default)]
pub(crate) struct KnownDescriptors {
    by_pid: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_pid: FxHashMap<u32, Seen>,
    /// Descriptors are among it.
    has_descriptors: bool,
    /// When all of it is seen anew.
    due: Option<Instant>,
}

/// What was seen of a process.
#[derive(Default)]
struct Seen {
    sockets: Vec<(u32, u32, Inode)>,
    others: Vec<Other>,
    is_refused: bool,
}

/// What is no socket.
enum Other {
    Descriptor { task: u32, fd: u32, target: Vec<u8> },
    Netns { task: u32, target: Vec<u8> },
    ThreadNetns { tid: u32, target: Vec<u8> },
    MountNamespace(Vec<u8>),
}

impl KnownDescriptors {
    /// The same host, which tells of processes what is known of them, and looks at those that are new. Who is told must
    /// not ask this for anything meanwhile.
    pub(crate) fn over<'h>(&'h self, host: &'h dyn Host) -> Remembering<'h> {
        Remembering { host, known: self }
    }

    /// The socket that a descriptor of a process referred to, and the thread that shows it.
    pub(crate) fn socket(&self, pid: u32, fd: u32) -> Option<(u32, Inode)> {
        let known = self.lock();
        let sockets = &known.by_pid.get(&pid)?.sockets;
        // /proc lists descriptors in their order.
        let at = sockets.binary_search_by_key(&fd, |(_, fd, _)| *fd).ok()?;
        sockets.get(at).map(|(task, _, inode)| (*task, *inode))
    }

    /// This process is looked at anew.
    pub(crate) fn forget(&self, pid: u32) {
        self.lock().by_pid.remove(&pid);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.by_pid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host of which is known what the looks before have seen of processes: only that is told again, and only to who
/// looks at the namespaces of processes too. Who looks at descriptors alone looks for what nobody knows.
pub(crate) struct Remembering<'h> {
    host: &'h dyn Host,
    known: &'h KnownDescriptors,
}

impl Remembering<'_> {
    /// Looks at these, tells of them, and remembers what is seen.
    fn look(&self, known: &mut Known, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) {
        let mut seen = Seen::default();
        self.host.look_at_each(pids, at, &mut |pid, sight| {
            seen.add(&sight);
            if let Sight::End(read) = &sight {
                let seen = std::mem::take(&mut seen);
                // Who has ended, or has not answered, is asked again.
                if seen.is_refused || read.is_ok() {
                    known.by_pid.insert(pid, seen);
                }
            }
            on_sight(pid, sight);
        });
    }
}

impl Seen {
    fn add(&mut self, sight: &Sight<'_>) {
        self.others.push(match *sight {
            Sight::Descriptor { task, fd, target } => match socket_inode(target) {
                Some(inode) => return self.sockets.push((task, fd, inode)),
                // Of what is no socket only namespaces are of use.
                None if !target.starts_with(b"net:[") => return,
                None => Other::Descriptor { task, fd, target: target.to_vec() },
            },
            Sight::Netns { task, target } => Other::Netns { task, target: target.to_vec() },
            Sight::ThreadNetns { tid, target } => Other::ThreadNetns { tid, target: target.to_vec() },
            Sight::MountNamespace(target) => Other::MountNamespace(target.to_vec()),
            Sight::End(ref read) => {
                self.is_refused =
                    read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
                return;
            }
        });
    }

    fn tell(&self, on_sight: &mut dyn FnMut(Sight<'_>)) {
        for (task, fd, inode) in &self.sockets {
            let target = format!("socket:[{}]", inode.get());
            on_sight(Sight::Descriptor { task: *task, fd: *fd, target: target.as_bytes() });
        }
        for other in &self.others {
            on_sight(match other {
                Other::Descriptor { task, fd, target } => Sight::Descriptor { task: *task, fd: *fd, target },
                Other::Netns { task, target } => Sight::Netns { task: *task, target },
                Other::ThreadNetns { tid, target } => Sight::ThreadNetns { tid: *tid, target },
                Other::MountNamespace(target) => Sight::MountNamespace(target),
            });
        }
        let read = if self.is_refused { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) };
        on_sight(Sight::End(read));
    }
}

impl Host for Remembering<'_> {
    fn look_at_each(&self, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) {
        if !at.namespaces {
            // What is known stays what was told: it is still to be checked.
            return self.host.look_at_each(pids, at, on_sight);
        }
        let mut known = self.known.lock();
        let begun = Instant::now();
        if known.due.is_none_or(|due| due <= begun) || known.has_descriptors != at.descriptors {
            *known = Known { has_descriptors: at.descriptors, ..Known::default() };
            self.look(&mut known, pids, at, on_sight);
            let pause = begun.elapsed().saturating_mul(PART).min(LONGEST);
            known.due = begun.checked_add(pause);
            return;
        }
        let mut left = FxHashMap::default();
        let mut new = Vec::new();
        for pid in pids {
            match known.by_pid.remove(pid) {
                Some(seen) => {
                    seen.tell(&mut |sight| on_sight(*pid, sight));
                    left.insert(*pid, seen);
                }
                None => new.push(*pid),
            }
        }
        // Of who has ended nothing is known.
        known.by_pid = left;
        self.look(&mut known, &new, at, on_sight);
    }

    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        self.host.diag(netns)
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        self.host.fd_links(pid, on_link)
    }

    fn shares_descriptors(&self, pid: u32, tid: u32) -> io::Result<bool> {
        self.host.shares_descriptors(pid, tid)
    }

    fn shows_own_pids(&self) -> bool {
        self.host.shows_own_pids()
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        self.host.read_limited(path, limit, into)
    }

    fn read_each(&self, paths: &[PathBuf], limit: u64, on_file: &mut dyn FnMut(usize, io::Result<&[u8]>)) {
        self.host.read_each(paths, limit, on_file);
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.host.read_at(path, offset, into)
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.host.read_dir(path, on_entry)
    }

    fn subdirectories(&self, path: &Path, on_directory: &mut dyn FnMut(&[u8], u64)) -> io::Result<()> {
        self.host.subdirectories(path, on_directory)
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.host.read_link(path)
    }

    fn read_links(&self, paths: &[PathBuf], on_link: &mut dyn FnMut(usize, io::Result<&[u8]>)) {
        self.host.read_links(paths, on_link);
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        self.host.inode(path)
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        self.host.xattr(path, name)
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        self.host.interface_name(index)
    }

    fn page_size(&self) -> PageSize {
        self.host.page_size()
    }

    fn now(&self) -> SystemTime {
        self.host.now()
    }

    fn unanswered(&self) -> Vec<Gap> {
        self.host.unanswered()
    }
}
