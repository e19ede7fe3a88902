//! Why a worker does not answer.

use std::io;

/// Why a question has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The answer is this error. The worker goes on.
    Refused(io::Error),
    /// The worker sleeps and does not come back.
    Stuck {
        /// The kernel function that it waits in (/proc/PID/wchan), where that is told.
        wchan: Option<String>,
    },
    /// There is no budget left, or the run was told to end.
    Over,
    /// The worker has ended, or says what makes no sense.
    Ended(Ending),
}

/// How a worker has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ending {
    /// How, in words.
    pub how: String,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Ending {
    /// Ended by no signal.
    pub(crate) fn new(how: impl Into<String>) -> Ending {
        Ending { how: how.into(), signal: None }
    }

    /// Whether who is out of memory ends so: killed by the kernel, or by its own allocator.
    pub fn may_lack_memory(&self) -> bool {
        const SIGABRT: i32 = 6;
        const SIGKILL: i32 = 9;
        matches!(self.signal, Some(SIGABRT | SIGKILL))
    }
}
