//! Whether there is room for loading programs. What runs into a limit in the middle of that says something
//! else: the loader takes a descriptor that cannot be had for a kernel that lacks a feature, and memory that
//! cannot be had ends the process.

use std::fs::File;

use skcheck_core::memory::{Headroom, own_headroom};
use skcheck_core::{Bytes, Host};

use crate::error::{Error, Kind};

/// How many descriptors it takes: maps, programs, BTF and links, and what the loader tries out.
const DESCRIPTORS: usize = 32;

/// How much memory it takes at its height, in bytes, where a loader parses all of the kernel's BTF, each type an
/// object: that, and the stacks and arenas of the threads that read it.
const MEMORY: usize = 192 << 20;

/// How much of that, and of the kernel's memory for programs and maps, is really used at the same time, in
/// bytes: some 31 MiB were measured, in two processes.
const USED: Bytes = Bytes(64 << 20);

/// Whether the control groups of this process have room for it. Where they have not, the kernel would kill:
/// some process of the group, or the whole of it (`memory.oom.group`).
///
/// # Errors
/// Which of them has too little.
pub(crate) fn in_control_groups(host: &dyn Host) -> Result<(), Error> {
    let Some(Headroom { bytes, path, .. }) = own_headroom(host).filter(|room| room.bytes < USED) else {
        return Ok(());
    };
    let (takes, has, path) = (USED.0 >> 20, bytes.0 >> 20, path.escape_ascii());
    Err(Error::new(
        Kind::Memory,
        format!("it wants {takes} MiB of memory, and cgroup {path} has {has} MiB left"),
    ))
}

/// Tries to have that much, and gives it back.
///
/// # Errors
/// What there is too little of.
pub(crate) fn look() -> Result<(), Error> {
    let mut files = Vec::with_capacity(DESCRIPTORS);
    for _ in 0..DESCRIPTORS {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) if error.raw_os_error().is_some_and(is_limit) => {
                return Err(Error::new(
                    Kind::Descriptors,
                    format!("it takes {DESCRIPTORS} descriptors: {error}"),
                ));
            }
            // Without /dev/null nothing can be said.
            Err(_) => break,
        }
    }
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(MEMORY).map_err(|error| {
        Error::new(Kind::Memory, format!("it takes {} MiB of memory: {error}", MEMORY >> 20))
    })
}

fn is_limit(number: i32) -> bool {
    number == libc::EMFILE || number == libc::ENFILE
}
