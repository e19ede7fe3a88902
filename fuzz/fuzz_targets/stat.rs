//! /proc/PID/stat and the like of a thread, and /proc/stat.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::kernel_stat::cpus;
use skcheck_core::testing::procfs::schedstat::Schedstat;
use skcheck_core::testing::procfs::stat::Stat;
use skcheck_core::testing::procfs::wchan::wchan;

fuzz_target!(|file: &[u8]| {
    assert!(Stat::parse(file).is_none_or(|stat| stat.comm.len() + 2 < file.len()));
    let _ = (Schedstat::parse(file), wchan(file), cpus(file));
});
