//! /proc/iomem.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::{ram_ranges, reserved};
use skcheck_core::{Bytes, PageSize};

fuzz_target!(|file: &[u8]| {
    let ranges = ram_ranges(file, PageSize(4096));
    assert!(
        ranges
            .iter()
            .all(|range| range.start < range.end && range.start % 4096 == 0 && range.end % 4096 == 0)
    );
    assert!(ranges.is_sorted_by(|before, after| before.end < after.start));
    let ram: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    for mem_total in [0, 1 << 30, u64::MAX] {
        let reserved = reserved(file, Bytes(mem_total), PageSize(4096));
        assert_eq!(reserved.map_or(0, |it| it.ram.0), ram);
        assert!(reserved.is_none_or(|it| it.kernel <= it.ram));
    }
});
