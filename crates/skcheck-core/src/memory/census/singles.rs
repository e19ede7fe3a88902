//! Tells the kernel's single pages from free ones: neither has a flag. Pure.

use crate::memory::census::PageClass;
use crate::memory::census::count::Counting;
use crate::memory::ledger::{Ledger, PartKind};
use crate::model::units::PageSize;

/// What the kernel's own counters say of free memory, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageCounters {
    /// All that it manages.
    total: u64,
    /// On the free lists, or not initialised yet.
    free: u64,
    /// On the lists of the CPUs.
    per_cpu: u64,
    /// In the total still, though a balloon has them.
    balloon: u64,
}

impl PageCounters {
    pub(super) fn of(ledger: &Ledger, page: PageSize) -> PageCounters {
        let pages = |kind| ledger.part(kind).map_or(0, |bytes| bytes.0 / page.0.max(1));
        PageCounters {
            total: ledger.total.0 / page.0.max(1),
            free: pages(PartKind::Free).saturating_add(pages(PartKind::NotInitialised)),
            per_cpu: pages(PartKind::PerCpuLists),
            balloon: pages(PartKind::Balloon),
        }
    }

    /// What is in use, at least by its counters.
    fn used(self) -> i128 {
        i128::from(self.total) - [self.free, self.per_cpu, self.balloon].map(i128::from).iter().sum::<i128>()
    }
}

/// The kernel's single pages, and how far that can be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Singles {
    pub(super) pages: u64,
    pub(super) uncertain: u64,
}

/// What is in use and shows it by no flag.
///
/// Pages that the kernel does not manage do not matter here, nor does which pages those are: reserved
/// ones, also those without KPF_RESERVED, holes, and what a balloon or a hypervisor took out of the total.
pub(super) fn singles(counted: &Counting, before: PageCounters, after: PageCounters) -> Singles {
    const NOT_IN_USE: [PageClass; 5] =
        [PageClass::Free, PageClass::Reserved, PageClass::Offline, PageClass::Absent, PageClass::Unflagged];
    let flagged = PageClass::ALL.into_iter().filter(|class| !NOT_IN_USE.contains(class));
    let flagged: i128 = flagged.map(|class| i128::from(counted.of(class))).sum();
    // Pages were looked at all the time between the two.
    let used = i128::midpoint(before.used(), after.used());
    let single = used - flagged;
    let pages = single.clamp(0, i128::from(counted.of(PageClass::Unflagged)));
    let changed = before.free.abs_diff(after.free).saturating_add(before.per_cpu.abs_diff(after.per_cpu));
    let not_added_up = saturate(single.abs_diff(pages));
    Singles {
        pages: saturate(pages.unsigned_abs()),
        uncertain: changed.saturating_add(counted.torn).saturating_add(not_added_up),
    }
}

fn saturate(pages: u128) -> u64 {
    u64::try_from(pages).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host of 1000 pages: 500 free, 20 in the lists of the CPUs, 100 of slabs, 64 in blocks on no list,
    /// and beside them 30 that are reserved and 7 that are nowhere.
    fn host(unflagged: u64, torn: u64) -> Counting {
        let mut counted = Counting::default();
        counted.torn = torn;
        for (class, pages) in [
            (PageClass::Free, 500),
            (PageClass::Slab, 100),
            (PageClass::OffList, 64),
            (PageClass::Reserved, 30),
            (PageClass::Absent, 7),
            (PageClass::Unflagged, unflagged),
        ] {
            counted.add(class, pages);
        }
        counted
    }

    const COUNTERS: PageCounters = PageCounters { total: 1000, free: 500, per_cpu: 20, balloon: 0 };

    #[track_caller]
    fn check(counted: &Counting, before: PageCounters, after: PageCounters, expected: (u64, u64)) {
        let Singles { pages, uncertain } = singles(counted, before, after);
        assert_eq!((pages, uncertain), expected);
    }

    #[test]
    fn what_is_used_without_a_flag_is_the_kernels() {
        // 1000 - 520 - 164.
        check(&host(336, 0), COUNTERS, COUNTERS, (316, 0));
        // Whether free pages are flagged or not does not matter, nor how many are reserved without.
        check(&host(900, 0), COUNTERS, COUNTERS, (316, 0));
        // What a balloon has and the total still counts.
        let balloon = PageCounters { balloon: 16, ..COUNTERS };
        check(&host(336, 0), balloon, balloon, (300, 0));
    }

    #[test]
    fn what_changed_is_uncertain() {
        let after = PageCounters { free: 480, per_cpu: 30, ..COUNTERS };
        check(&host(346, 0), COUNTERS, after, (321, 30));
        check(&host(346, 5), COUNTERS, after, (321, 35));
    }

    #[test]
    fn what_does_not_add_up_is_said() {
        let too_free = PageCounters { free: 850, ..COUNTERS };
        check(&host(336, 0), too_free, too_free, (0, 34));
        check(&host(300, 0), COUNTERS, COUNTERS, (300, 16));
        let wild = PageCounters { total: u64::MAX, free: 0, per_cpu: 0, balloon: 0 };
        check(&host(0, 0), wild, wild, (0, u64::MAX - 164));
    }
}
