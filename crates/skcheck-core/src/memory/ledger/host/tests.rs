use super::*;

/// Every counter has a value of its own, so that none can stand for another.
const MEMINFO: &str = "MemTotal: 10000 kB\nMemFree: 1000 kB\nBuffers: 10 kB\nCached: 200 kB\nSwapCached: 3 kB\n\
    Active: 150 kB\nInactive: 250 kB\nActive(anon): 1 kB\nUnevictable: 40 kB\nMlocked: 7 kB\nZswap: 11 kB\n\
    AnonPages: 220 kB\nShmem: 60 kB\nKReclaimable: 75 kB\nSlab: 170 kB\nSReclaimable: 70 kB\nSUnreclaim: 100 kB\n\
    KernelStack: 21 kB\nPageTables: 31 kB\nSecPageTables: 2 kB\nBounce: 1 kB\nWritebackTmp: 6 kB\nVmallocTotal: 99999 kB\n\
    VmallocUsed: 121 kB\nPercpu: 13 kB\nHardwareCorrupted: 4 kB\nHugePages_Total: 9\nHugetlb: 500 kB\n";

fn counters<'f>(meminfo: &'f Meminfo<'f>, zones: &'f Zones) -> HostCounters<'f> {
    HostCounters {
        meminfo,
        zones,
        page_size: PageSize(4096),
        stacks_in_vmalloc: true,
        vmalloc: None,
        hugetlb: None,
        page_records: Some(Pages(3)),
        partly_unmapped: None,
        balloon: None,
    }
}

fn kib(ledger: &Ledger, kind: PartKind) -> Option<u64> {
    ledger.part(kind).map(|bytes| bytes.0 / 1024)
}

#[test]
fn every_owner_once() {
    let meminfo = Meminfo::parse(MEMINFO.as_bytes());
    let zones = Zones { per_cpu: Some(Pages(5)), zspages: Some(Pages(4)), ..Zones::default() };
    let ledger = ledger(&counters(&meminfo, &zones)).unwrap();
    let expected = [
        (PartKind::Anonymous, 220),
        (PartKind::PageCache, 150),
        (PartKind::Shmem, 60),
        (PartKind::SwapCache, 3),
        (PartKind::Hugetlb, 500),
        (PartKind::SlabReclaimable, 70),
        (PartKind::SlabUnreclaimable, 100),
        (PartKind::MiscReclaimable, 5),
        (PartKind::PageTables, 31),
        (PartKind::SecondaryPageTables, 2),
        (PartKind::KernelStacks, 21),
        (PartKind::Vmalloc, 100),
        (PartKind::PerCpu, 13),
        (PartKind::Bounce, 1),
        (PartKind::WritebackCopies, 6),
        (PartKind::PageRecords, 12),
        (PartKind::Zswap, 11),
        (PartKind::Zram, 5),
        (PartKind::HardwareCorrupted, 4),
        (PartKind::Free, 1000),
        (PartKind::PerCpuLists, 20),
    ];
    let parts: Vec<(PartKind, u64)> = ledger.parts.iter().map(|it| (it.kind, it.bytes.0 / 1024)).collect();
    assert_eq!(parts, expected);
    // Active, Inactive and Unevictable, less Cached, Buffers, SwapCached and AnonPages.
    assert_eq!(ledger.lru_ownerless, Some((440 - 433) * 1024));
    let owned: u64 = expected.iter().map(|(_, kib)| kib).sum();
    assert_eq!(ledger.unaccounted, i64::try_from(10000 - owned - 7).unwrap() * 1024);
    assert_eq!(ledger.nobodys(), Bytes((10000 - owned) * 1024));
    assert_eq!(ledger.included[0], Included { name: "mlocked", bytes: Bytes(7 * 1024) });
}

/// Where stacks are not in vmalloc, both are owners.
#[test]
fn stacks_count_once() {
    let meminfo = Meminfo::parse(MEMINFO.as_bytes());
    let zones = Zones::default();
    let apart = HostCounters { stacks_in_vmalloc: false, ..counters(&meminfo, &zones) };
    assert_eq!(kib(&ledger(&apart).unwrap(), PartKind::Vmalloc), Some(121));
    let text = MEMINFO.replace("VmallocUsed: 121 kB", "VmallocUsed: 20 kB");
    let smaller = Meminfo::parse(text.as_bytes());
    assert_eq!(kib(&ledger(&counters(&smaller, &zones)).unwrap(), PartKind::Vmalloc), Some(20));
}

