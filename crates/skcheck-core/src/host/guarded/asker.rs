//! Asks a host's workers, and remembers who does not answer.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::host::budget::Budget;
use crate::host::guarded::owners::Whose;
use crate::host::guarded::pool::{WorkerPool, WorkerStart};
use crate::host::guarded::question::HostQuestion;
use crate::host::guarded::silence::{Met, Silent};
use crate::host::guarded::subject::Subject;
use crate::host::live::Live;
use crate::host::worker::stragglers::{reap, reap_soon};
use crate::host::worker::{Left, Trouble, Worker};
use crate::model::place::{Place, ProcessName};

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
    pub(super) live: Live,
    pub(super) pool: WorkerPool,
    silent: Mutex<Silent>,
    /// What was read of files that do not change; `None` for those that are not there.
    pub(super) constant: Mutex<BTreeMap<PathBuf, Option<Vec<u8>>>>,
}

impl Guarded {
    /// Asks the host that `live` shows, by workers that are started so: each is a program that runs an
    /// [`Answering`](crate::host::Answering) over the same host. The first is started at once.
    pub fn new(live: Live, start: Box<WorkerStart>, budget: Budget) -> Guarded {
        let pool = WorkerPool::new(start, budget);
        Guarded { live, pool, silent: Mutex::default(), constant: Mutex::default() }
    }

    /// What there is to wait.
    pub fn budget(&self) -> &Budget {
        &self.pool.budget
    }

    /// Begins one more look, as a watch does: with this budget, and those that did not answer long ago are
    /// asked again.
    pub fn begin_look(&self, budget: Duration) {
        reap();
        self.budget().refill(budget);
        self.silent().begin_anew();
    }

