//! /proc/sys/net/ipv4/tcp_mem and udp_mem.

use crate::model::units::Pages;
use crate::procfs::number::{decimal, words};

/// A protocol's three limits (`proto.sysctl_mem`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemLimits {
    /// Below this it is never short.
    pub low: Pages,
    /// Above this it holds back, until it is below `low` again.
    pub pressure: Pages,
    /// Above this it refuses.
    pub high: Pages,
}

impl MemLimits {
    /// These three, in the order of the file.
    pub fn new(low: Pages, pressure: Pages, high: Pages) -> MemLimits {
        MemLimits { low, pressure, high }
    }

    /// Parses its three numbers.
    pub(crate) fn parse(file: &[u8]) -> Option<MemLimits> {
        let mut numbers = words(file).map(decimal);
        let mut next = || numbers.next().flatten().map(Pages);
        Some(MemLimits { low: next()?, pressure: next()?, high: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers() {
        let expected = MemLimits { low: Pages(287_898), pressure: Pages(383_867), high: Pages(575_796) };
        assert_eq!(MemLimits::parse(b"287898\t383867\t575796\n"), Some(expected));
        for bad in [&b""[..], b"1 2", b"1 x 3", b"\xff 1 2"] {
            assert_eq!(MemLimits::parse(bad), None);
        }
    }
}
