use super::*;

/// Every counter has a value of its own, so that none can stand for another.
const STAT_V2: &str = "anon 1000\nfile 5000\nkernel 900\nkernel_stack 10\npagetables 20\nsec_pagetables 3\n\
    percpu 40\nsock 70\nvmalloc 50\nshmem 600\nzswap 30\nzswapped 99\nfile_mapped 7\nfile_dirty 8\n\
    file_writeback 9\nswapcached 200\nanon_thp 11\nfile_thp 12\nshmem_thp 13\ninactive_anon 700\n\
    active_anon 1050\ninactive_file 1400\nactive_file 3000\nunevictable 15\nslab_reclaimable 101\n\
    slab_unreclaimable 202\nslab 303\nhugetlb 16\nworkingset_refault_anon 17\n";

const STAT_V1: &str = "cache 1\nrss 2\nshmem 3\nswapcached 4\ntotal_cache 5000\ntotal_rss 1000\n\
    total_rss_huge 11\ntotal_shmem 600\ntotal_dirty 8\ntotal_writeback 9\ntotal_swapcached 200\n\
    total_inactive_anon 700\ntotal_active_anon 1050\ntotal_inactive_file 1400\ntotal_active_file 3000\n\
    total_unevictable 15\n";

fn parts(ledger: &Ledger) -> Vec<(PartKind, u64)> {
    ledger.parts.iter().map(|part| (part.kind, part.bytes.0)).collect()
}

fn check(ledger: &Ledger, expected: &[(PartKind, u64)], unaccounted: i64) {
    assert_eq!(parts(ledger), expected);
    assert_eq!((ledger.unaccounted, ledger.lru_ownerless), (unaccounted, None));
    let sum: u64 = expected.iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(i128::from(ledger.total.0), i128::from(sum) + i128::from(unaccounted));
}

#[test]
fn version_2() {
    let ledger = v2(Bytes(8000), STAT_V2.as_bytes()).unwrap();
    let expected = [
        (PartKind::Anonymous, 1000),
        (PartKind::PageCache, 4400),
        (PartKind::Shmem, 600),
        // The lists hold 6165: 165 beside files and mapped anonymous memory.
        (PartKind::SwapCache, 165),
        (PartKind::Hugetlb, 16),
        (PartKind::SlabReclaimable, 101),
        (PartKind::SlabUnreclaimable, 202),
        (PartKind::PageTables, 20),
        (PartKind::SecondaryPageTables, 3),
        (PartKind::KernelStacks, 10),
        (PartKind::Vmalloc, 50),
        (PartKind::PerCpu, 40),
        (PartKind::Sockets, 70),
        (PartKind::Zswap, 30),
        (PartKind::OtherKernel, 900 - 456),
    ];
    check(&ledger, &expected, 8000 - 7151);
    let names: Vec<&str> = ledger.included.iter().map(|included| included.name).collect();
    assert_eq!(names, ["anonymous_huge", "shmem_huge", "file_huge", "dirty", "writeback"]);
}

#[test]
fn version_1() {
    let told = V1 { usage: Bytes(9000), stat: STAT_V1.as_bytes(), kernel: Some(Bytes(900)) };
    let expected = [
        (PartKind::Anonymous, 1000),
        (PartKind::PageCache, 4400),
        (PartKind::Shmem, 600),
        (PartKind::SwapCache, 165),
        (PartKind::OtherKernel, 900),
    ];
    check(&v1(&told).unwrap(), &expected, 9000 - 7065);
    let root = V1 { kernel: None, ..told };
    check(&v1(&root).unwrap(), &expected[..4], 9000 - 6165);
}

/// A page in swap that is mapped once more is anonymous memory, and not in the swap cache as well.
#[test]
fn swapped_and_mapped() {
    let all = [("active_anon 850", 0), ("active_anon 886", 1), ("active_anon 9999", 200)];
    for (list, expected) in all {
        let stat = STAT_V2.replace("active_anon 1050", list);
        let ledger = v2(Bytes(8000), stat.as_bytes()).unwrap();
        assert_eq!(ledger.part(PartKind::SwapCache), Some(Bytes(expected)), "{list}");
    }
}

/// Linux 4.19 counts less by itself; the rest of its kernel memory is unaccounted.
#[test]
fn fields_that_a_kernel_lacks() {
    let stat = "anon 10\nfile 20\nkernel_stack 1\nslab 5\nsock 2\nshmem 4\nslab_reclaimable 2\nslab_unreclaimable 3\n";
    let expected = [
        (PartKind::Anonymous, 10),
        (PartKind::PageCache, 16),
        (PartKind::Shmem, 4),
        (PartKind::SlabReclaimable, 2),
        (PartKind::SlabUnreclaimable, 3),
        (PartKind::KernelStacks, 1),
        (PartKind::Sockets, 2),
    ];
    check(&v2(Bytes(48), stat.as_bytes()).unwrap(), &expected, 10);
    for name in ["anon", "file"] {
        let stat = stat.replace(&format!("{name} "), "other ");
        assert_eq!(v2(Bytes(48), stat.as_bytes()), None, "{name}");
    }
    for name in ["total_rss ", "total_cache "] {
        let stat = STAT_V1.replace(name, "other ");
        assert_eq!(v1(&V1 { usage: Bytes(1), stat: stat.as_bytes(), kernel: None }), None, "{name}");
    }
}

/// Counters that lag behind each other leave less than nothing, and that is said.
#[test]
fn never_clamped() {
    let ledger = v2(Bytes(5000), STAT_V2.replace("kernel 900", "kernel 400").as_bytes()).unwrap();
    assert_eq!(ledger.part(PartKind::OtherKernel), Some(Bytes(0)));
    assert_eq!(ledger.unaccounted, 5000 - (7151 - 444));
    let most = u64::MAX.to_string();
    let ledger =
        v2(Bytes(0), format!("anon {most}\nfile {most}\nslab_reclaimable {most}\n").as_bytes()).unwrap();
    assert_eq!(ledger.unaccounted, i64::MIN);
}
