//! kcmp(2), which no safe interface has.

#![expect(unsafe_code, reason = "a system call with five numbers, which reads and writes no memory of ours")]

use std::io;

/// `KCMP_FILES` of linux/kcmp.h.
const KCMP_FILES: libc::c_int = 2;

/// Whether two tasks have the same table of descriptors.
pub(super) fn same_files(one: u32, other: u32) -> io::Result<bool> {
    let no_index: libc::c_ulong = 0;
    // SAFETY: KCMP_FILES ignores the last two arguments, and none of them is a pointer.
    match unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, no_index, no_index) } {
        0 => Ok(true),
        1.. => Ok(false),
        _ => Err(io::Error::last_os_error()),
    }
}
