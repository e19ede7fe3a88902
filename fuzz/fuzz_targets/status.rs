//! /proc/PID/status, comm and cmdline.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::cmdline::cmdline;
use skcheck_core::testing::procfs::comm::comm;
use skcheck_core::testing::procfs::status::Status;

fuzz_target!(|file: &[u8]| {
    let _ = (Status::parse(file), comm(file));
    // Arguments are what lies between NULs.
    let arguments = cmdline(file).join(&0);
    assert!(file.starts_with(&arguments) && file.len() - arguments.len() <= 1);
});
