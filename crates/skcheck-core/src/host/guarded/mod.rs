//! The host that runs, asked so that nothing on it can hold up who asks.
//!
//! Whatever is read is read by a [worker]. What a question waits for is spent from one
//! [`Budget`]; who does not answer is skipped from then on, and named in [`Host::unanswered`].

mod answer;
mod conversation;
mod processes;
mod question;
mod silent;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use std::time::{Duration, SystemTime};

use rustix::io::Errno;

use crate::gap::{Gap, Missing};
use crate::host::budget::Budget;
use crate::host::guarded::conversation::Conversation;
use crate::host::guarded::question::Question;
use crate::host::guarded::silent::{Met, Silent, Subject, file_system};
use crate::host::worker;
use crate::host::worker::words::Reading;
use crate::host::worker::{Trouble, Worker, decode_error};
use crate::host::{Diag, Host, LARGEST_FILE, Live, Looking, NetnsFile, Sight};
use crate::process;
use crate::units::PageSize;

pub use crate::host::guarded::answer::Answering;

/// Files of a process that answer whatever it is doing: they take none of its locks.
const ALWAYS_ANSWERED: [&str; 3] = ["comm", "status", "cgroup"];

/// So many workers are kept that have nothing to do.
const IDLE: usize = processes::AT_ONCE;

/// What lies below it is the same as long as a kernel runs: a watch need not read it at each look.
const CONSTANT: &str = "/boot";

/// How a worker is started: the command of a program that runs an [`Answering`].
pub type Start = dyn Fn() -> Command + Send + Sync;

/// The kernel that this program runs on, asked by workers.
///
/// ```no_run
/// use std::process::Command;
/// use skcheck_core::host::{Answering, Budget, Guarded};
/// use skcheck_core::{Live, Query, scan};
///
/// // A program is its own worker: started with this argument it answers questions, and nothing else.
/// if std::env::args().nth(1).as_deref() == Some("worker") {
///     // Not std::io::stdout, which keeps what has no line end.
///     let mut out = std::fs::File::options().write(true).open("/proc/self/fd/1").expect("its pipe");
///     let mut input = std::io::stdin().lock();
///     let _ = Answering::new(Live::new()).serve(&mut input, &mut out);
///     return Ok(());
/// }
/// let start = || {
///     let mut command = Command::new("/proc/self/exe");
///     command.arg("worker");
///     command
/// };
/// let host = Guarded::new(Live::new(), Box::new(start), Budget::default());
/// for gap in scan(&host, &Query::default())?.gaps {
///     println!("{gap}; {}", gap.remedy);
/// }
/// # Ok::<(), skcheck_core::Error>(())
/// ```
pub struct Guarded {
    live: Live,
    start: Box<Start>,
    budget: Budget,
    idle: Mutex<Vec<Worker>>,
    silent: Mutex<Silent>,
    /// Files of a running kernel's [`CONSTANT`] directory.
    constant: Mutex<BTreeMap<PathBuf, Option<Vec<u8>>>>,
    /// Why a worker could not be had.
    lack: Mutex<Option<io::Error>>,
    /// Whether there ever was one. If not, everything is asked directly.
    has_workers: AtomicBool,
}

impl Guarded {
    /// Asks the host that `live` shows, by workers that are started so: each is a program that runs an
    /// [`Answering`] over the same host. The first is started at once.
    pub fn new(live: Live, start: Box<Start>, budget: Budget) -> Guarded {
        let guarded = Guarded {
            live,
            start,
            budget,
            idle: Mutex::default(),
            silent: Mutex::default(),
            constant: Mutex::default(),
            lack: Mutex::default(),
            has_workers: AtomicBool::new(false),
        };
        if let Some(worker) = guarded.worker() {
            guarded.give_back(worker);
        }
        guarded
    }

    /// What there is to wait.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Begins one more look, as a watch does: with this budget, and those that did not answer long ago are asked
    /// again.
    pub fn begin_look(&self, budget: Duration) {
        worker::reap();
        self.budget.refill(budget);
        self.silent().begin_anew();
    }

