//! Being told to end: Ctrl-C and SIGTERM.

use std::io::{self, PipeReader, Read as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::commands::program;

/// Whoever is told to end has ended so long after, whatever is in the way: a pipe that nobody reads, too.
const LAST: Duration = Duration::from_millis(450);

/// Whether somebody has told this process to end.
#[derive(Debug)]
pub(crate) struct Signals {
    /// The signal that told it; 0: none.
    told: Arc<AtomicUsize>,
    /// Nothing is waited for any more.
    over: Arc<AtomicBool>,
    /// Gets a byte with each signal, so that a wait ends at once.
    wake: PipeReader,
}

impl Signals {
    /// Listens from now on. What is waited for is [given up](Signals::over) this long after a signal; a
    /// second signal ends the process without ceremony.
    pub(crate) fn listen(grace: Duration) -> io::Result<Signals> {
        let told = Arc::clone(TOLD.get_or_init(Arc::default));
        let over = Arc::new(AtomicBool::new(false));
        // No sockets: those would be among what is reported.
        let (wake, waker) = io::pipe()?;
        let (alarm, alarmer) = io::pipe()?;
        let watcher = (Arc::clone(&told), Arc::clone(&over));
        let is_watched = std::thread::Builder::new().name("skcheck-signals".to_owned());
        let is_watched = is_watched.spawn(move || end_after(alarm, grace, &watcher)).is_ok();
        let second = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset, and sets it.
            flag::register_conditional_shutdown(signal, code(signal).into(), Arc::clone(&second))?;
            flag::register(signal, Arc::clone(&second))?;
            flag::register_usize(signal, Arc::clone(&told), usize::try_from(signal).unwrap_or(0))?;
            if !is_watched {
                flag::register(signal, Arc::clone(&over))?;
            }
            low_level::pipe::register(signal, waker.try_clone()?)?;
            low_level::pipe::register(signal, alarmer.try_clone()?)?;
        }
        if is_watched {
            // The kernel gives a signal to the main thread, if that takes it, even while it waits for
            // something else (`complete_signal`). So the watcher alone takes them.
            program::ends().thread_block().map_err(io::Error::from)?;
        }
        Ok(Signals { told, over, wake })
    }

    /// Is set when nothing is to be waited for any more.
    pub(crate) fn over(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.over)
    }

    /// Whether [`over`](Signals::over) is set.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// The exit code of whoever was told to end, if this process was.
    pub(crate) fn code(&self) -> Option<u8> {
        exit_code(&self.told)
    }

    /// Waits until then, or until told to end: then the answer is `true`.
    pub(crate) fn wait(&self, until: Instant) -> io::Result<bool> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.code().is_some() || left.is_zero() {
                return Ok(self.code().is_some());
            }
            let mut wake = [PollFd::new(&self.wake, PollFlags::IN)];
            match poll(&mut wake, Timespec::try_from(left).ok().as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Who was told to end in this process, for those that have no [`Signals`] any more.
static TOLD: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// The exit code of this process, if it was told to end.
pub(crate) fn told() -> Option<u8> {
    exit_code(TOLD.get()?)
}

fn exit_code(told: &AtomicUsize) -> Option<u8> {
    match told.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(code(i32::try_from(signal).unwrap_or(SIGTERM))),
    }
}

/// 128 and the signal's number, as shells have it.
fn code(signal: i32) -> u8 {
    u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(128))
}

/// Waits for a signal, and then sees to it that the process ends.
fn end_after(mut alarm: PipeReader, grace: Duration, (told, over): &(Arc<AtomicUsize>, Arc<AtomicBool>)) {
    while alarm.read(&mut [0]).is_err() {}
    std::thread::sleep(grace);
    over.store(true, Ordering::Relaxed);
    std::thread::sleep(LAST.saturating_sub(grace));
    let signal = i32::try_from(told.load(Ordering::Relaxed)).unwrap_or(SIGTERM);
    low_level::exit(code(signal).into());
}
