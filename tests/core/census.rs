//! The census of hosts whose pages were made up.

use std::sync::Mutex;

use skcheck_core::memory::{Census, Memory, PageClass};
use skcheck_core::{Blocks, Gap, Missing, Pages, memory};

use crate::support::made_up::MadeUp;

const BUDDY: u64 = 1 << 10;
const SLAB: u64 = 1 << 7;
const HEAD: u64 = 1 << 15;
const TAIL: u64 = 1 << 16;
const RESERVED: u64 = 1 << 32;

/// As many pages as are read at once.
const CHUNK: usize = 1 << 15;

/// A host with two chunks of RAM around one that is a hole; of the last only half is RAM. It has one process
/// with three threads, one of the kernel, and two CPUs.
fn host() -> MadeUp {
    let iomem = "00000000-07ffffff : System RAM\n08000000-0fffffff : PCI\n10000000-13ffffff : System RAM\n";
    let stat = |flags: u32, threads: u32| {
        format!("9 (a) b) S 1 9 9 0 -1 {flags} 0 0 0 0 1 1 0 0 20 0 {threads} 0 1 0")
    };
    MadeUp::new()
        .file("/proc/iomem", iomem)
        .file("/proc/meminfo", meminfo(49_000, 40_000))
        .file("/proc/zoneinfo", format!("  pages free     40000\n    count:    {}\n", 500))
        .file("/proc/stat", STAT)
        .process(2, "kthreadd", &[])
        .file("/proc/1/stat", stat(0x0040_0100, 3))
        .file("/proc/2/stat", stat(0x0020_8040, 1))
}

/// Two CPUs.
const STAT: &str = "cpu  2 0 2 2\ncpu0 1 0 1 1\ncpu1 1 0 1 1\nintr 9\nctxt 9\nbtime 9\nprocesses 9\n";

fn meminfo(total: u64, free: u64) -> String {
    let fields = "Cached: 0 kB\nBuffers: 0 kB\nActive: 0 kB\nInactive: 0 kB\nAnonPages: 0 kB\nSReclaimable: 0 kB\nSUnreclaim: 0 kB\nPageTables: 0 kB\n";
    format!("MemTotal: {} kB\nMemFree: {} kB\n{fields}", total * 4, free * 4)
}

/// The pages of that host: 40,000 free, 4000 of slabs, 100 blocks of order 3 and one of order 1 on no list,
/// 152 reserved.
fn flags() -> Vec<u64> {
    let mut pages = vec![BUDDY; CHUNK];
    pages.resize(2 * CHUNK, 0);
    let free_in_last = 40_000 - CHUNK;
    pages.resize(2 * CHUNK + free_in_last, BUDDY);
    pages.resize(pages.len() + 4000, SLAB);
    for _ in 0..100 {
        pages.extend([HEAD, TAIL, TAIL, TAIL, TAIL, TAIL, TAIL, TAIL]);
    }
    pages.extend([HEAD, TAIL]);
    pages.resize(pages.len() + 152, RESERVED);
    // The rest shows nothing; behind the RAM stands what is not looked at.
    pages.resize(2 * CHUNK + CHUNK / 2, 0);
    pages.resize(3 * CHUNK, BUDDY);
    pages
}

fn file(pages: &[u64]) -> Vec<u8> {
    pages.iter().flat_map(|flags| flags.to_ne_bytes()).collect()
}

fn taken(host: &MadeUp) -> Memory {
    memory(host, Some(&|_, _| {})).expect("there is a meminfo")
}

fn census(host: &MadeUp) -> Census {
    let memory = taken(host);
    memory.census.unwrap_or_else(|| panic!("{:?}", memory.gaps))
}

#[test]
fn every_page_has_one_class() {
    let seen = Mutex::new((0, 0));
    let host = host().file("/proc/kpageflags", file(&flags()));
    let progress = |Pages(looked_at), Pages(all)| {
        assert!(looked_at <= all);
        let mut seen = seen.lock().expect("no panic");
        *seen = (*seen).max((looked_at, all));
    };
    let census = memory(&host, Some(&progress)).expect("a meminfo").census.expect("root");
    // 49,000 less 40,500 free, 4000 of slabs and 802 in blocks.
    let single = 49_000 - 40_500 - 4000 - 802;
    let expected = [
        (PageClass::Free, 40_000),
        (PageClass::Slab, 4000),
        (PageClass::Reserved, 152),
        (PageClass::Absent, CHUNK + CHUNK / 2),
        (PageClass::OffList, 802 + single),
        (PageClass::Unflagged, CHUNK / 2 - (40_000 - CHUNK) - 4000 - 802 - 152 - single),
    ];
    for (class, pages) in expected {
        assert_eq!(census.pages(class), Pages(pages as u64), "{class:?}");
    }
    let all: u64 = census.classes.iter().map(|(_, pages)| pages.0).sum();
    assert_eq!(all, 3 * CHUNK as u64, "no page twice, none left out");
    let blocks = |order, blocks| Blocks::new(order, blocks);
    assert_eq!(census.off_list, [blocks(0, single as u64), blocks(1, 1), blocks(3, 100)]);
    assert_eq!(census.uncertain, Pages(0));
    assert_eq!(census.threads_kept, 3 + 2 * 2);
    assert_eq!(seen.into_inner().expect("no panic"), (2 * CHUNK as u64, 2 * CHUNK as u64));
}

#[test]
fn without_ranges_of_ram_holes_are_unflagged() {
    let hidden = "00000000-00000000 : System RAM\n";
    let shown = census(&host().file("/proc/kpageflags", file(&flags())));
    let mut pages = flags();
    pages.truncate(2 * CHUNK + CHUNK / 2);
    let census = census(&host().file("/proc/iomem", hidden).file("/proc/kpageflags", file(&pages)));
    assert_eq!(census.off_list, shown.off_list);
    assert_eq!(census.pages(PageClass::Absent), Pages(0));
    assert_eq!(census.pages(PageClass::Unflagged), Pages(shown.pages(PageClass::Unflagged).0 + CHUNK as u64));
}

#[test]
fn what_does_not_add_up_is_uncertain() {
    let too_free = host().file("/proc/meminfo", meminfo(42_000, 40_000));
    let census = census(&too_free.file("/proc/kpageflags", file(&flags())));
    assert_eq!(census.blocks(0), 0);
    assert_eq!(census.uncertain, Pages(40_500 + 4802 - 42_000));
}

/// A census that cannot be taken is a gap, and the rest is there.
#[test]
fn no_census_is_a_gap() {
    let of_census = |host: &MadeUp| -> Vec<Gap> {
        let memory = taken(host);
        assert_eq!(memory.census, None);
        memory.gaps.into_iter().filter(|gap| gap.what == Missing::Census).collect()
    };
    for host in [host(), host().file("/proc/kpageflags", "")] {
        let gaps = of_census(&host);
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].place.to_string(), "/proc/kpageflags");
    }
    let unasked = memory(&host(), None).expect("a meminfo");
    assert!(unasked.gaps.iter().all(|gap| gap.what != Missing::Census), "{:?}", unasked.gaps);
}

/// Files that are cut anywhere, and flags that no kernel has.
#[test]
fn any_file_can_be_counted() {
    let whole = file(&flags());
    for length in [1, 8, 13, CHUNK * 8 - 1, CHUNK * 8, CHUNK * 8 + 9] {
        taken(&host().file("/proc/kpageflags", &whole[..length]));
    }
    let census = census(&host().file("/proc/kpageflags", vec![0xff; CHUNK * 8]));
    assert_eq!(census.pages(PageClass::Absent), Pages(CHUNK as u64));
}
