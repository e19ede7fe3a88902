//! /sys/kernel/mm/hugepages and /sys/kernel/mm/transparent_hugepage: a directory for each size of huge pages.

use crate::procfs::flat::number;

/// The size of the huge pages that a directory is about (`hugepages-2048kB`), in KiB; `None` where it is about
/// something else.
pub(crate) fn size_kib(directory: &[u8]) -> Option<u64> {
    number(directory.strip_prefix(b"hugepages-")?.strip_suffix(b"kB")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size_kib(b"hugepages-2048kB"), Some(2048));
        for other in [&b"defrag"[..], b"hugepages-kB", b"hugepages-2048", b"hugepages-\xffkB"] {
            assert_eq!(size_kib(other), None);
        }
    }
}
