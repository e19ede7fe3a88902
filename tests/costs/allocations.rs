//! Looking at a socket that does not match allocates nothing.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::world::{Sockets, in_own_world, scan_idle};

/// Counts what all threads allocate; inside a world of its own, one test alone runs.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_socket_passed_over_is_no_allocation() {
    in_own_world("allocations::a_socket_passed_over_is_no_allocation", || {
        let (few, many) = (200, 800);
        scan_idle(); // what is allocated once for all
        let sockets = Sockets::make(few);
        let before = allocations_of_scan(few);
        let more = Sockets::make(many - few);
        let after = allocations_of_scan(many);
        drop((sockets, more));
        println!("{before} allocations over {few} sockets, {after} over {many}");
        // The index of descriptors doubles twice, and its vector may be at either side of a power
        // of two; that is all that may grow.
        assert!(after <= before + 3, "{before} over {few} sockets, {after} over {many}");
    });
}

fn allocations_of_scan(sockets: usize) -> usize {
    let region = Region::new(ALLOCATOR);
    let snapshot = scan_idle();
    let change = region.change();
    let scanned = snapshot.scanned.sockets;
    assert!(scanned >= sockets as u64, "{scanned} of {sockets} sockets scanned");
    change.allocations + change.reallocations
}
