//! kcmp(2), which no safe interface has.

#![expect(unsafe_code, reason = "a system call with five numbers, which reads and writes no memory of ours")]

use std::io;

/// `KCMP_FILES` of linux/kcmp.h.
const KCMP_FILES: libc::c_int = 2;

/// Whether two tasks, by their ids in this process's pid namespace, have the same table of descriptors: for
/// [`Live::comparing`](skcheck_core::Live::comparing). kcmp(2) takes 3 µs, where a list of the descriptors
/// takes some 4 µs for each.
///
/// # Errors
/// `PermissionDenied` without CAP_SYS_PTRACE over both; ESRCH when one is gone; ENOSYS where the kernel was built
/// without `CONFIG_KCMP`.
pub fn same_files(one: u32, other: u32) -> io::Result<bool> {
    let no_index: libc::c_ulong = 0;
    // SAFETY: KCMP_FILES ignores the last two arguments, and none of them is a pointer.
    match unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, no_index, no_index) } {
        0 => Ok(true),
        1.. => Ok(false),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_and_processes_do_not() {
        let own = std::process::id();
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let (told, tid) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            told.send(rustix::thread::gettid().as_raw_pid().cast_unsigned()).expect("it waits");
            let _ = wait.recv();
        });
        assert!(same_files(own, tid.recv().expect("it tells")).expect("they are ours"));
        drop(done);
        other.join().expect("it does not panic");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        assert!(!same_files(own, child.id()).expect("it is ours"));
        child.kill().expect("it sleeps");
        child.wait().expect("it has ended");
        assert_eq!(same_files(own, 1 << 30).expect_err("there is none").raw_os_error(), Some(libc::ESRCH));
    }
}
