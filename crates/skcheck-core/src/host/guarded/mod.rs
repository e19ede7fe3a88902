//! The host that runs, asked so that nothing on it can hold up who asks.
//!
//! Whatever is read is read by a [worker]. What a question waits for is spent from one [`Budget`]; who does
//! not answer is skipped from then on, and named in [`Host::unanswered`](crate::host::Host::unanswered).

pub(crate) mod answer;
pub(crate) mod asking;
pub(crate) mod conversation;
pub(crate) mod processes;
pub(crate) mod question;
pub(crate) mod silent;
pub(crate) mod whose;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::host::budget::Budget;
use crate::host::guarded::question::Question;
use crate::host::guarded::silent::{Met, Silent, Subject};
use crate::host::live::Live;
use crate::host::worker::{self, Trouble, Worker};

pub use crate::host::guarded::answer::Answering;

/// So many workers are kept that have nothing to do.
const IDLE: usize = processes::AT_ONCE;

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
    /// What was read of files that do not change; `None` for those that are not there.
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

    /// Begins one more look, as a watch does: with this budget, and those that did not answer long ago are
    /// asked again.
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
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut worker) = idle() {
            // Anybody may have killed one that had nothing to do.
            if !worker.has_ended() {
                return Some(worker);
            }
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

    /// There is no worker for a question: an error, unless it is asked directly. That is done where there
    /// never was a worker; and where there are too few of them, as long as everybody has answered, the kernel
    /// and processes: whoever waits for these can be ended (since Linux 6.9 and 5.3).
    fn no_worker(&self, subject: &Subject) -> Option<io::Error> {
        let is_direct = !self.has_workers.load(Ordering::Relaxed)
            || self.silent().is_empty()
                && (subject.is_of_kernel() || matches!(subject, Subject::Process(_) | Subject::Memory(_)));
        (!is_direct).then(|| {
            self.silent().lacked += 1;
            io::ErrorKind::TimedOut.into()
        })
    }

    fn give_back(&self, worker: Worker) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(worker);
        }
    }

    /// Whether there is no use in asking: it is known not to answer, or there is no time left.
    fn is_hopeless(&self, subject: &Subject) -> bool {
        if self.silent().has(subject) || self.is_on_dead_device(subject) {
            return true;
        }
        // What the kernel itself tells, and not about anybody, is few questions: each is asked at least
        // shortly.
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
        let Some(mut worker) = self.worker() else { return self.no_worker(&subject).map(Err) };
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
            // Who ends a whole service ends its workers with it.
            Trouble::Ended(_) if self.budget.is_ended() => self.silent().unasked += 1,
            Trouble::Ended(ending) => {
                self.silent().ended.push(ending);
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
}

impl Drop for Guarded {
    /// Who is left to the first process of a container may stay a zombie there.
    fn drop(&mut self) {
        self.idle.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        *self.silent.get_mut().unwrap_or_else(PoisonError::into_inner) = Silent::default();
        worker::reap_soon();
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
