//! A census of the host's pages, from /proc/kpageflags: what the kernel took straight from the page
//! allocator, as no counter of /proc/meminfo tells it.

use std::fs::File;
use std::io::Read;

/// A page with none of these is on no list and nobody's: BUDDY, LRU, SLAB, ANON, MMAP, SWAPBACKED, HUGE,
/// KSM, OFFLINE, PGTABLE, NOPAGE, RESERVED (linux/kernel-page-flags.h).
const OWNED: u64 = 1 << 10
    | 1 << 5
    | 1 << 7
    | 1 << 12
    | 1 << 11
    | 1 << 14
    | 1 << 17
    | 1 << 21
    | 1 << 23
    | 1 << 26
    | 1 << 20
    | 1 << 32;
const COMPOUND_HEAD: u64 = 1 << 15;
const COMPOUND_TAIL: u64 = 1 << 16;

/// How many compound blocks the kernel has that are on no list, by order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) blocks: [u64; 11],
}

/// Reads the flags of every page of the host (root only).
pub(crate) fn take() -> Census {
    let mut file = File::open("/proc/kpageflags").expect("root may");
    let mut counting = Counting::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        // A read ends at a multiple of 8, also at the end of memory.
        let length = file.read(&mut buffer).expect("it can be read");
        if length == 0 {
            return counting.finish();
        }
        for flags in buffer[..length].chunks_exact(8) {
            counting.page(u64::from_ne_bytes(flags.try_into().expect("eight bytes")));
        }
    }
}

#[derive(Default)]
struct Counting {
    census: Census,
    /// Pages of the block that the last page belongs to, if it counts.
    pages: u64,
}

impl Counting {
    fn page(&mut self, flags: u64) {
        if flags & COMPOUND_TAIL != 0 {
            self.pages += u64::from(self.pages > 0);
            return;
        }
        self.end_block();
        self.pages = u64::from(flags & COMPOUND_HEAD != 0 && flags & OWNED == 0);
    }

    fn end_block(&mut self) {
        let order = self.pages.checked_ilog2().unwrap_or(0) as usize;
        if order > 0 {
            self.census.blocks[order.min(10)] += 1;
        }
    }

    fn finish(mut self) -> Census {
        self.end_block();
        self.census
    }
}

/// What no counter owns: what was taken straight from the page allocator. In bytes; can be below 0 by what
/// the counters lag behind.
pub(crate) fn unowned() -> i64 {
    const OWNERS: [&str; 14] = [
        "MemFree",
        "Active",
        "Inactive",
        "Unevictable",
        "Slab",
        "PageTables",
        "SecPageTables",
        "VmallocUsed",
        "Percpu",
        "Hugetlb",
        "Zswap",
        "HardwareCorrupted",
        "Balloon",
        "Bounce",
    ];
    let bytes = |name| i64::try_from(meminfo(name)).expect("small");
    bytes("MemTotal") - OWNERS.map(bytes).iter().sum::<i64>() - free_at_cpus()
}

/// The free pages that each CPU keeps for itself: not in MemFree, and hundreds of MiB on a large host.
fn free_at_cpus() -> i64 {
    let text = std::fs::read_to_string("/proc/zoneinfo").expect("/proc is mounted");
    let counts = text.lines().filter_map(|line| line.trim().strip_prefix("count:"));
    let pages: i64 = counts.map(|count| count.trim().parse::<i64>().expect("a number")).sum();
    pages * i64::try_from(rustix::param::page_size()).expect("small")
}

/// One line of /proc/meminfo, in bytes; 0 where this kernel has no such line.
pub(crate) fn meminfo(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").expect("/proc is mounted");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.map_or("0", |line| line.trim().trim_end_matches(" kB"));
    number.parse::<u64>().expect("a number") << 10
}
