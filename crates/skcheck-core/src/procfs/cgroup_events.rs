//! A cgroup's `cgroup.events`, of version 2.

use crate::procfs::flat::counter;

/// Whether the cgroup, or one above it, is frozen (`frozen`, since Linux 5.2). It is when all its processes
/// have come to rest.
pub fn frozen(events: &[u8]) -> Option<bool> {
    counter(events, "frozen").map(|frozen| frozen != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freezing() {
        for (file, expected) in [
            ("populated 1\nfrozen 1\n", Some(true)),
            ("populated 1\nfrozen 0\n", Some(false)),
            ("populated 1\n", None),
        ] {
            assert_eq!(frozen(file.as_bytes()), expected, "{file}");
        }
    }
}
