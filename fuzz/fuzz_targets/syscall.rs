//! /proc/PID/task/TID/syscall.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::syscall::Machine;
use skcheck_core::testing::syscall;
use skcheck_core::watch::evidence::{Call, Syscall};

fuzz_target!(|file: &[u8]| {
    let [intel, generic, unknown] =
        [Machine::X86_64, Machine::Generic, Machine::Unknown].map(|machine| syscall(file, machine));
    match unknown {
        // What is called is the same on every machine, only its meaning is not.
        Some(Syscall::In { call, number, arguments }) => {
            assert_eq!(call, Call::Other);
            for known in [intel, generic] {
                let is_same = matches!(known, Some(Syscall::In { number: n, arguments: a, .. })
                    if n == number && a == arguments);
                assert!(is_same);
            }
        }
        other => assert!(other == intel && other == generic),
    }
});
