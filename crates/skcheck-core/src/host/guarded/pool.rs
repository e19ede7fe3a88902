//! The workers of a host.

use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::host::budget::Budget;
use crate::host::guarded::question::{FileQuestion, HostQuestion};
use crate::host::seam::LARGEST_FILE;
use crate::host::worker::{Trouble, Worker};

/// When one has not answered, the rest is asked so many at the same time, each by a worker: where one is
/// stuck many are. So many workers are kept that have nothing to do.
pub(super) const AT_ONCE: usize = 16;

/// How a worker is started: the command of a program that runs an [`Answering`](crate::host::Answering).
pub type WorkerStart = dyn Fn() -> Command + Send + Sync;

/// Workers, and what they may wait together.
pub(super) struct WorkerPool {
    start: Box<WorkerStart>,
    pub(super) budget: Budget,
    idle: Mutex<Vec<Worker>>,
    /// Why a worker could not be had.
    lack: Mutex<Option<io::Error>>,
    /// Whether there ever was one. If not, everything is asked directly.
    has_had_any: AtomicBool,
}

impl WorkerPool {
    /// Workers that are started so. The first is started at once.
    pub(super) fn new(start: Box<WorkerStart>, budget: Budget) -> WorkerPool {
        let has_had_any = AtomicBool::new(false);
        let pool = WorkerPool { start, budget, idle: Mutex::default(), lack: Mutex::default(), has_had_any };
        if let Some(worker) = pool.take() {
            pool.give_back(worker);
        }
        pool
    }

    /// One that is idle, or a new one; `None` where none can be had.
    pub(super) fn take(&self) -> Option<Worker> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut worker) = idle() {
            // Anybody may have killed one that had nothing to do.
            if !worker.has_ended() {
                return Some(worker);
            }
        }
        match Worker::start((self.start)()) {
            Ok(worker) => {
                self.has_had_any.store(true, Ordering::Relaxed);
                Some(worker)
            }
            Err(error) => {
                self.lack().get_or_insert(error);
                None
            }
        }
    }

    /// Keeps one that has nothing more to do.
    pub(super) fn give_back(&self, worker: Worker) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < AT_ONCE {
            idle.push(worker);
        }
    }

    /// Whether there ever was one.
    pub(super) fn has_had_any(&self) -> bool {
        self.has_had_any.load(Ordering::Relaxed)
    }

    /// Why a worker could not be had, where there was one too few.
    pub(super) fn lack(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.lack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends those that have nothing to do.
    pub(super) fn clear(&mut self) {
        self.idle.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads a file that answers whatever happens, even of one that did not answer before.
    pub(super) fn read_anyway(&self, path: &str) -> Option<Vec<u8>> {
        let mut worker = self.take()?;
        let mut file = Vec::new();
        let question = FileQuestion::Read { path: path.into(), limit: LARGEST_FILE };
        let question = HostQuestion::from(question).encode();
        let more = &mut |bytes: &[u8]| file.extend_from_slice(bytes);
        let asked = worker.ask(question.as_slice(), &self.budget, Duration::ZERO, more);
        let is_read = asked.is_ok();
        if matches!(asked, Ok(()) | Err(Trouble::Refused(_))) {
            self.give_back(worker);
        }
        is_read.then_some(file)
    }
}
