//! Being told to end: Ctrl-C and SIGTERM.

use std::io::{self, ErrorKind, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// The exit code of who was told twice: a look that hangs must not keep a terminal.
const KILLED: i32 = 130;

/// Whether somebody has told this process to end.
#[derive(Debug)]
pub(crate) struct Signals {
    told: Arc<AtomicBool>,
    /// Gets a byte with each signal, so that a wait ends at once.
    wake: UnixStream,
}

impl Signals {
    /// Listens from now on; a second signal of the kind ends the process without ceremony.
    pub(crate) fn listen() -> io::Result<Signals> {
        let told = Arc::new(AtomicBool::new(false));
        let (wake, waker) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset, and sets it.
            flag::register_conditional_shutdown(signal, KILLED, Arc::clone(&told))?;
            flag::register(signal, Arc::clone(&told))?;
            pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Signals { told, wake })
    }

    /// Waits until then, or until told to end: then the answer is `true`.
    pub(crate) fn wait(&self, until: Instant) -> io::Result<bool> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.told.load(Ordering::Relaxed) || left.is_zero() {
                return Ok(self.told.load(Ordering::Relaxed));
            }
            self.wake.set_read_timeout(Some(left))?;
            match (&self.wake).read(&mut [0]) {
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
