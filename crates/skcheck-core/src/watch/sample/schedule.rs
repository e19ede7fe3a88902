//! When something is looked at again that costs too much to be looked at each time.

use std::time::{Duration, Instant};

/// From when on it is due again, on the clock of the watch. At once, at first.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Schedule {
    due: Duration,
}

impl Schedule {
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.due <= now
    }

    /// Due at once.
    pub(crate) fn hurry(&mut self, now: Duration) {
        self.due = now;
    }

    /// Does the work, and is due again when that has taken no more than one part in `parts` of the time.
    pub(crate) fn run<T>(&mut self, now: Duration, parts: u32, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.due = now.saturating_add(begun.elapsed().saturating_mul(parts));
        done
    }
}
