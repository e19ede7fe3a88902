//! The descriptors that this process was started with. Without a standard output the standard library opens
//! /dev/null in its place, before `main` begins, and then nothing tells that what is written is lost.

#![expect(unsafe_code, reason = "descriptors that nobody in this process has opened")]

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether descriptor 1 was closed when this process began.
pub fn stdout_was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Keeps all but the standard ones, as far as they are open now, from the programs that this process starts:
/// one that may be left behind keeps none of its caller's pipes open.
pub fn pass_on_none() {
    // SAFETY: it takes no pointer, and closes nothing.
    if unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) } == 0 {
        return;
    }
    // Before Linux 5.11.
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<libc::c_int>().ok();
    let listed = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten().filter_map(number);
    for fd in listed.filter(|fd| *fd > libc::STDERR_FILENO) {
        // SAFETY: F_SETFD takes no pointer, and of a number that is no descriptor nothing comes.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

// SAFETY: the dynamic loader calls it with arguments that it ignores; it makes one system call and sets a
// flag.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    // SAFETY: F_GETFD takes no pointer, and changes nothing.
    if unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) } == -1 {
        CLOSED.store(true, Ordering::Relaxed);
    }
}
