//! /proc/zoneinfo.

use crate::model::units::Pages;

/// Sums over all zones of a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Zones {
    /// On the free lists of the zones (`NR_FREE_PAGES`). `None` where no zone says it.
    pub free: Option<Pages>,
    /// On the free lists of the CPUs (`per_cpu_pages.count`): in no other count. `None` where no CPU says it.
    pub per_cpu: Option<Pages>,
    /// Off the LRU lists for the moment, while they are moved or reclaimed (`nr_isolated_anon` and
    /// `nr_isolated_file`).
    pub isolated: Pages,
    /// Of zsmalloc: the compressed pages of zswap and zram (`nr_zspages`). `None` where the kernel has no
    /// such counter.
    pub zspages: Option<Pages>,
    /// The first page number behind all zones.
    pub end: Pages,
}

impl Zones {
    /// Parses the file; what it does not say counts as nothing.
    pub(crate) fn parse(file: &[u8]) -> Zones {
        let mut zones = Zones::default();
        let mut spanned = 0;
        let lines = file.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        for line in lines {
            let mut words = line.split_whitespace();
            let (Some(name), Some(number)) = (words.next(), words.next_back()) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            let add = |sum: &mut Pages| sum.0 = sum.0.saturating_add(number);
            match name {
                // "  pages free     3840"
                "pages" => add(zones.free.get_or_insert_default()),
                "count:" => add(zones.per_cpu.get_or_insert_default()),
                "nr_isolated_anon" | "nr_isolated_file" => add(&mut zones.isolated),
                "nr_zspages" => add(zones.zspages.get_or_insert_default()),
                "spanned" => spanned = number,
                // Behind what the zone spans.
                "start_pfn:" => zones.end = zones.end.max(Pages(number.saturating_add(spanned))),
                _ => {}
            }
        }
        zones
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_ZONES: &str = "\
Node 0, zone      DMA
  per-node stats
      nr_isolated_anon 3
      nr_isolated_file 4
  pages free     100
        boost    0
        spanned  4095
        present  3998
        managed  3840
        cma      0
      nr_free_pages 100
      nr_zspages   7
  pagesets
    cpu: 0
              count:    5
              high:     9
  start_pfn:           1
Node 0, zone   Normal
  pages free     1000
        spanned  8192
      nr_zspages   8
  pagesets
    cpu: 0
              count:    50
    cpu: 1
              count:    6
  start_pfn:           1048576
Node 0, zone  Movable
  pages free     0
        spanned  0
  start_pfn:           0
";

    #[test]
    fn sums_over_zones_and_cpus() {
        let expected = Zones {
            free: Some(Pages(1100)),
            per_cpu: Some(Pages(61)),
            isolated: Pages(7),
            zspages: Some(Pages(15)),
            end: Pages(1_048_576 + 8192),
        };
        assert_eq!(Zones::parse(TWO_ZONES.as_bytes()), expected);
        assert_eq!(Zones::parse(b"\xff\ncount: many\npages\n"), Zones::default());
    }
}
