//! /proc/PID/status, comm and cmdline.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::process;
use skcheck_core::watch::parse::tracer;

fuzz_target!(|file: &[u8]| {
    let _ = (process::uid(file), process::ns_pid(file), process::thread_group(file), tracer(file));
    let _ = (process::effective_capabilities(file), process::comm(file));
    // Arguments are what lies between NULs.
    let arguments = process::cmdline(file).join(&0);
    assert!(file.starts_with(&arguments) && file.len() - arguments.len() <= 1);
});
