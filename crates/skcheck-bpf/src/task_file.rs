//! An iterator over the descriptors of one process, which aya has no way to ask for.

#![expect(unsafe_code, reason = "two calls of bpf(2) with attributes that nothing safe makes")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

// Of linux/bpf.h.
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_ITER_CREATE: libc::c_int = 33;
const BPF_TRACE_ITER: u32 = 28;

/// `union bpf_attr` of `BPF_LINK_CREATE`, of an iterator.
#[repr(C)]
struct LinkCreate {
    program: i32,
    target: u32,
    attach_type: u32,
    flags: u32,
    /// The address of a [`LinkInfo`], and its length.
    info: u64,
    info_length: u32,
    unused: u32,
}

/// The `task` of `union bpf_iter_link_info`: of one process where `pid` is not 0.
#[repr(C)]
struct LinkInfo {
    tid: u32,
    pid: u32,
    pid_fd: u32,
}

/// How long it is.
const LINK_INFO: u32 = 12;
const _: () = assert!(size_of::<LinkInfo>() == 12);

/// `union bpf_attr` of `BPF_ITER_CREATE`.
#[repr(C)]
struct IteratorCreate {
    link: i32,
    flags: u32,
}

/// An iterator of a program over the descriptors of one process, with those of its threads. One that there is not has
/// none. The process is named as in the caller's pid namespace.
///
/// # Errors
/// E2BIG before Linux 6.1, where an iterator is over all processes: what is known there of a link is shorter
/// (`bpf_check_uarg_tail_zero`).
pub(crate) fn of_process(program: BorrowedFd<'_>, pid: u32) -> io::Result<File> {
    let info = LinkInfo { tid: 0, pid, pid_fd: 0 };
    let link = LinkCreate {
        program: program.as_raw_fd(),
        target: 0,
        attach_type: BPF_TRACE_ITER,
        flags: 0,
        info: (&raw const info).addr() as u64,
        info_length: LINK_INFO,
        unused: 0,
    };
    // SAFETY: what it points to outlives the call.
    let link = unsafe { bpf(BPF_LINK_CREATE, &link) }?;
    // SAFETY: it points to nothing.
    unsafe { bpf(BPF_ITER_CREATE, &IteratorCreate { link: link.as_raw_fd(), flags: 0 }) }.map(File::from)
}

/// Makes a call that returns a descriptor.
///
/// # Safety
/// The kernel only reads the attributes. They must be those of this command, and what they point to must be there.
unsafe fn bpf<A>(command: libc::c_int, attributes: &A) -> io::Result<OwnedFd> {
    // SAFETY: the attributes are as long as is said, and without padding.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *attributes, size_of::<A>()) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just opened it, and it is nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_is_no_program_is_refused() {
        let file = File::open("/dev/null").expect("it is there");
        let error = of_process(file.as_fd(), 1).expect_err("it is no program");
        assert!(matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EPERM)), "{error}");
    }
}
