//! /proc/vmstat.

use procfs::{FromRead, VmStat};

/// The counters of a kernel. Which there are depends on the kernel.
#[derive(Debug, Default)]
pub struct Vmstat(Option<VmStat>);

impl Vmstat {
    /// Parses the file; of one that is none nothing is known.
    pub fn parse(file: &[u8]) -> Vmstat {
        Vmstat(VmStat::from_read(file).ok())
    }

    /// A counter by its name; `None` where this kernel has no such counter.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.as_ref()?.0.get(name).and_then(|number| u64::try_from(*number).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_by_name() {
        let vmstat = Vmstat::parse(b"nr_free_pages 100\nnr_memmap_pages 0\nodd -1\n");
        let all =
            [("nr_free_pages", Some(100)), ("nr_memmap_pages", Some(0)), ("odd", None), ("nr_free", None)];
        for (name, expected) in all {
            assert_eq!(vmstat.get(name), expected, "{name}");
        }
        assert_eq!(Vmstat::parse(b"a 1\n\xff\n").get("a"), None);
    }
}
