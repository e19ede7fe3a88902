//! The memory of real kernels, recorded (tests/kernels/record), against what was counted and made there.

use std::path::{Path, PathBuf};

use skcheck_core::memory::{Included, Memory, PartKind, ProtocolMemory, available, resident};
use skcheck_core::{Bytes, Live, Pages, memory};

const KIB: u64 = 1024;
const MIB: u64 = 1 << 20;

/// What is to be found in a recording; sizes in KiB, if nothing else is said.
struct Expected {
    kernel: &'static str,
    total: u64,
    free: u64,
    /// Pages that the CPUs keep.
    per_cpu_lists: u64,
    /// Cached and Buffers, less Shmem.
    page_cache: u64,
    anonymous: u64,
    shmem: u64,
    slab: [u64; 2],
    page_tables: u64,
    /// VmallocUsed and KernelStack, which lies in it.
    vmalloc: [u64; 2],
    percpu: u64,
    ownerless: i64,
    /// MemTotal less all that is free and all that an owner has.
    unaccounted_and_ownerless: i64,
    /// Bytes.
    ram: u64,
    /// Pages of TCP and UDP, and TCP's limits.
    network: ([u64; 2], [u64; 3]),
    packets: u64,
}

const KERNELS: [Expected; 3] = [
    Expected {
        kernel: "6.1",
        total: 2_027_036,
        free: 1_778_964,
        per_cpu_lists: 6051,
        page_cache: 0,
        anonymous: 21_364,
        shmem: 83_868,
        slab: [9332, 7260],
        page_tables: 404,
        vmalloc: [5380, 1136],
        percpu: 512,
        ownerless: -52,
        unaccounted_and_ownerless: 13_828,
        ram: 2_146_954_240,
        network: ([2304, 0], [22_836, 30_451, 45_672]),
        packets: 32 + 336,
    },
    Expected {
        kernel: "6.12",
        total: 2_021_744,
        free: 1_776_500,
        per_cpu_lists: 7106,
        page_cache: 0,
        anonymous: 21_292,
        shmem: 83_868,
        slab: [912, 7976],
        page_tables: 896,
        vmalloc: [5480, 1216],
        percpu: 552,
        ownerless: -12,
        unaccounted_and_ownerless: 13_924,
        ram: 2_146_954_240,
        network: ([2560, 0], [22_788, 30_386, 45_576]),
        packets: 32 + 432,
    },
    Expected {
        kernel: "6.18",
        total: 24_684_084,
        free: 19_641_672,
        per_cpu_lists: 58_266,
        page_cache: 3_779_952 + 10_848 - 90_792,
        anonymous: 438_420,
        shmem: 90_792,
        slab: [397_552, 43_592],
        page_tables: 7084,
        vmalloc: [17_256, 2352],
        percpu: 2152,
        ownerless: -192,
        unaccounted_and_ownerless: 30_572,
        ram: 25_769_405_440,
        network: ([3736, 58], [287_898, 383_867, 575_796]),
        packets: 391 + 592,
    },
];

fn recording(kernel: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/memory").join(kernel)
}

fn recorded(kernel: &str) -> Memory {
    let host = Live::with_roots(recording(kernel), recording(kernel).join("proc"));
    memory(&host, None).expect("it was recorded")
}

#[test]
fn single_figures() {
    let host = Live::with_roots(recording("6.1"), recording("6.1").join("proc"));
    assert_eq!(available(&host), Some(Bytes(1_708_244 * KIB)));
    assert_eq!(resident(&host, 1), None, "no process was recorded");
    let own = resident(&Live::new(), std::process::id()).expect("it is alive");
    assert!(own.0 >= 1 << 20, "{own:?}");
}

