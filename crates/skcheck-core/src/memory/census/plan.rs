//! Which pieces of /proc/kpageflags are read, in which order. Pure.

use std::ops::Range;

use crate::model::units::{PageSize, Pages};

/// So many pages are read at once, from a multiple of it on. No block that the page allocator gives away
/// is larger, so none lies in two; only huge pages may.
pub(super) const CHUNK: u64 = 1 << 15;

/// The chunks that have RAM in them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Page numbers that are RAM, in ascending order.
    ram: Vec<Range<u64>>,
    /// Numbers of chunks, in ascending order, no chunk twice.
    chunks: Vec<Range<u64>>,
}

impl Plan {
    /// For a host whose RAM has these addresses; all the file where they are not known.
    pub(super) fn of(ram: &[Range<u64>], page: PageSize) -> Plan {
        // A page that is not all RAM is none.
        let pages = |range: &Range<u64>| {
            range.start.div_ceil(page.0.max(1))..range.end.checked_div(page.0).unwrap_or(0)
        };
        let mut ram: Vec<_> = ram.iter().map(pages).filter(|range| !range.is_empty()).collect();
        if ram.is_empty() {
            ram.push(0..u64::MAX);
        }
        let mut chunks: Vec<Range<u64>> = Vec::new();
        for range in &ram {
            let first = range.start / CHUNK;
            let first = chunks.last().map_or(first, |last| first.max(last.end));
            chunks.push(first..range.end.div_ceil(CHUNK).max(first));
        }
        chunks.retain(|range| !range.is_empty());
        Plan { ram, chunks }
    }

    /// The number of the chunk that is read as the `n`th.
    pub(super) fn chunk(&self, n: u64) -> Option<u64> {
        let mut left = n;
        for range in &self.chunks {
            let length = range.end - range.start;
            if left < length {
                return Some(range.start + left);
            }
            left -= length;
        }
        None
    }

    /// How many pages are looked at, in a file that ends at `end` at the latest.
    pub(super) fn pages(&self, end: Pages) -> Pages {
        let end = if end.0 == 0 { u64::MAX } else { end.0.div_ceil(CHUNK) };
        let chunks = self.chunks.iter().map(|range| range.end.min(end).saturating_sub(range.start));
        Pages(chunks.fold(0, u64::saturating_add).saturating_mul(CHUNK))
    }

    /// Where RAM lies in these pages.
    pub(super) fn ram_in(&self, pages: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let within = move |range: &Range<u64>| range.start.max(pages.start)..range.end.min(pages.end);
        self.ram.iter().map(within).filter(|range| !range.is_empty())
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
mod tests {
    use super::*;

    const PAGE: PageSize = PageSize(4096);
    const CHUNK_BYTES: u64 = CHUNK * PAGE.0;

    /// RAM at these addresses, in chunks: these chunks are read, and so much of the last is RAM.
    #[track_caller]
    fn check(ram: &[Range<u64>], chunks: &[u64]) {
        let plan = Plan::of(ram, PAGE);
        let found: Vec<u64> = (0..=chunks.len() as u64).map_while(|n| plan.chunk(n)).collect();
        assert_eq!(found, chunks);
        assert_eq!(plan.pages(Pages(0)), Pages(chunks.len() as u64 * CHUNK));
    }

    #[test]
    fn holes_are_not_read() {
        check(&[0..CHUNK_BYTES], &[0]);
        check(&[0..CHUNK_BYTES + PAGE.0, 4 * CHUNK_BYTES..6 * CHUNK_BYTES], &[0, 1, 4, 5]);
        // Two ranges in one chunk, and one that ends in the next.
        let low = [4096..0x9_fc00, 0x10_0000..CHUNK_BYTES / 2, CHUNK_BYTES - PAGE.0..2 * CHUNK_BYTES];
        check(&low, &[0, 1]);
        check(&[5 * CHUNK_BYTES..5 * CHUNK_BYTES + 4096], &[5]);
    }

    #[test]
    fn a_page_is_ram_when_all_of_it_is() {
        let plan = Plan::of(&[0x1000..0x9_fc00, 0x10_0000..0x20_0000, 0x20_0001..0x20_1fff], PAGE);
        assert_eq!(plan.ram_in(0..CHUNK).collect::<Vec<_>>(), [1..0x9f, 0x100..0x200]);
        assert_eq!(plan.ram_in(2..0x180).collect::<Vec<_>>(), [2..0x9f, 0x100..0x180]);
        assert_eq!(plan.ram_in(0x9f..0x100).count(), 0);
    }

    #[test]
    fn without_ranges_all_is_read() {
        let plan = Plan::of(&[], PAGE);
        assert_eq!(plan.chunk(12_345), Some(12_345));
        assert_eq!(plan.ram_in(0..7).collect::<Vec<_>>(), [0..7]);
        assert_eq!(plan.pages(Pages(CHUNK * 3 - 1)), Pages(CHUNK * 3));
        let huge = Plan::of(&[0..u64::MAX], PageSize(0));
        assert_eq!(huge.chunk(u64::MAX), None);
    }
}
