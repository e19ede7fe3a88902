//! /proc/PID/stat and the like of a thread.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::task::start_time;
use skcheck_core::testing::procfs::thread::{schedstat, stat, wchan};

fuzz_target!(|file: &[u8]| {
    if let Some(stat) = stat(file) {
        assert_eq!(start_time(file), Some(stat.start_time));
    }
    let _ = (schedstat(file), wchan(file));
});
