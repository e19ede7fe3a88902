//! /proc/iomem.

use std::ops::Range;

use procfs::{FromRead, Iomem};

/// The addresses of everything with a wanted name, however deep it lies in others, in the order of the file. A
/// line that is none is passed over.
pub(crate) fn ranges(file: &[u8], is_wanted: impl Fn(&str) -> bool) -> Vec<Range<u64>> {
    // Line by line, so that a bad one costs itself alone.
    let lines = file.split(|&byte| byte == b'\n').filter_map(|line| Iomem::from_read(line).ok());
    let maps = lines.flat_map(|iomem| iomem.0).filter(|(_, map)| is_wanted(&map.name));
    let ranges = maps.filter_map(|(_, map)| {
        let (first, last) = map.address;
        Some(first..last.checked_add(1)?)
    });
    ranges.filter(|range| !range.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_by_name() {
        let file =
            b"00001000-0009fbff : System RAM\n  00002000-00002fff : Kernel code\n\xff-1 : System RAM\n\
                     3000-2fff : System RAM\n0-ffffffffffffffff : System RAM\n100000-1fffff : System RAM";
        assert_eq!(ranges(file, |name| name == "System RAM"), [0x1000..0x9_fc00, 0x10_0000..0x20_0000]);
        assert_eq!(ranges(file, |name| name == "Kernel code").first(), Some(&(0x2000..0x3000)));
        assert_eq!(ranges(file, |_| false), []);
    }
}
