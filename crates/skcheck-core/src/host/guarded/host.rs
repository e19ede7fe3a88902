//! Each question that a [`Host`] answers, as one to a worker.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;

use crate::host::diag::Diag;
use crate::host::guarded::asker::Guarded;
use crate::host::guarded::conversation::WorkerConversation;
use crate::host::guarded::processes;
use crate::host::guarded::question::{FileQuestion, HostQuestion, ProcessQuestion};
use crate::host::guarded::subject::Subject;
use crate::host::seam::Host;
use crate::host::sight::{Looking, Sight};
use crate::host::worker::errors::decode_error;
use crate::host::worker::words::WordReader;
use crate::host::worker::{Trouble, Worker};
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
    fn bytes_of(&self, path: &Path, question: FileQuestion) -> Option<io::Result<Vec<u8>>> {
        let mut bytes = Vec::new();
        let asked = self.ask(Subject::of(path), question, &mut |more| bytes.extend_from_slice(more))?;
        Some(asked.map(|()| bytes))
    }

    /// Reads files or links with one question, until one does not answer or is known not to. Returns how many were
    /// handed on: the last of them, where not all were read, as an error.
    fn read_some(
        &self,
        paths: &[PathBuf],
        what: What,
        on_file: &mut dyn FnMut(usize, io::Result<&[u8]>),
    ) -> usize {
        let is_known = |path: &PathBuf| self.silent().has(&Subject::of(path));
        let asked_for = paths.split(is_known).next().unwrap_or_default();
        let Some(first) = asked_for.first() else { return 0 };
        let Some(mut worker) = self.pool.take() else {
            if let Some(error) = self.no_worker(&Subject::of(first)) {
                on_file(0, Err(error));
                return 1;
            }
            match what {
                What::Files { limit } => self.live.read_each(paths, limit, on_file),
                What::Links => self.live.read_links(paths, on_file),
            }
            return paths.len();
        };
        let mut read = 0;
        let asked = self.ask_for(&mut worker, asked_for, what, &mut |file| {
            on_file(read, file);
            read += 1;
        });
        let Some(path) = asked_for.get(read) else {
            // All were read; a worker that fell silent after that is of no use.
            if asked.is_ok() {
                self.pool.give_back(worker);
            }
            return read;
        };
        let error = match asked {
            Ok(()) => io::ErrorKind::InvalidData.into(),
            asked => match self.settle(worker, asked, Subject::of(path)) {
                Err(error) => error,
                Ok(()) => return read,
            },
        };
        on_file(read, Err(error));
        read + 1
    }

    /// Asks a worker for files or links, and hands on each in its turn.
    fn ask_for(
        &self,
        worker: &mut Worker,
        paths: &[PathBuf],
        what: What,
        on_file: &mut dyn FnMut(io::Result<&[u8]>),
    ) -> Result<(), Trouble> {
        let paths = paths.to_vec();
        let question = HostQuestion::from(match what {
            What::Files { limit } => FileQuestion::ReadEach { paths, limit },
            What::Links => FileQuestion::ReadLinks(paths),
        })
        .encode();
        worker.ask(question.as_slice(), self.budget(), Duration::ZERO, &mut |part| {
            let mut words = WordReader::of(part);
            let (kind, bytes) = (words.byte(), words.bytes().unwrap_or_default());
            on_file(if kind == Some(0) { Ok(bytes) } else { Err(decode_error(bytes)) });
        })
    }
}

/// What is read of many paths.
#[derive(Debug, Clone, Copy)]
enum What {
    /// Of each file so many bytes.
    Files { limit: u64 },
    /// What each link points to.
    Links,
}

/// Whether a file of a process answers whatever that is doing.
fn is_always_answered(path: &Path) -> bool {
    path.file_name().is_some_and(|name| ALWAYS_ANSWERED.iter().any(|known| name == *known))
}

