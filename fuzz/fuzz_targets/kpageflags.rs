//! /proc/kpageflags.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::memory::PageClass;
use skcheck_core::testing::count_pages;

fuzz_target!(|flags: &[u8]| {
    let counted = count_pages(flags);
    let pages = flags.len() as u64 / 8;
    assert_eq!(counted.classes.iter().map(|(_, pages)| pages).sum::<u64>(), pages);
    let in_blocks: u64 = counted.blocks.iter().map(|(order, blocks)| blocks << order).sum();
    assert!(counted.classes.contains(&(PageClass::OffList, in_blocks)));
    assert!(counted.torn <= pages);
});
