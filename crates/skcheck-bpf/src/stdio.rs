//! Whether this process was started without a standard output. The standard library opens /dev/null in place of one
//! that is closed, before `main` begins, and then nothing tells that what is written is lost.

#![expect(unsafe_code, reason = "a function that runs before the standard library's own beginning")]

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether descriptor 1 was closed when this process began.
pub fn stdout_was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

// SAFETY: the dynamic loader calls it with arguments that it ignores; it makes one system call and sets a flag.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    // SAFETY: F_GETFD takes no pointer, and changes nothing.
    if unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) } == -1 {
        CLOSED.store(true, Ordering::Relaxed);
    }
}
