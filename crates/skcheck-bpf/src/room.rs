//! Whether there is room for loading programs. What runs into a limit in the middle of that says something
//! else: the loader takes a descriptor that cannot be had for a kernel that lacks a feature, and memory that
//! cannot be had ends the process.

use std::fs::File;

use crate::error::{Error, Kind};

/// How many descriptors it takes: maps, programs, BTF and links, and what the loader tries out.
const DESCRIPTORS: usize = 32;

/// How much memory it takes at its height, in bytes: the kernel's BTF read twice, each type an object, and
/// the stacks and arenas of the threads that read it.
const MEMORY: usize = 192 << 20;

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
