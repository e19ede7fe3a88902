//! /proc/PID/fdinfo/FD: rings of io_uring, descriptors in flight, epoll sets, any file; /proc/PID/maps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::open_file;
use skcheck_core::testing::procfs::fdinfo::{RingFiles, in_flight, interests};
use skcheck_core::testing::procfs::maps::mapped_sockets;

fuzz_target!(|file: &[u8]| {
    let lines = file.split(|&b| b == b'\n').count();
    let ring = RingFiles::parse(file);
    assert!(ring.sockets.len() as u64 + ring.unnamed < lines as u64);
    assert!(mapped_sockets(file).count() <= lines);
    assert!(interests(file).count() <= lines);
    let _ = (in_flight(file), open_file(file));
});
