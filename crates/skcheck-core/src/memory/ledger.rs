//! The ledger: every owner of memory that the kernel has a counter for, and what is left over.
//!
//! > total = Σ parts + lru_ownerless + unaccounted
//!
//! holds exactly. No page is in two parts.

pub(crate) mod cgroup;
pub(crate) mod files;
pub(crate) mod host;

use crate::model::units::Bytes;

/// Who owns the memory of a host, or of a cgroup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// All of it. Of a host: MemTotal, what the kernel was given to manage. Of a cgroup: what it is
    /// charged (`memory.current`).
    pub total: Bytes,
    /// The owners that the kernel has a counter for. One that it does not have is absent, not 0.
    pub parts: Vec<Part>,
    /// Bytes on an LRU list that no file and no process has: the LRU lists less page cache, buffers, swap
    /// cache and mapped anonymous memory. Around 0 unless pages of removed files are still in use (sendfile
    /// and splice pin memory there), or programs have unmapped parts of huge pages
    /// ([`partly_unmapped`](Self::partly_unmapped)). Negative when counters lag behind each other. `None` for
    /// a cgroup.
    pub lru_ownerless: Option<i64>,
    /// Bytes that no counter owns: taken straight from the page allocator. The remainder, negative when
    /// counters overlap.
    pub unaccounted: i64,
    /// What is a part of the parts, told for itself: these do not add up to anything.
    pub included: Vec<Included>,
}

/// Memory with one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Whose.
    pub kind: PartKind,
    /// How much.
    pub bytes: Bytes,
}

impl Part {
    /// So much of a kind.
    pub fn new(kind: PartKind, bytes: Bytes) -> Part {
        Part { kind, bytes }
    }
}

/// Memory that lies in one or several parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Included {
    /// `mlocked`, `anonymous_huge`, `shmem_huge`, `dirty`, `huge_pages_free`, ...
    pub name: &'static str,
    /// How much.
    pub bytes: Bytes,
}

/// What kind of owner a part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LedgerGroup {
    /// Programs and files: anonymous memory, page cache, shared memory, huge pages.
    Application,
    /// The kernel itself.
    Kernel,
    /// Nobody: free.
    Free,
}

impl LedgerGroup {
    /// `application`, `kernel` or `free`.
    pub fn name(self) -> &'static str {
        match self {
            LedgerGroup::Application => "application",
            LedgerGroup::Kernel => "kernel",
            LedgerGroup::Free => "free",
        }
    }
}

/// The owners, in the order in which a ledger lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PartKind {
    /// `AnonPages`: mapped anonymous memory, mlocked or not (`NR_ANON_MAPPED`).
    Anonymous,
    /// `Cached` + `Buffers` − `Shmem`: pages of files and block devices.
    PageCache,
    /// `Shmem`: tmpfs, shared anonymous and SysV shared memory.
    Shmem,
    /// `SwapCached`: pages that are in swap as well, and in no process any more. (Those that are count in
    /// `AnonPages` too: no more of them count here than are left on the LRU lists.)
    SwapCache,
    /// `Hugetlb`: the pools of huge pages, used or not.
    Hugetlb,
    /// `SReclaimable`.
    SlabReclaimable,
    /// `SUnreclaim`.
    SlabUnreclaimable,
    /// `KReclaimable` − `SReclaimable`: pages that the kernel gives back under pressure.
    MiscReclaimable,
    /// `PageTables`.
    PageTables,
    /// `SecPageTables`: those of KVM and IOMMUs (since Linux 6.0).
    SecondaryPageTables,
    /// `KernelStack`.
    KernelStacks,
    /// `VmallocUsed`, without kernel stacks where these lie in it.
    Vmalloc,
    /// `Percpu` (since Linux 4.20). Its first chunk, some 250 KiB for each CPU, is outside of the total: by
    /// so much `unaccounted` is too small.
    PerCpu,
    /// `sock` of a cgroup: socket memory that it is charged, by truesize.
    Sockets,
    /// `Bounce`.
    Bounce,
    /// `WritebackTmp`: copies of pages that FUSE writes back.
    WritebackCopies,
    /// `nr_memmap_pages`: the kernel's records of pages, of memory that was added after boot (since Linux
    /// 6.10). Those of boot are outside of MemTotal.
    PageRecords,
    /// `Zswap`: compressed pages of zswap (since Linux 5.19).
    Zswap,
    /// `nr_zspages` less zswap's: compressed pages of zram.
    Zram,
    /// Pages that the hypervisor has taken back through a balloon, where MemTotal still counts them.
    Balloon,
    /// `HardwareCorrupted`.
    HardwareCorrupted,
    /// Kernel memory of a cgroup that none of its other counters names (`kernel` less those). With version
    /// 1, all of its kernel memory (`memory.kmem.usage_in_bytes`).
    OtherKernel,
    /// Pages on the free lists of the zones (`NR_FREE_PAGES`).
    Free,
    /// In MemFree, but in no zone yet: pages whose initialisation the kernel has put off.
    NotInitialised,
    /// Free pages that each CPU keeps for itself (`per_cpu_pages.count`): not in MemFree.
    PerCpuLists,
}