impl Host for Guarded {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        WorkerConversation::open(self, netns)
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        let asked = self.ask(Subject::Process(pid), ProcessQuestion::FdLinks(pid), &mut |part| {
            let mut words = WordReader::of(part);
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
        let question = ProcessQuestion::SharesDescriptors { pid, tid };
        let asked = self.ask(Subject::Process(pid), question, &mut |part| shares = part.first().copied());
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
        self.ask(subject, ProcessQuestion::ShowsOwnPids, &mut |part| shows = part.first() != Some(&0));
        shows
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        let subject = Subject::of(path);
        if is_always_answered(path)
            && matches!(subject, Subject::Process(_))
            && self.silent().has(&subject)
            && !self.budget().left().is_zero()
        {
            let file = path.to_str().and_then(|path| self.pool.read_anyway(path));
            *into = file.ok_or(io::ErrorKind::TimedOut)?;
            return Ok(());
        }
        into.clear();
        if let Some(known) = self.constant(path) {
            into.extend(known.ok_or(io::ErrorKind::NotFound)?);
            return Ok(());
        }
        let question = FileQuestion::Read { path: path.to_owned(), limit };
        let asked = self.ask(subject, question, &mut |part| into.extend_from_slice(part));
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
            if self.silent().has(&Subject::of(path)) || self.budget().left().is_zero() {
                let mut file = Vec::new();
                let read = self.read_limited(path, limit, &mut file);
                on_file(next, read.as_ref().map(|()| &file[..]).map_err(|error| error.kind().into()));
                next += 1;
            } else {
                let rest = paths.get(next..).unwrap_or_default();
                let what = What::Files { limit };
                next += self.read_some(rest, what, &mut |at, file| on_file(next + at, file));
            }
        }
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let question = FileQuestion::ReadAt { path: path.to_owned(), offset, length: into.len() as u64 };
        let mut read = 0;
        let asked = self.ask(Subject::of(path), question, &mut |part| {
            if let Some(place) = into.get_mut(..part.len()) {
                place.copy_from_slice(part);
                read = part.len();
            }
        });
        asked.unwrap_or_else(|| self.live.read_at(path, offset, into).map(|it| read = it)).map(|()| read)
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let asked = self.ask(Subject::of(path), FileQuestion::ReadDir(path.to_owned()), &mut |part| {
            let mut words = WordReader::of(part);
            while let Some(name) = words.bytes() {
                on_entry(name);
            }
        });
        asked.unwrap_or_else(|| self.live.read_dir(path, on_entry))
    }

    fn subdirectories(&self, path: &Path, on_directory: &mut dyn FnMut(&[u8], u64)) -> io::Result<()> {
        let asked = self.ask(Subject::of(path), FileQuestion::Subdirectories(path.to_owned()), &mut |part| {
            let mut words = WordReader::of(part);
            while let (Some(name), Some(inode)) = (words.bytes(), words.number()) {
                on_directory(name, inode);
            }
        });
        asked.unwrap_or_else(|| self.live.subdirectories(path, on_directory))
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        let asked = self.bytes_of(path, FileQuestion::ReadLink(path.to_owned()));
        asked.unwrap_or_else(|| self.live.read_link(path))
    }

    fn read_links(&self, paths: &[PathBuf], on_link: &mut dyn FnMut(usize, io::Result<&[u8]>)) {
        let mut next = 0;
        while let Some(path) = paths.get(next) {
            if self.is_hopeless(&Subject::of(path)) {
                on_link(next, Err(io::ErrorKind::TimedOut.into()));
                next += 1;
            } else {
                let rest = paths.get(next..).unwrap_or_default();
                next += self.read_some(rest, What::Links, &mut |at, link| on_link(next + at, link));
            }
        }
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        let asked = self.bytes_of(path, FileQuestion::Inode(path.to_owned()));
        let inode = |bytes: Vec<u8>| WordReader::of(&bytes).number().ok_or(io::ErrorKind::InvalidData.into());
        asked.map_or_else(|| self.live.inode(path), |asked| asked.and_then(inode))
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        let question = FileQuestion::Xattr { path: path.to_owned(), name: name.to_owned() };
        let mut value = Vec::new();
        let asked = self.ask(Subject::behind(path), question, &mut |part| value.extend_from_slice(part));
        asked.map_or_else(|| self.live.xattr(path, name), |asked| asked.map(|()| value))
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let subject = Subject::Sockets(Place::Interfaces, None);
        let mut name = Vec::new();
        let asked =
            self.ask(subject, HostQuestion::InterfaceName(index), &mut |part| name.extend_from_slice(part));
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
        let mut gaps = self.silent().gaps(self.budget().is_ended(), self.budget().whole());
        if let Some(error) = &*self.pool.lack() {
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
                let remedy = format!("there was no process to ask with: {remedy}");
                gaps.push(Gap::counted(Missing::Unasked, Place::Host, lacked, remedy));
            }
            let remedy = format!("{error}: {remedy}; until then what does not answer can hold up the report");
            gaps.push(Gap::uncounted(Missing::Workers, Place::Host, remedy));
        }
        gaps
    }
}
