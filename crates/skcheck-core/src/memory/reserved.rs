//! Memory outside of the ledger: what firmware and kernel kept for themselves before there was a page
//! allocator, from /proc/iomem.

use std::ops::Range;

use crate::units::Bytes;

/// Memory that the page allocator never got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reserved {
    /// The host's RAM, as its firmware told: all ranges named `System RAM`.
    pub ram: Bytes,
    /// Of that, what is not in MemTotal: the kernel's image, its records of pages, a crash kernel.
    pub kernel: Bytes,
    /// Of that, what is kept for a crash kernel (`Crash kernel`).
    pub crash_kernel: Bytes,
    /// Beside the RAM: tables of the firmware (ACPI). Ranges that are just `Reserved` can be device
    /// addresses without memory, and do not count.
    pub firmware: Bytes,
}

/// The addresses of the host's RAM in /proc/iomem, in ascending order, joined where they touch; none for
/// who is not root and is shown zeros. Memory that a driver has plugged in lies below that driver's line
/// (`System RAM (kmem)`).
pub(super) fn ram_ranges(iomem: &[u8]) -> Vec<Range<u64>> {
    let lines = iomem.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let range = |line: &str| {
        let (range, name) = line.split_once(" : ")?;
        let rest = name.trim_end().strip_prefix("System RAM")?;
        let (first, last) = range.trim_start().split_once('-')?;
        let first = u64::from_str_radix(first, 16).ok()?;
        let last = u64::from_str_radix(last, 16).ok().filter(|last| *last > first)?;
        (rest.is_empty() || rest.starts_with(" (")).then_some(first..last.saturating_add(1))
    };
    let mut found: Vec<Range<u64>> = lines.filter_map(range).collect();
    found.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in found {
        match joined.last_mut().filter(|last| last.end >= range.start) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
mod ram_tests {
    use super::*;

    #[track_caller]
    fn check(iomem: &str, expected: &[Range<u64>]) {
        assert_eq!(ram_ranges(iomem.as_bytes()), expected, "{iomem}");
    }

    #[test]
    fn ram_is_what_is_named_so() {
        let small = "\
00000000-00000fff : Reserved
00001000-0009fbff : System RAM
00100000-bfffffff : System RAM
  01000000-01ffffff : Kernel code
c0001000-eebfffff : PCI Bus 0000:00
100000000-63fffffff : System RAM
";
        check(small, &[0x1000..0x9_fc00, 0x10_0000..0xc000_0000, 0x1_0000_0000..0x6_4000_0000]);
        let plugged = "\
100000000-1ffffffff : System RAM
200000000-2ffffffff : System RAM
340000000-53fffffff : Persistent Memory
  340000000-4bfffffff : dax0.0
    340000000-4bfffffff : System RAM (kmem)
";
        check(plugged, &[0x1_0000_0000..0x3_0000_0000, 0x3_4000_0000..0x4_c000_0000]);
    }

    #[test]
    fn nothing_is_known_of_zeros_and_of_nonsense() {
        check("00000000-00000000 : System RAM\n00000000-00000000 : Reserved\n", &[]);
        check("System RAM\n5-4 : System RAM\nx-y : System RAM\n1-2 : System RAMDISK\n", &[]);
        check("0-ffffffffffffffff : System RAM\n1-ffffffffffffffffff : System RAM\n", &[0..u64::MAX]);
        assert_eq!(ram_ranges(b"\xff-\xff : System RAM"), []);
    }
}