    /// What was read of a file that does not change; `Some(None)` where there is none.
    fn constant(&self, path: &Path) -> Option<Option<Vec<u8>>> {
        self.constant.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn silent(&self) -> MutexGuard<'_, Silent> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that is idle, or a new one; `None` where none can be had.
    fn worker(&self) -> Option<Worker> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if idle.is_some() {
            return idle;
        }
        match Worker::start((self.start)()) {
            Ok(worker) => {
                self.has_workers.store(true, Ordering::Relaxed);
                Some(worker)
            }
            Err(error) => {
                self.lack.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                None
            }
        }
    }

    /// Whether this process asks itself, since it never had a worker.
    fn asks_directly(&self) -> bool {
        !self.has_workers.load(Ordering::Relaxed)
    }

    /// There is no worker for a question: an error, unless it is asked directly.
    fn no_worker(&self) -> Option<io::Error> {
        (!self.asks_directly()).then(|| {
            self.silent().unasked += 1;
            io::ErrorKind::TimedOut.into()
        })
    }

    fn give_back(&self, worker: Worker) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(worker);
        } else {
            worker.dismiss();
        }
    }

    /// Whether there is no use in asking: it is known not to answer, or there is no time left.
    fn is_hopeless(&self, subject: &Subject) -> bool {
        if self.silent().has(subject) || self.is_on_dead_device(subject) {
            return true;
        }
        // What the kernel itself tells, and not about anybody, is few questions: each is asked at least shortly.
        let is_over = self.budget.left().is_zero() && (self.budget.is_ended() || !subject.is_of_kernel());
        if is_over {
            self.silent().unasked += 1;
        }
        is_over
    }

    /// Asks a question, and hands on the answer's parts. `None` where there is no worker to ask.
    fn ask(
        &self,
        subject: Subject,
        question: &Question,
        on_more: &mut dyn FnMut(&[u8]),
    ) -> Option<io::Result<()>> {
        if self.is_hopeless(&subject) {
            return Some(Err(io::ErrorKind::TimedOut.into()));
        }
        let Some(mut worker) = self.worker() else { return self.no_worker().map(Err) };
        let asked = worker.ask(question.encode().as_slice(), &self.budget, Duration::ZERO, on_more);
        Some(match asked {
            Ok(()) => {
                self.give_back(worker);
                Ok(())
            }
            Err(Trouble::Refused(error)) => {
                self.give_back(worker);
                Err(error)
            }
            Err(trouble) => Err(self.despair(worker, trouble, subject)),
        })
    }

    /// Leaves a worker that does not answer, and notes why.
    fn despair(&self, worker: Worker, trouble: Trouble, subject: Subject) -> io::Error {
        let left = worker.leave();
        match trouble {
            Trouble::Refused(error) => return error,
            Trouble::Over => self.silent().unasked += 1,
            Trouble::Ended(how) => {
                self.silent().ended.push(how);
                return io::Error::other("the process that read it has ended");
            }
            Trouble::Stuck { wchan } => {
                self.budget.note_silence();
                let (name, device) = match &subject {
                    Subject::Process(pid) | Subject::Memory(pid) => (self.name_of(*pid), None),
                    Subject::Descriptor(pid, fd) => (format!("{}, fd {fd}", self.name_of(*pid)), None),
                    Subject::Place(path) => self.file_system_of(path),
                    Subject::Sockets(name, _) => (name.clone(), None),
                };
                let waits_in = self.waits_in(&subject);
                let mut silent = self.silent();
                if let Some(device) = device {
                    silent.add_device(device, subject.clone());
                }
                silent.add(subject, Met { name, waits_in, wchan, left });
            }
        }
        io::ErrorKind::TimedOut.into()
    }

    /// A process's name and id, for a report.
    fn name_of(&self, pid: u32) -> String {
        let comm = self.read_anyway(&format!("/proc/{pid}/comm")).map(|file| process::comm(&file));
        format!("{} ({pid})", comm.unwrap_or_else(|| b"process".to_vec()).escape_ascii())
    }

    /// The kernel function that somebody waits in who does not answer for one of the things that he has. Of a
    /// process that does not answer at all, this file does not either.
    fn waits_in(&self, subject: &Subject) -> Option<String> {
        let pid = subject.pid().filter(|_| !matches!(subject, Subject::Process(_)))?;
        let wchan = self.read_anyway(&format!("/proc/{pid}/wchan"))?;
        (!wchan.is_empty() && wchan != b"0").then(|| wchan.escape_ascii().to_string())
    }

    /// What a path lies on, for a report, and its device number.
    fn file_system_of(&self, path: &Path) -> (String, Option<Vec<u8>>) {
        let shown = path.display().to_string().escape_default().to_string();
        match self.mount_of(path) {
            Some((point, kind, device)) => {
                let point = point.display().to_string().escape_default().to_string();
                (format!("{kind} at {point}, where {shown} lies"), Some(device))
            }
            None => (shown, None),
        }
    }

    fn mount_of(&self, path: &Path) -> Option<(PathBuf, String, Vec<u8>)> {
        // What lies below a process's root is mounted as that process sees it.
        let of_process = path.strip_prefix("/proc").ok().and_then(|rest| {
            let mut parts = rest.components();
            let pid = parts.next()?.as_os_str().to_str()?.to_owned();
            let is_root = parts.next().is_some_and(|part| part.as_os_str() == "root");
            is_root.then(|| (pid, Path::new("/").join(parts.as_path())))
        });
        let (whose, there) = match of_process {
            Some((pid, there)) => (pid, there),
            None => ("self".to_owned(), self.live.place_of(path)),
        };
        let mountinfo = self.read_anyway(&format!("/proc/{whose}/mountinfo"))?;
        let is_of_kernel = |kind: &str| ["proc", "sysfs", "cgroup", "cgroup2"].contains(&kind);
        // Of the scanner's own root nothing dead is to be said: it runs from there.
        let found = file_system(&mountinfo, &there)?;
        (found.0 != Path::new("/") && !is_of_kernel(&found.1)).then_some(found)
    }

    fn is_on_dead_device(&self, subject: &Subject) -> bool {
        let Subject::Place(path) = subject else { return false };
        if !self.silent().has_devices() {
            return false;
        }
        self.mount_of(path).is_some_and(|(_, _, device)| self.silent().has_device(&device))
    }

    /// Reads a file that answers whatever happens, even of one that did not answer before.
    fn read_anyway(&self, path: &str) -> Option<Vec<u8>> {
        let mut worker = self.worker()?;
        let mut file = Vec::new();
        let question = Question::Read { path: path.into(), limit: LARGEST_FILE };
        let more = &mut |bytes: &[u8]| file.extend_from_slice(bytes);
        match worker.ask(question.encode().as_slice(), &self.budget, Duration::ZERO, more) {
            Ok(()) => self.give_back(worker),
            Err(Trouble::Refused(_)) => {
                self.give_back(worker);
                return None;
            }
            Err(_) => {
                worker.leave();
                return None;
            }
        }
        Some(file)
    }

    /// Asks about a path what has bytes for an answer.
    fn bytes_of(&self, path: &Path, question: &Question) -> Option<io::Result<Vec<u8>>> {
        let mut bytes = Vec::new();
        let asked = self.ask(Subject::of(path), question, &mut |more| bytes.extend_from_slice(more))?;
        Some(asked.map(|()| bytes))
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("live", &self.live)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
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
                if let Some(error) = self.no_worker() {
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
                    drop(worker.leave());
                    on_file(next, Err(io::ErrorKind::InvalidData.into()));
                    next += 1;
                }
                Err(trouble) => {
                    let Some(path) = paths.get(next) else { return drop(worker.leave()) };
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
            let then = if self.asks_directly() {
                "until then what does not answer can hold up the report"
            } else {
                "until then less is asked"
            };
            gaps.push(Gap::uncounted(Missing::Workers, error.to_string(), format!("{remedy}; {then}")));
        }
        gaps
    }
}
