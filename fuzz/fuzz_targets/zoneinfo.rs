//! /proc/zoneinfo.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::zones;

fuzz_target!(|file: &[u8]| {
    // What is no line of it changes nothing.
    let more = [file, b"\n\xff\n", b"Node 0, zone Normal\n"].concat();
    assert_eq!(zones(file), zones(&more));
});
