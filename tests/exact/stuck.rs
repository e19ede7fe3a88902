//! A thread that is stuck in the middle of receiving, as one is whose buffer lies on a file system that does
//! not answer: it holds its socket's lock.
#![allow(unsafe_code, reason = "there is no safe way to userfaultfd")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::scan::eventually;

/// What ends it, should the test not come to its end.
const WATCHDOG: Duration = Duration::from_secs(60);

/// `struct uffdio_api`, and `struct uffdio_register` (linux/userfaultfd.h).
const UFFDIO_API: libc::c_ulong = 0xc018_aa3f;
const UFFDIO_REGISTER: libc::c_ulong = 0xc020_aa00;
const UFFD_API: u64 = 0xaa;
const REGISTER_MODE_MISSING: u64 = 1;

/// While this lives, a thread of this process is in the middle of receiving.
pub(crate) struct Stuck {
    /// Nobody answers its faults; when it is closed, they are answered as others are.
    faults: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    tid: i32,
    page: Page,
}

struct Page(*mut libc::c_void);

/// A page that is not there, and the descriptor that its faults go to.
fn page() -> (Page, OwnedFd) {
    let size = rustix::param::page_size();
    // SAFETY: a new mapping, which nothing else has.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: a system call that makes a descriptor.
    let faults = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) };
    let faults = i32::try_from(faults).expect("a descriptor");
    assert!(faults >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: it has just been made, and is nobody else's.
    let faults = unsafe { OwnedFd::from_raw_fd(faults) };
    let mut api = [UFFD_API, 0, 0];
    let mut register = [page as u64, size as u64, REGISTER_MODE_MISSING, 0];
    // SAFETY: both structures have the size that the requests name.
    unsafe {
        assert_eq!(libc::ioctl(faults.as_raw_fd(), UFFDIO_API as _, api.as_mut_ptr()), 0);
        assert_eq!(libc::ioctl(faults.as_raw_fd(), UFFDIO_REGISTER as _, register.as_mut_ptr()), 0);
    }
    (Page(page), faults)
}

impl Stuck {
    /// Begins to receive from this socket, which has something to read, and does not come to an end.
    pub(crate) fn receiving(socket: &impl AsRawFd) -> Stuck {
        let (page, faults) = page();
        let (fd, buffer) = (socket.as_raw_fd(), page.0 as usize);
        let (said, tid) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            said.send(rustix::thread::gettid().as_raw_nonzero().get()).expect("it waits");
            // SAFETY: the page stays until this thread has ended.
            unsafe { libc::recv(fd, buffer as *mut libc::c_void, 100, 0) };
        });
        let tid = tid.recv().expect("it runs");
        let stuck = Stuck { faults: Some(faults), thread: Some(thread), tid, page };
        stuck.watch();
        eventually("it is stuck", || stuck.is_stuck().then_some(()));
        stuck
    }

    /// Whether it is in the middle of a page fault.
    pub(crate) fn is_stuck(&self) -> bool {
        is_in_page_fault(self.tid)
    }

    /// Ends this process when it is still stuck after so long: a test that hangs must not leave it behind.
    fn watch(&self) {
        let tid = self.tid;
        std::thread::spawn(move || {
            std::thread::sleep(WATCHDOG);
            if is_in_page_fault(tid) {
                eprintln!("still stuck after {WATCHDOG:?}");
                std::process::abort();
            }
        });
    }
}

/// What kernels before 5.16 say in wchan is often nothing (`get_wchan` without frame pointers).
fn is_in_page_fault(tid: i32) -> bool {
    let stack = std::fs::read_to_string(format!("/proc/self/task/{tid}/stack"));
    stack.is_ok_and(|stack| stack.contains("handle_userfault"))
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.faults = None;
        let ended = self.thread.take().map(JoinHandle::join);
        // SAFETY: the thread that used it has ended.
        unsafe { libc::munmap(self.page.0, rustix::param::page_size()) };
        assert!(ended.is_some_and(|ended| ended.is_ok()), "it receives, once it can");
    }
}
