//! The file that the kernel shows its BTF in.

#![expect(unsafe_code, reason = "a mapping of memory that never changes")]

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// Where it is.
pub(crate) const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// The kernel's BTF, whole: some megabytes.
#[derive(Debug)]
pub(super) enum KernelFile {
    /// The kernel's own memory, since Linux 6.16.
    Mapped(Mapping),
    /// A copy, of which read(2) gives no more than a page at a time.
    Copied(Vec<u8>),
}

impl KernelFile {
    pub(super) fn open() -> io::Result<KernelFile> {
        let mut file = File::open(VMLINUX)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        if let Some(mapping) = Mapping::of(&file, length) {
            return Ok(KernelFile::Mapped(mapping));
        }
        let mut copy = Vec::with_capacity(length);
        file.read_to_end(&mut copy)?;
        Ok(KernelFile::Copied(copy))
    }
}

impl Deref for KernelFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            KernelFile::Mapped(mapping) => mapping,
            KernelFile::Copied(copy) => copy,
        }
    }
}

/// Memory of the kernel's that can be read here.
#[derive(Debug)]
pub(super) struct Mapping {
    address: NonNull<u8>,
    length: usize,
}

impl Mapping {
    /// `None` where the file cannot be mapped.
    fn of(file: &File, length: usize) -> Option<Mapping> {
        let (read, private) = (libc::PROT_READ, libc::MAP_PRIVATE);
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), length, read, private, file.as_raw_fd(), 0) };
        let address = NonNull::new(address).filter(|_| address != libc::MAP_FAILED)?;
        Some(Mapping { address: address.cast(), length })
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: it is mapped as long as this is there, and nothing writes to that part of the kernel's image.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nobody refers to it any more.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_is_what_is_read() {
        let read = std::fs::read(VMLINUX).expect("this kernel has BTF");
        assert!(*KernelFile::open().expect("it can be read") == *read);
        let no_file = File::open("/proc/self/fd").expect("it is there");
        assert!(Mapping::of(&no_file, 1).is_none());
    }
}
