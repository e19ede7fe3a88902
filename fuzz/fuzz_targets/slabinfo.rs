//! /proc/slabinfo, the objects of a slab in /sys, and other facts of a kernel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::host::Release;
use skcheck_core::testing::procfs::config::KernelConfig;
use skcheck_core::testing::procfs::slabinfo::{SKB_SLABS, active_objects, active_objects_at_most};
use skcheck_core::{HostFacts, PageSize};

fuzz_target!(|file: &[u8]| {
    let mut host = HostFacts::assumed(PageSize(65536));
    for slab in SKB_SLABS.into_iter().chain(["MPTCP"]) {
        host.active_skbs = active_objects(file, slab);
        let _ = host.host_bound();
    }
    let _ = (active_objects_at_most(file), Release::of(file));
    // Unpacking may take long and is flate2's to prove.
    if !file.starts_with(&[0x1f, 0x8b]) {
        let _ = KernelConfig::parse(file);
    }
});
