//! Each question that a [`Host`] answers, as one to a worker.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;

use crate::host::guarded::conversation::Conversation;
use crate::host::guarded::question::Question;
use crate::host::guarded::silent::Subject;
use crate::host::guarded::{Guarded, processes};
use crate::host::worker::Trouble;
use crate::host::worker::frames::decode_error;
use crate::host::worker::words::Reading;
use crate::host::{Diag, Host, Looking, Sight};
use crate::model::gap::{Gap, Missing};
use crate::model::netns::NetnsFile;
use crate::model::place::Place;
use crate::model::units::PageSize;

/// Files of a process that answer whatever it is doing: they take none of its locks.
const ALWAYS_ANSWERED: [&str; 3] = ["comm", "status", "cgroup"];

/// What lies below it is the same as long as a kernel runs: a watch need not read it at each look.
const CONSTANT: &str = "/boot";

impl Guarded {
    /// Asks about a path what has bytes for an answer.
    fn bytes_of(&self, path: &Path, question: &Question) -> Option<io::Result<Vec<u8>>> {
        let mut bytes = Vec::new();
        let asked = self.ask(Subject::of(path), question, &mut |more| bytes.extend_from_slice(more))?;
        Some(asked.map(|()| bytes))
    }
}

/// Whether a file of a process answers whatever that is doing.
fn is_always_answered(path: &Path) -> bool {
    path.file_name().is_some_and(|name| ALWAYS_ANSWERED.iter().any(|known| name == *known))
}

