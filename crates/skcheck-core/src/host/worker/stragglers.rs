//! Workers that did not answer and were left behind.

use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Those that were killed and that nobody looks after any more.
pub(super) static LEFT: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Waits for those of them that have ended, so that none stays a zombie.
pub(crate) fn reap() {
    LEFT.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

/// The same, for as long as it takes one to end that waits for nothing.
pub(crate) fn reap_soon() {
    const SOON: Duration = Duration::from_millis(50);
    let begun = Instant::now();
    loop {
        reap();
        let is_done = LEFT.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if is_done || begun.elapsed() >= SOON {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The process of a worker, which has been killed.
#[derive(Debug)]
pub(crate) struct Left {
    pub(super) id: u32,
    /// `None` once it has ended.
    pub(super) child: Option<Child>,
}

impl Left {
    /// Whether it has ended: what it waited for has let go of it.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.take_if(|child| !matches!(child.try_wait(), Ok(None)));
        self.child.is_none()
    }

    pub(super) fn kill(&mut self) {
        let _ = self.child.as_mut().map(Child::kill);
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        self.kill();
        if let Some(child) = self.child.take() {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).push(child);
        }
    }
}