/// A kernel that has no counter for something has no such part; what it tells elsewhere is taken from there.
#[test]
fn what_meminfo_does_not_tell() {
    let text: String = MEMINFO
        .replace("VmallocUsed: 121 kB", "VmallocUsed: 0 kB")
        .lines()
        .filter(|line| !["Hugetlb", "Percpu", "Zswap", "KReclaimable"].iter().any(|it| line.starts_with(it)))
        .map(|line| format!("{line}\n"))
        .collect();
    let (meminfo, zones) = (Meminfo::parse(text.as_bytes()), Zones::default());
    let bare = ledger(&counters(&meminfo, &zones)).unwrap();
    let absent = [
        PartKind::Vmalloc,
        PartKind::Hugetlb,
        PartKind::PerCpu,
        PartKind::Zswap,
        PartKind::Zram,
        PartKind::MiscReclaimable,
        PartKind::Balloon,
        PartKind::NotInitialised,
        PartKind::PerCpuLists,
    ];
    assert_eq!(absent.map(|kind| bare.part(kind)), [None; 9]);

    let told = HostCounters {
        vmalloc: Some(crate::procfs::vmallocinfo::pages(
            b"0x1-0x2   20480 kernel_clone+0x94/0x3e0 pages=4 vmalloc N0=4\n\
              0x3-0x4    8192 acpi_os_map_iomem+0x1 phys=0x1 ioremap\n\
              0x5-0x6 2101248 alloc_large_system_hash pages=512 vmalloc vpages N0=512\n\xff\n",
        )),
        hugetlb: Some(Bytes(2 << 20)),
        partly_unmapped: Some(Bytes(6 << 20)),
        balloon: Some(Bytes(4 << 20)),
        ..counters(&meminfo, &zones)
    };
    let ledger = ledger(&told).unwrap();
    assert_eq!(kib(&ledger, PartKind::Vmalloc), Some(516 * 4 - 21));
    assert_eq!(kib(&ledger, PartKind::Hugetlb), Some(2048));
    assert_eq!(kib(&ledger, PartKind::Balloon), Some(4096));
    assert_eq!(ledger.partly_unmapped(), Some(Bytes(6 << 20)));
}

/// MemFree counts pages that the zones have not got yet; a small difference is noise.
#[test]
fn free_but_not_initialised() {
    let meminfo = Meminfo::parse(MEMINFO.as_bytes());
    let with_zones = |pages| {
        let zones = Zones { free: Some(Pages(pages)), ..Zones::default() };
        let ledger = ledger(&counters(&meminfo, &zones)).unwrap();
        (kib(&ledger, PartKind::Free), kib(&ledger, PartKind::NotInitialised))
    };
    assert_eq!(with_zones(100), (Some(400), Some(600)));
    // Within 2 % of all memory.
    assert_eq!(with_zones(201), (Some(1000), None));
    assert_eq!(with_zones(260), (Some(1000), None));
}

/// Pages in swap that a process has mapped again count in two counters, and in one part.
#[test]
fn swapped_in_again() {
    let text = MEMINFO.replace("SwapCached: 3 kB", "SwapCached: 300 kB");
    let meminfo = Meminfo::parse(text.as_bytes());
    let ledger = ledger(&counters(&meminfo, &Zones::default())).unwrap();
    assert_eq!(kib(&ledger, PartKind::SwapCache), Some(440 - 430));
    assert_eq!(ledger.lru_ownerless, Some(0));
    assert!(ledger.included.contains(&Included { name: "swap_cached", bytes: Bytes(300 * 1024) }));
}

/// HostCounters that overlap leave less than nothing, and that is said.
#[test]
fn never_clamped() {
    let text = MEMINFO.replace("MemTotal: 10000", "MemTotal: 2000").replace("Active: 150", "Active: 15");
    let meminfo = Meminfo::parse(text.as_bytes());
    let ledger = ledger(&counters(&meminfo, &Zones::default())).unwrap();
    assert_eq!(ledger.lru_ownerless, Some((305 - 430) * 1024));
    assert!(ledger.unaccounted < 0, "{ledger:?}");
    assert_eq!(ledger.nobodys(), Bytes(0));
}

#[test]
fn a_file_that_lacks_what_every_kernel_has() {
    for name in
        ["MemTotal", "MemFree", "Active", "Inactive", "Cached", "AnonPages", "SUnreclaim", "PageTables"]
    {
        let text = MEMINFO.replace(&format!("{name}:"), "Other:");
        let meminfo = Meminfo::parse(text.as_bytes());
        assert_eq!(ledger(&counters(&meminfo, &Zones::default())), None, "{name}");
    }
}
