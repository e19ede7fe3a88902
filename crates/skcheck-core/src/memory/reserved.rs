//! Memory outside of the ledger: what firmware and kernel kept for themselves before there was a page
//! allocator, from /proc/iomem. Pure.

use std::ops::Range;

use crate::model::units::{Bytes, PageSize};
use crate::procfs::iomem;

/// Memory that the page allocator never got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reserved {
    /// The host's RAM, as its firmware told: all ranges named `System RAM`, in whole pages.
    pub ram: Bytes,
    /// Of that, what is not in MemTotal: the kernel's image, its records of pages, a crash kernel. Pages
    /// that the hypervisor has taken back are here too, where the balloon's driver takes them off
    /// MemTotal, as most do.
    pub kernel: Bytes,
    /// Of that, what is kept for a crash kernel (`Crash kernel`).
    pub crash_kernel: Bytes,
    /// Beside the RAM: tables of the firmware (ACPI). Ranges that are just `Reserved` can be device
    /// addresses without memory, and do not count.
    pub firmware: Bytes,
}

/// What /proc/iomem tells. `None` where it hides the addresses (root only), or names no RAM.
pub fn reserved(iomem: &[u8], mem_total: Bytes, page: PageSize) -> Option<Reserved> {
    let ram = ram_ranges(iomem, page);
    let total = size(&ram);
    let tables = ranges(iomem, |name| matches!(name, "ACPI Tables" | "ACPI Non-volatile Storage"));
    let crash_kernel = size(&ranges(iomem, is_crash_kernel));
    // Tables that lie in RAM are in MemTotal's difference.
    let both = ram.into_iter().chain(tables).collect();
    (total > 0).then(|| Reserved {
        ram: Bytes(total),
        kernel: Bytes(total.saturating_sub(mem_total.0)),
        crash_kernel: Bytes(crash_kernel),
        firmware: Bytes(size(&merged(both)) - total),
    })
}

/// The addresses of the RAM in /proc/iomem, in whole pages; in order, without overlaps. Empty where the file hides
/// the addresses.
pub fn ram_ranges(iomem: &[u8], page: PageSize) -> Vec<Range<u64>> {
    let page = page.0.max(1);
    // s390 lists the crash kernel's memory beside the rest (`setup_resources`).
    let is_ram = |name: &str| {
        let hot_added = name.starts_with("System RAM (") && name != "System RAM (boot alias)";
        name == "System RAM" || hot_added || is_crash_kernel(name)
    };
    let ranges = ranges(iomem, is_ram).into_iter();
    let whole = ranges.filter_map(|range| {
        let (start, end) = (range.start.checked_next_multiple_of(page)?, range.end / page * page);
        (start < end).then_some(start..end)
    });
    whole.collect()
}

fn is_crash_kernel(name: &str) -> bool {
    name == "Crash kernel"
}

/// All ranges with a wanted name, however deep they lie in others, in order and without overlaps.
fn ranges(iomem: &[u8], is_wanted: impl Fn(&str) -> bool) -> Vec<Range<u64>> {
    merged(iomem::ranges(iomem, is_wanted))
}

fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The size of ranges that do not overlap: no more than there are addresses.
fn size(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