impl Host for Guarded {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        Conversation::open(self, netns)
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        let asked = self.ask(Subject::Process(pid), &Question::FdLinks(pid), &mut |part| {
            let mut words = Reading::of(part);
            while let (Some(fd), Some(target)) = (words.small(), words.bytes()) {
                on_link(fd, target);
            }
        });
        asked.unwrap_or_else(|| self.live.fd_links(pid, on_link))
    }

    fn look_at_each(&self, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) {
        processes::look(self, pids, at, on_sight);
    }

    fn shares_descriptors(&self, pid: u32, tid: u32) -> io::Result<bool> {
        let mut shares = None;
        let question = Question::SharesDescriptors { pid, tid };
        let asked = self.ask(Subject::Process(pid), &question, &mut |part| shares = part.first().copied());
        match asked {
            Some(asked) => {
                asked.and_then(|()| shares.map(|it| it != 0).ok_or(io::ErrorKind::InvalidData.into()))
            }
            None => self.live.shares_descriptors(pid, tid),
        }
    }

    fn shows_own_pids(&self) -> bool {
        let mut shows = true;
        let subject = Subject::Place("/proc/self".into());
        self.ask(subject, &Question::ShowsOwnPids, &mut |part| shows = part.first() != Some(&0));
        shows
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        let subject = Subject::of(path);
        if is_always_answered(path)
            && matches!(subject, Subject::Process(_))
            && self.silent().has(&subject)
            && !self.budget.left().is_zero()
        {
            let file = path.to_str().and_then(|path| self.read_anyway(path));
            *into = file.ok_or(io::ErrorKind::TimedOut)?;
            return Ok(());
        }
        into.clear();
        if let Some(known) = self.constant(path) {
            into.extend(known.ok_or(io::ErrorKind::NotFound)?);
            return Ok(());
        }
        let question = Question::Read { path: path.to_owned(), limit };
        let asked = self.ask(subject, &question, &mut |part| into.extend_from_slice(part));
        let read = asked.unwrap_or_else(|| self.live.read_limited(path, limit, into));
        let is_told = read.as_ref().map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true);
        if path.starts_with(CONSTANT) && is_told {
            let mut constant = self.constant.lock().unwrap_or_else(PoisonError::into_inner);
            constant.insert(path.to_owned(), read.is_ok().then(|| into.clone()));
        }
        read
    }

    fn read_each(&self, paths: &[PathBuf], limit: u64, on_file: &mut dyn FnMut(usize, io::Result<&[u8]>)) {
        let mut next = 0;
        while let Some(path) = paths.get(next) {
            let subject = Subject::of(path);
            if self.silent().has(&subject) || self.budget.left().is_zero() {
                let mut file = Vec::new();
                let read = self.read_limited(path, limit, &mut file);
                on_file(next, read.as_ref().map(|()| &file[..]).map_err(|error| error.kind().into()));
                next += 1;
                continue;
            }
            let rest = paths.get(next..).unwrap_or_default();
            let is_known = |path: &PathBuf| self.silent().has(&Subject::of(path));
            let begun = next;
            let rest = rest.split(is_known).next().unwrap_or_default();
            let Some(mut worker) = self.worker() else {
                if let Some(error) = self.no_worker(&subject) {
                    on_file(next, Err(error));
                    next += 1;
                    continue;
                }
                let rest = paths.get(next..).unwrap_or_default();
                return self.live.read_each(rest, limit, &mut |at, file| on_file(begun + at, file));
            };
            let question = Question::ReadEach { paths: rest.to_vec(), limit };
            let asked = worker.ask(question.encode().as_slice(), &self.budget, Duration::ZERO, &mut |part| {
                let mut words = Reading::of(part);
                let (kind, bytes) = (words.byte(), words.bytes().unwrap_or_default());
                on_file(next, if kind == Some(0) { Ok(bytes) } else { Err(decode_error(bytes)) });
                next += 1;
            });
            match asked {
                Ok(()) if next >= begun + rest.len() => self.give_back(worker),
                Ok(()) | Err(Trouble::Refused(_)) => {
                    drop(worker);
                    on_file(next, Err(io::ErrorKind::InvalidData.into()));
                    next += 1;
                }
                Err(trouble) => {
                    let Some(path) = paths.get(next) else { return };
                    on_file(next, Err(self.despair(worker, trouble, Subject::of(path))));
                    next += 1;
                }
            }
        }
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let question = Question::ReadAt { path: path.to_owned(), offset, length: into.len() as u64 };
        let mut read = 0;
        let asked = self.ask(Subject::of(path), &question, &mut |part| {
            if let Some(place) = into.get_mut(..part.len()) {
                place.copy_from_slice(part);
                read = part.len();
            }
        });
        asked.unwrap_or_else(|| self.live.read_at(path, offset, into).map(|it| read = it)).map(|()| read)
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let asked = self.ask(Subject::of(path), &Question::ReadDir(path.to_owned()), &mut |part| {
            let mut words = Reading::of(part);
            while let Some(name) = words.bytes() {
                on_entry(name);
            }
        });
        asked.unwrap_or_else(|| self.live.read_dir(path, on_entry))
    }

    fn subdirectories(&self, path: &Path, on_directory: &mut dyn FnMut(&[u8], u64)) -> io::Result<()> {
        let asked = self.ask(Subject::of(path), &Question::Subdirectories(path.to_owned()), &mut |part| {
            let mut words = Reading::of(part);
            while let (Some(name), Some(inode)) = (words.bytes(), words.number()) {
                on_directory(name, inode);
            }
        });
        asked.unwrap_or_else(|| self.live.subdirectories(path, on_directory))
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        let asked = self.bytes_of(path, &Question::ReadLink(path.to_owned()));
        asked.unwrap_or_else(|| self.live.read_link(path))
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        let asked = self.bytes_of(path, &Question::Inode(path.to_owned()));
        let inode = |bytes: Vec<u8>| Reading::of(&bytes).number().ok_or(io::ErrorKind::InvalidData.into());
        asked.map_or_else(|| self.live.inode(path), |asked| asked.and_then(inode))
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        let question = Question::Xattr { path: path.to_owned(), name: name.to_owned() };
        let mut value = Vec::new();
        let asked = self.ask(Subject::behind(path), &question, &mut |part| value.extend_from_slice(part));
        asked.map_or_else(|| self.live.xattr(path, name), |asked| asked.map(|()| value))
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let subject = Subject::Sockets("interfaces".to_owned(), None);
        let mut name = Vec::new();
        let asked =
            self.ask(subject, &Question::InterfaceName(index), &mut |part| name.extend_from_slice(part));
        match asked {
            Some(asked) => asked.map(|()| String::from_utf8_lossy(&name).into_owned()),
            None => self.live.interface_name(index),
        }
    }

    fn page_size(&self) -> PageSize {
        self.live.page_size()
    }

    fn now(&self) -> SystemTime {
        self.live.now()
    }

    fn unanswered(&self) -> Vec<Gap> {
        let ended_by = self.budget.is_ended().then_some("told to end");
        let mut gaps = self.silent().gaps(ended_by, self.budget.whole());
        if let Some(error) = &*self.lack.lock().unwrap_or_else(PoisonError::into_inner) {
            let remedy = match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::MFILE | Errno::NFILE) => "raise the limit of open files (ulimit -n)",
                Some(Errno::NOMEM) => "free memory, or raise the limit (ulimit -v, memory.max)",
                Some(Errno::NOENT | Errno::ACCESS | Errno::PERM) => {
                    "run it where /proc shows its own program (/proc/self/exe), and may be executed"
                }
                _ => "raise the limit of processes (pids.max, ulimit -u)",
            };
            let lacked = self.silent().lacked;
            if lacked > 0 {
                gaps.push(Gap::counted(
                    Missing::Unasked,
                    Place::Host("no process to ask with".into()),
                    lacked,
                    remedy,
                ));
            }
            let remedy = format!("{remedy}; until then what does not answer can hold up the report");
            gaps.push(Gap::uncounted(Missing::Workers, Place::Host(error.to_string().into()), remedy));
        }
        gaps
    }
}