    /// What was read of a file that does not change; `Some(None)` where there is none.
    pub(super) fn constant(&self, path: &Path) -> Option<Option<Vec<u8>>> {
        self.constant.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    pub(super) fn silent(&self) -> MutexGuard<'_, Silent> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn whose(&self) -> Whose<'_> {
        Whose { pool: &self.pool, live: &self.live }
    }

    /// There is no worker for a question: an error, unless it is asked directly. That is done where there
    /// never was a worker; and where there are too few of them, as long as everybody has answered, the kernel
    /// and processes: whoever waits for these can be ended (since Linux 6.9 and 5.3).
    pub(super) fn no_worker(&self, subject: &Subject) -> Option<io::Error> {
        let is_direct = !self.pool.has_had_any()
            || self.silent().is_empty()
                && (subject.is_of_kernel() || matches!(subject, Subject::Process(_) | Subject::Memory(_)));
        (!is_direct).then(|| {
            self.silent().lacked += 1;
            io::ErrorKind::TimedOut.into()
        })
    }

    /// Whether there is no use in asking: it is known not to answer, or there is no time left.
    pub(super) fn is_hopeless(&self, subject: &Subject) -> bool {
        if self.silent().has(subject) || self.is_on_dead_device(subject) {
            return true;
        }
        // What the kernel itself tells, and not about anybody, is few questions: each is asked at least
        // shortly.
        let is_over = self.budget().left().is_zero() && (self.budget().is_ended() || !subject.is_of_kernel());
        if is_over {
            self.silent().unasked += 1;
        }
        is_over
    }

    /// Whether it lies on a file system that is known not to answer.
    fn is_on_dead_device(&self, subject: &Subject) -> bool {
        let Subject::Place(path) = subject else { return false };
        if !self.silent().has_devices() {
            return false;
        }
        let mount = self.whose().mount_of(path);
        mount.is_some_and(|mount| self.silent().has_device(&mount.device))
    }

    /// Asks a question, and hands on the answer's parts. `None` where there is no worker to ask.
    pub(super) fn ask(
        &self,
        subject: Subject,
        question: impl Into<HostQuestion>,
        on_more: &mut dyn FnMut(&[u8]),
    ) -> Option<io::Result<()>> {
        if self.is_hopeless(&subject) {
            return Some(Err(io::ErrorKind::TimedOut.into()));
        }
        let Some(mut worker) = self.pool.take() else { return self.no_worker(&subject).map(Err) };
        let question = question.into().encode();
        let asked = worker.ask(question.as_slice(), self.budget(), Duration::ZERO, on_more);
        Some(self.settle(worker, asked, subject))
    }

    /// What comes of a question: a worker that has answered, if only with an error, waits for the next one;
    /// who did not answer is remembered.
    pub(super) fn settle(
        &self,
        worker: Worker,
        asked: Result<(), Trouble>,
        subject: Subject,
    ) -> io::Result<()> {
        self.settle_into(worker, asked, subject, |worker| self.pool.give_back(worker))
    }

    /// The same; a worker that has answered goes on where its conversation keeps it.
    pub(super) fn settle_into(
        &self,
        worker: Worker,
        asked: Result<(), Trouble>,
        subject: Subject,
        keep: impl FnOnce(Worker),
    ) -> io::Result<()> {
        match asked {
            Ok(()) => {
                keep(worker);
                Ok(())
            }
            Err(Trouble::Refused(error)) => {
                keep(worker);
                Err(error)
            }
            Err(trouble) => Err(self.despair(worker, trouble, subject)),
        }
    }

    /// Leaves a worker that does not answer, and notes why.
    fn despair(&self, worker: Worker, trouble: Trouble, subject: Subject) -> io::Error {
        let left = worker.leave();
        match trouble {
            Trouble::Refused(error) => return error,
            Trouble::Over => self.silent().unasked += 1,
            // Who ends a whole service ends its workers with it.
            Trouble::Ended(_) if self.budget().is_ended() => self.silent().unasked += 1,
            Trouble::Ended(ending) => {
                let (place, _) = self.place_of(&subject);
                self.silent().ended.push((place, ending));
                return io::Error::other("the process that read it has ended");
            }
            Trouble::Stuck { wchan } => {
                self.budget().note_silence();
                self.remember(subject, wchan, left);
            }
        }
        io::ErrorKind::TimedOut.into()
    }

    /// Notes who does not answer, under the name that it has in a report.
    fn remember(&self, subject: Subject, wchan: Option<String>, left: Left) {
        let (place, device) = self.place_of(&subject);
        let waits_in = self.whose().waits_in(&subject);
        let mut silent = self.silent();
        if let Some(device) = device {
            silent.add_device(device, subject.clone());
        }
        silent.add(subject, Met { place, waits_in, wchan, left });
    }

    /// Where a report says that somebody is, and the device number of what he lies on.
    fn place_of(&self, subject: &Subject) -> (Place, Option<Vec<u8>>) {
        let whose = self.whose();
        match subject {
            Subject::Process(pid) | Subject::Memory(pid) => (Place::process(whose.name_of(*pid)), None),
            Subject::Descriptor(pid, fd) => {
                (Place::process(ProcessName { fd: Some(*fd), ..whose.name_of(*pid) }), None)
            }
            Subject::Place(path) => whose.file_system_of(path),
            // One socket tells more than the namespace that it is in; what all have, less.
            Subject::Sockets(place @ (Place::Processes { .. } | Place::Connection { .. }), _)
            | Subject::Sockets(place, None) => (place.clone(), None),
            Subject::Sockets(_, Some(netns)) => (Place::namespace(netns.clone()), None),
        }
    }
}

impl Drop for Guarded {
    /// Who is left to the first process of a container may stay a zombie there.
    fn drop(&mut self) {
        self.pool.clear();
        *self.silent.get_mut().unwrap_or_else(PoisonError::into_inner) = Silent::default();
        reap_soon();
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("live", &self.live)
            .field("budget", self.budget())
            .finish_non_exhaustive()
    }
}
