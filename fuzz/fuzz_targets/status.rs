//! /proc/PID/status, comm and cmdline.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::thread::tracer;
use skcheck_core::testing::procfs::{status, task};

fuzz_target!(|file: &[u8]| {
    let _ = (status::uid(file), status::ns_pid(file), status::thread_group(file), tracer(file));
    let _ = (status::effective_capabilities(file), task::comm(file));
    // Arguments are what lies between NULs.
    let arguments = task::cmdline(file).join(&0);
    assert!(file.starts_with(&arguments) && file.len() - arguments.len() <= 1);
});