impl PartKind {
    /// The kind's stable name, lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            PartKind::Anonymous => "anonymous",
            PartKind::PageCache => "page_cache",
            PartKind::Shmem => "shmem",
            PartKind::SwapCache => "swap_cache",
            PartKind::Hugetlb => "hugetlb",
            PartKind::SlabReclaimable => "slab_reclaimable",
            PartKind::SlabUnreclaimable => "slab_unreclaimable",
            PartKind::MiscReclaimable => "misc_reclaimable",
            PartKind::PageTables => "page_tables",
            PartKind::SecondaryPageTables => "secondary_page_tables",
            PartKind::KernelStacks => "kernel_stacks",
            PartKind::Vmalloc => "vmalloc",
            PartKind::PerCpu => "per_cpu",
            PartKind::Sockets => "sockets",
            PartKind::Bounce => "bounce",
            PartKind::WritebackCopies => "writeback_copies",
            PartKind::PageRecords => "page_records",
            PartKind::Zswap => "zswap",
            PartKind::Zram => "zram",
            PartKind::Balloon => "balloon",
            PartKind::HardwareCorrupted => "hardware_corrupted",
            PartKind::OtherKernel => "other_kernel",
            PartKind::Free => "free",
            PartKind::NotInitialised => "not_initialised",
            PartKind::PerCpuLists => "per_cpu_lists",
        }
    }

    /// Whom it belongs to.
    pub fn group(self) -> LedgerGroup {
        match self {
            PartKind::Anonymous
            | PartKind::PageCache
            | PartKind::Shmem
            | PartKind::SwapCache
            | PartKind::Hugetlb => LedgerGroup::Application,
            PartKind::Free | PartKind::NotInitialised | PartKind::PerCpuLists => LedgerGroup::Free,
            _ => LedgerGroup::Kernel,
        }
    }
}

/// See [`Ledger::partly_unmapped`].
const PARTLY_UNMAPPED: &str = "anonymous_partly_unmapped";

impl Ledger {
    /// Huge pages of which programs have unmapped a part, whole (`nr_anon_partially_mapped` of
    /// /sys/kernel/mm/transparent_hugepage, since Linux 6.12). No counter has the unmapped parts: of
    /// `lru_ownerless` at most so much is theirs. `None` where the kernel does not tell.
    pub fn partly_unmapped(&self) -> Option<Bytes> {
        self.included.iter().find(|it| it.name == PARTLY_UNMAPPED).map(|it| it.bytes)
    }

    /// A ledger of these parts: what is left of `total` is unaccounted.
    pub(crate) fn of(
        total: Bytes,
        parts: Vec<Part>,
        lru_ownerless: Option<i64>,
        included: Vec<Included>,
    ) -> Ledger {
        let owned = parts.iter().map(|part| i128::from(part.bytes.0)).sum::<i128>();
        let left = i128::from(total.0) - owned - i128::from(lru_ownerless.unwrap_or(0));
        let unaccounted = i64::try_from(left).unwrap_or(if left < 0 { i64::MIN } else { i64::MAX });
        Ledger { total, parts, lru_ownerless, unaccounted, included }
    }

    /// One part; `None` where the kernel has no counter for it.
    pub fn part(&self, kind: PartKind) -> Option<Bytes> {
        self.parts.iter().find(|part| part.kind == kind).map(|part| part.bytes)
    }

    /// All parts of one group.
    pub fn group(&self, group: LedgerGroup) -> Bytes {
        let parts = self.parts.iter().filter(|part| part.kind.group() == group);
        Bytes(parts.map(|part| part.bytes.0).fold(0, u64::saturating_add))
    }

    /// What belongs to nobody: both remainders, each where it is positive.
    pub fn nobodys(&self) -> Bytes {
        let positive = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
        Bytes(positive(self.unaccounted).saturating_add(self.lru_ownerless.map_or(0, positive)))
    }

    /// More than this cannot belong to nobody unless something leaks: a tenth of the memory, at least
    /// 1.5 GiB and at most 6 GiB (the thresholds of Alibaba's SysOM).
    pub fn alarm(&self) -> Bytes {
        Bytes((self.total.0 / 10).clamp(3 << 29, 6 << 30))
    }

    /// Whether so much belongs to nobody that something leaks.
    pub fn is_out_of_proportion(&self) -> bool {
        self.nobodys() > self.alarm()
    }
}