#[test]
fn every_counter_of_real_kernels() {
    for expected in KERNELS {
        let Memory { ledger, .. } = recorded(expected.kernel);
        let kib = |kind: PartKind| ledger.part(kind).map(|bytes| bytes.0 / KIB);
        let [used, stacks] = expected.vmalloc;
        let parts = [
            (PartKind::Free, expected.free),
            (PartKind::PerCpuLists, expected.per_cpu_lists * 4),
            (PartKind::PageCache, expected.page_cache),
            (PartKind::Anonymous, expected.anonymous),
            (PartKind::Shmem, expected.shmem),
            (PartKind::SlabReclaimable, expected.slab[0]),
            (PartKind::SlabUnreclaimable, expected.slab[1]),
            (PartKind::PageTables, expected.page_tables),
            (PartKind::KernelStacks, stacks),
            (PartKind::Vmalloc, used - stacks),
            (PartKind::PerCpu, expected.percpu),
            (PartKind::Hugetlb, 40 * 2048),
        ];
        let kernel = expected.kernel;
        for (kind, expected) in parts {
            assert_eq!(kib(kind), Some(expected), "{kind:?} of {kernel}");
        }
        assert_eq!(ledger.part(PartKind::NotInitialised), None, "{kernel}");
        assert_eq!(ledger.total, Bytes(expected.total * KIB));
        let ownerless = ledger.lru_ownerless.expect("a host has lists");
        assert_eq!(ownerless / 1024, expected.ownerless, "{kernel}");
        assert_eq!((ledger.unaccounted + ownerless) / 1024, expected.unaccounted_and_ownerless, "{kernel}");
        assert!(!ledger.is_out_of_proportion());
    }
}

/// What was made before a recording lies where it belongs.
#[test]
fn what_was_made() {
    for kernel in ["6.1", "6.12", "6.18"] {
        let Memory { ledger, .. } = recorded(kernel);
        let at_least = |kind: PartKind, bytes: u64| {
            let part = ledger.part(kind).expect("every kernel counts it").0;
            assert!(part >= bytes, "{part} B of {kind:?} in {kernel}");
        };
        // 50 MiB of a file, and 30 MiB of a removed one that is still open, which is its owner.
        at_least(PartKind::Shmem, 80 * MIB);
        at_least(PartKind::Anonymous, 20 * MIB);
        assert!(ledger.lru_ownerless.expect("a host has lists").unsigned_abs() < MIB);
        let included = |name| ledger.included.iter().find(|it: &&Included| it.name == name);
        assert!(included("mlocked").is_some() && included("anonymous_huge").is_some());
        // Nobody writes through FUSE.
        assert_eq!(ledger.part(PartKind::WritebackCopies), Some(Bytes(0)), "{kernel}");
        // Since Linux 6.10.
        assert_eq!(ledger.part(PartKind::PageRecords).is_some(), kernel != "6.1");
    }
}

#[test]
fn memory_that_was_kept_at_boot() {
    for expected in KERNELS {
        let reserved = recorded(expected.kernel).reserved.expect("recorded as root");
        // Whole pages only.
        let ram = expected.ram / 4096 * 4096;
        assert!(reserved.ram.0.abs_diff(ram) <= 2 * 4096, "{reserved:?}");
        assert_eq!(reserved.kernel.0, reserved.ram.0 - expected.total * KIB);
        assert_eq!(reserved.crash_kernel, Bytes(0));
    }
}

#[test]
fn the_networks_books() {
    for expected in KERNELS {
        let Memory { network, .. } = recorded(expected.kernel);
        let ([tcp, udp], [low, pressure, high]) = expected.network;
        let ProtocolMemory { used, limits, .. } = network.tcp.expect("recorded");
        let limits = limits.expect("the first namespace has them");
        assert_eq!((used, network.udp.expect("recorded").used), (Pages(tcp), Pages(udp)));
        assert_eq!((limits.low, limits.pressure, limits.high), (Pages(low), Pages(pressure), Pages(high)));
        assert_eq!(network.skb_objects, Some(expected.packets), "{}", expected.kernel);
        assert_eq!((network.tcp_orphans, network.under_pressure.len()), (Some(0), 0));
    }
}
