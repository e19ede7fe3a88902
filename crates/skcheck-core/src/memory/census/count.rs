//! Counts pages by their flags. Pure.

use crate::memory::census::PageClass;

/// Flags of /proc/kpageflags (linux/kernel-page-flags.h).
mod kpf {
    pub(super) const LRU: u64 = 1 << 5;
    pub(super) const SLAB: u64 = 1 << 7;
    pub(super) const BUDDY: u64 = 1 << 10;
    pub(super) const MMAP: u64 = 1 << 11;
    pub(super) const ANON: u64 = 1 << 12;
    pub(super) const SWAPBACKED: u64 = 1 << 14;
    pub(super) const COMPOUND_HEAD: u64 = 1 << 15;
    pub(super) const COMPOUND_TAIL: u64 = 1 << 16;
    pub(super) const HUGE: u64 = 1 << 17;
    pub(super) const HWPOISON: u64 = 1 << 19;
    pub(super) const NOPAGE: u64 = 1 << 20;
    pub(super) const KSM: u64 = 1 << 21;
    pub(super) const OFFLINE: u64 = 1 << 23;
    pub(super) const ZERO_PAGE: u64 = 1 << 24;
    pub(super) const PGTABLE: u64 = 1 << 26;
    pub(super) const RESERVED: u64 = 1 << 32;
}

/// What tells a page's class; the first that it has decides.
///
/// `mapping` and `_mapcount` of `struct page` have other meanings in slabs and page tables, whose flags
/// then say KPF_ANON, KPF_KSM or KPF_MMAP as well (slabs of Linux 6.18 do): so these come later.
const TESTS: [(u64, PageClass); 12] = [
    (kpf::NOPAGE, PageClass::Absent),
    (kpf::HWPOISON, PageClass::Poisoned),
    (kpf::BUDDY, PageClass::Free),
    (kpf::RESERVED, PageClass::Reserved),
    (kpf::OFFLINE, PageClass::Offline),
    (kpf::SLAB, PageClass::Slab),
    (kpf::PGTABLE, PageClass::PageTable),
    (kpf::HUGE, PageClass::Huge),
    (kpf::ANON | kpf::KSM, PageClass::Anonymous),
    (kpf::SWAPBACKED, PageClass::Shmem),
    (kpf::LRU, PageClass::PageCache),
    (kpf::MMAP, PageClass::Mapped),
];

/// The class of a page that follows no other.
fn class(flags: u64) -> PageClass {
    let told = TESTS.iter().find(|(mask, _)| flags & mask != 0).map(|(_, class)| *class);
    told.unwrap_or(if flags & kpf::COMPOUND_HEAD != 0 {
        PageClass::OffList
    } else if flags & kpf::ZERO_PAGE != 0 {
        PageClass::Reserved
    } else {
        PageClass::Unflagged
    })
}

/// How many pages there are of each class, and how many compound blocks on no list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counting {
    classes: [u64; PageClass::ALL.len()],
    /// By order: none is larger than the pages that are counted without an end to blocks.
    blocks: [u64; 32],
    /// Pages that belonged to no whole block: they changed hands while they were looked at.
    pub(crate) torn: u64,
    /// The compound block that the last page belongs to: its class, and its pages so far.
    open: Option<(PageClass, u64)>,
}

impl Counting {
    /// Counts pages that follow each other, by their flags, eight bytes each.
    pub(crate) fn pages(&mut self, flags: &[u8]) {
        let (mut rest, _) = flags.as_chunks::<8>();
        while let Some(first) = rest.first() {
            // Memory is alike over long stretches.
            let same = rest.iter().take_while(|flags| *flags == first).count();
            self.run(u64::from_ne_bytes(*first), same as u64);
            rest = rest.get(same..).unwrap_or_default();
        }
    }

    /// Pages with the same flags.
    fn run(&mut self, flags: u64, pages: u64) {
        if flags & kpf::COMPOUND_TAIL != 0 {
            self.tails(flags, pages);
            return;
        }
        self.end_block();
        let class = class(flags);
        if flags & kpf::COMPOUND_HEAD == 0 {
            self.add(class, pages);
            return;
        }
        // A head is followed by tails: those that are not had theirs taken away meanwhile.
        for _ in 1..pages {
            self.open = Some((class, 1));
            self.end_block();
        }
        self.open = Some((class, 1));
    }

    /// A tail is what its head is: not every kernel flags both.
    fn tails(&mut self, flags: u64, pages: u64) {
        if let Some((_, so_far)) = &mut self.open {
            *so_far += pages;
            return;
        }
        // Without a head, whatever the flags say. A huge page can be larger than what is read at once, and
        // its tails say that they are of it; others' heads have gone meanwhile.
        let class = class(flags & !kpf::COMPOUND_HEAD);
        self.torn += if class == PageClass::Unflagged { pages } else { 0 };
        self.add(class, pages);
    }

    /// No page that comes belongs to the last one's block.
    pub(crate) fn end_block(&mut self) {
        let Some((class, pages)) = self.open.take() else { return };
        let order = pages.checked_ilog2().unwrap_or(0);
        if class != PageClass::OffList {
            self.add(class, pages);
            return;
        }
        let whole = if order == 0 { 0 } else { 1 << order };
        if let Some(blocks) = self.blocks.get_mut(order as usize).filter(|_| whole > 0) {
            *blocks += 1;
        }
        self.add(PageClass::OffList, whole);
        self.add(PageClass::Unflagged, pages - whole);
        self.torn += pages - whole;
    }

    /// Pages of a class that need no looking at.
    pub(crate) fn add(&mut self, class: PageClass, pages: u64) {
        if let Some(sum) = self.classes.get_mut(class as usize) {
            *sum = sum.saturating_add(pages);
        }
    }

    /// Adds what another has counted.
    pub(crate) fn merge(&mut self, other: &Counting) {
        let classes = self.classes.iter_mut().zip(other.classes);
        let blocks = self.blocks.iter_mut().zip(other.blocks);
        classes.chain(blocks).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        self.torn = self.torn.saturating_add(other.torn);
    }

    /// How many pages are of a class; single ones of the kernel are among the unflagged.
    pub(crate) fn of(&self, class: PageClass) -> u64 {
        self.classes.get(class as usize).copied().unwrap_or(0)
    }

    /// Compound blocks on no list: order and number of those that there are.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        (0u8..).zip(self.blocks).filter(|(_, blocks)| *blocks > 0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests;
