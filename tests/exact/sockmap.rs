//! A sockmap: a program takes what arrives out of the receive queue, and keeps it in a queue of its own.
#![allow(unsafe_code, reason = "there is no safe way to bpf(2) without an object file")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Commands, and types of maps, programs and attachments (linux/bpf.h).
const MAP_CREATE: i64 = 0;
const MAP_UPDATE_ELEM: i64 = 2;
const PROG_LOAD: i64 = 5;
const PROG_ATTACH: i64 = 8;
const SOCKMAP: u32 = 15;
const SK_SKB: u32 = 14;
const SK_SKB_VERDICT: u32 = 38;

/// A map of sockets, with a program that passes on whatever arrives for one of them: to its reader, through
/// the map's own queue (`sk_psock`).
pub(crate) struct Sockmap(OwnedFd);

impl Sockmap {
    pub(crate) fn new() -> Sockmap {
        let map = made(MAP_CREATE, &mut attributes(&[(0, SOCKMAP), (4, 4), (8, 4), (12, 4)], &[]));
        // return SK_PASS
        let program: [u64; 2] = [0x0000_0001_0000_00b7, 0x95];
        let license = c"GPL";
        let mut load = attributes(
            &[(0, SK_SKB), (4, 2), (68, SK_SKB_VERDICT)],
            &[(8, program.as_ptr() as u64), (16, license.as_ptr() as u64)],
        );
        let program = made(PROG_LOAD, &mut load);
        let fds = [&map, &program].map(|fd| fd.as_raw_fd().cast_unsigned());
        call(PROG_ATTACH, &mut attributes(&[(0, fds[0]), (4, fds[1]), (8, SK_SKB_VERDICT)], &[]));
        Sockmap(map)
    }

    /// Hands a connected TCP socket over to it.
    pub(crate) fn take(&self, socket: &impl AsRawFd) {
        let (key, value) = (0u32, socket.as_raw_fd());
        let places = [(8, (&raw const key) as u64), (16, (&raw const value) as u64)];
        call(MAP_UPDATE_ELEM, &mut attributes(&[(0, self.0.as_raw_fd().cast_unsigned())], &places));
    }
}

/// `union bpf_attr` with these numbers at these places, in bytes.
fn attributes(numbers: &[(usize, u32)], addresses: &[(usize, u64)]) -> [u8; 128] {
    let mut bytes = [0; 128];
    numbers.iter().for_each(|(at, number)| bytes[*at..at + 4].copy_from_slice(&number.to_ne_bytes()));
    addresses.iter().for_each(|(at, address)| bytes[*at..at + 8].copy_from_slice(&address.to_ne_bytes()));
    bytes
}

fn call(command: i64, attributes: &mut [u8; 128]) -> i64 {
    // SAFETY: the union is as long as is said, and what it points to outlives the call.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), attributes.len()) };
    assert!(answer >= 0, "bpf command {command}: {}", std::io::Error::last_os_error());
    answer
}

fn made(command: i64, attributes: &mut [u8; 128]) -> OwnedFd {
    let fd = call(command, attributes).try_into().expect("a descriptor");
    // SAFETY: it has just been made, and is nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
