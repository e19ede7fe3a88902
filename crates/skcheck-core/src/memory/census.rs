//! The census: what every page of the host is, from /proc/kpageflags.
//!
//! Compound pages tell their size, so blocks that packets are carved from (order 3 with pages of 4 KiB)
//! are counted one by one. Single pages without any flag tell nothing: free ones in the lists of a CPU,
//! those of vmalloc and those that a driver took look alike. What of them is the kernel's follows from
//! what is free by the kernel's own counters.

pub(crate) mod count;
pub(crate) mod plan;
pub(crate) mod reader;
pub(crate) mod singles;

use crate::exact::measured::Blocks;
use crate::model::units::{PageSize, Pages};

/// Called with how many of how many pages have been looked at, by several threads.
pub type CensusProgress<'p> = dyn Fn(Pages, Pages) + Sync + 'p;

/// What the pages of a host are.
///
/// Not a photograph: pages change hands while they are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// The page size.
    pub page_size: PageSize,
    /// How many pages are of each class, in the order of [`PageClass`]; each class once.
    pub classes: Vec<(PageClass, Pages)>,
    /// Memory that the kernel took straight from the page allocator, by order; orders of which it has
    /// none are left out. Single pages (order 0) are those of vmalloc, of stacks, of drivers, and of
    /// larger blocks that are not compound: what is neither free nor shows any flag. See `uncertain`.
    pub off_list: Vec<Blocks>,
    /// How far the number of single pages can be off, either way: by how much the free memory and the
    /// CPUs' lists changed during the census, pages that changed hands while they were looked at, and
    /// what did not add up.
    pub uncertain: Pages,
    /// At most so many blocks of a chunk's size are kept by threads for what they send next, used or not:
    /// one for each thread of a program (`task_struct.task_frag`; a thread has one when it has sent TCP),
    /// and two for each CPU (`page_frag_cache`). Of the processes that the scanner's /proc shows.
    pub threads_kept: u64,
}

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PageClass {
    /// On the page allocator's lists (KPF_BUDDY; before Linux 4.6 that is the first page of each block,
    /// and the others are unflagged).
    Free,
    /// On an LRU list, of a file (KPF_LRU without KPF_ANON and KPF_SWAPBACKED).
    PageCache,
    /// Anonymous, on an LRU list or on its way there (KPF_ANON, KPF_KSM).
    Anonymous,
    /// Shared memory, on an LRU list or on its way there (KPF_SWAPBACKED without KPF_ANON).
    Shmem,
    /// Mapped by programs and on no LRU list (KPF_MMAP without KPF_LRU, KPF_ANON and KPF_SWAPBACKED): the
    /// kernel's own that it shares with them, as rings of packet sockets, io_uring and perf are, and pages
    /// of files that are just moved. No counter of /proc/meminfo has the former.
    Mapped,
    /// KPF_SLAB. Large kmalloc allocations are not among them, though /proc/meminfo counts them in Slab.
    Slab,
    /// KPF_PGTABLE.
    PageTable,
    /// Of hugetlb (KPF_HUGE).
    Huge,
    /// KPF_RESERVED, and the zero page. The huge zero page is allocated: it is [`PageClass::OffList`].
    Reserved,
    /// Not to be touched: a balloon's, or unplugged (KPF_OFFLINE).
    Offline,
    /// KPF_HWPOISON.
    Poisoned,
    /// No memory there: a hole (KPF_NOPAGE, or outside of the host's RAM).
    Absent,
    /// Kernel-allocated and on no list: the blocks of [`Census::off_list`].
    OffList,
    /// Pages without any flag that are not the kernel's: free ones in the lists of a CPU, and those that
    /// are not initialised yet.
    Unflagged,
}

impl PageClass {
    /// All of them, in their order.
    pub(crate) const ALL: [PageClass; 14] = [
        PageClass::Free,
        PageClass::PageCache,
        PageClass::Anonymous,
        PageClass::Shmem,
        PageClass::Mapped,
        PageClass::Slab,
        PageClass::PageTable,
        PageClass::Huge,
        PageClass::Reserved,
        PageClass::Offline,
        PageClass::Poisoned,
        PageClass::Absent,
        PageClass::OffList,
        PageClass::Unflagged,
    ];

    /// The class's stable name, lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            PageClass::Free => "free",
            PageClass::PageCache => "page_cache",
            PageClass::Anonymous => "anonymous",
            PageClass::Shmem => "shmem",
            PageClass::Mapped => "mapped",
            PageClass::Slab => "slab",
            PageClass::PageTable => "page_table",
            PageClass::Huge => "huge",
            PageClass::Reserved => "reserved",
            PageClass::Offline => "offline",
            PageClass::Poisoned => "poisoned",
            PageClass::Absent => "absent",
            PageClass::OffList => "off_list",
            PageClass::Unflagged => "unflagged",
        }
    }
}

impl Census {
    /// How many pages are of this class.
    pub fn pages(&self, class: PageClass) -> Pages {
        self.classes.iter().find(|(of, _)| *of == class).map_or(Pages(0), |(_, pages)| *pages)
    }

    /// How many blocks of this order are on no list.
    pub fn blocks(&self, order: u8) -> u64 {
        self.off_list.iter().find(|blocks| blocks.order == order).map_or(0, |blocks| blocks.blocks)
    }
}
