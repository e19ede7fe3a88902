//! The ledger of a host, from /proc/meminfo and what that leaves open. Pure.

use crate::memory::ledger::{Included, Ledger, PARTLY_UNMAPPED, Part, PartKind};
use crate::model::units::{Bytes, PageSize, Pages};
use crate::procfs::meminfo::Meminfo;
use crate::procfs::zoneinfo::Zones;

/// What a ledger is made of.
pub(crate) struct HostCounters<'f> {
    pub(crate) meminfo: &'f Meminfo<'f>,
    pub(crate) zones: &'f Zones,
    pub(crate) page_size: PageSize,
    /// Kernel stacks lie in vmalloc (CONFIG_VMAP_STACK).
    pub(crate) stacks_in_vmalloc: bool,
    /// Pages of vmalloc, where /proc/meminfo does not tell.
    pub(crate) vmalloc: Option<Pages>,
    /// The pools of huge pages, where /proc/meminfo does not tell.
    pub(crate) hugetlb: Option<Bytes>,
    /// Records of pages of memory that was added after boot.
    pub(crate) page_records: Option<Pages>,
    /// Huge pages of programs of which they have unmapped a part, whole.
    pub(crate) partly_unmapped: Option<Bytes>,
    /// What a balloon holds that MemTotal still counts.
    pub(crate) balloon: Option<Bytes>,
}

/// Fields of /proc/meminfo that are parts as they are.
const PLAIN: [(&str, PartKind); 10] = [
    ("AnonPages", PartKind::Anonymous),
    ("Shmem", PartKind::Shmem),
    ("SReclaimable", PartKind::SlabReclaimable),
    ("SUnreclaim", PartKind::SlabUnreclaimable),
    ("PageTables", PartKind::PageTables),
    ("SecPageTables", PartKind::SecondaryPageTables),
    ("Percpu", PartKind::PerCpu),
    ("Bounce", PartKind::Bounce),
    ("WritebackTmp", PartKind::WritebackCopies),
    ("HardwareCorrupted", PartKind::HardwareCorrupted),
];

/// Fields that lie in parts.
const INCLUDED: [(&str, &str); 8] = [
    ("Mlocked", "mlocked"),
    ("AnonHugePages", "anonymous_huge"),
    ("ShmemHugePages", "shmem_huge"),
    ("FileHugePages", "file_huge"),
    ("SwapCached", "swap_cached"),
    ("Dirty", "dirty"),
    ("Writeback", "writeback"),
    ("Unaccepted", "unaccepted"),
];

/// What every kernel tells. Without one of these the rest would be blamed for it.
const ALWAYS: [&str; 4] = ["AnonPages", "SReclaimable", "SUnreclaim", "PageTables"];

/// The ledger; `None` when the file lacks what every kernel has.
pub(crate) fn ledger(counters: &HostCounters<'_>) -> Option<Ledger> {
    let meminfo = counters.meminfo;
    if ALWAYS.iter().any(|name| meminfo.bytes(name).is_none()) {
        return None;
    }
    let field = |name: &str| meminfo.bytes(name).map(|bytes| bytes.0);
    let (cached, lru) = (field("Cached")? + field("Buffers")?, on_lists(counters)?);
    let owned = cached + field("AnonPages")?;
    // A page that is mapped counts in AnonPages already, in swap too or not.
    let swap_cache = field("SwapCached").map(|all| all.min(lru.saturating_sub(owned)));
    let page_cache = cached.saturating_sub(field("Shmem").unwrap_or(0));

    let mut parts: Vec<Part> = PLAIN.iter().filter_map(|(name, kind)| part(*kind, field(name))).collect();
    parts.extend(part(PartKind::PageCache, Some(page_cache)));
    parts.extend(part(PartKind::SwapCache, swap_cache));
    parts.extend(kernel(counters));
    parts.extend(free(counters)?);
    parts.sort_by_key(|part| part.kind);
    let ownerless = i64::try_from(lru).ok()?.checked_sub_unsigned(owned + swap_cache.unwrap_or(0))?;

    let mut included = included(meminfo);
    included.extend(counters.partly_unmapped.map(|bytes| Included { name: PARTLY_UNMAPPED, bytes }));
    Some(Ledger::of(meminfo.bytes("MemTotal")?, parts, Some(ownerless), included))
}

fn part(kind: PartKind, bytes: Option<u64>) -> Option<Part> {
    bytes.map(|bytes| Part { kind, bytes: Bytes(bytes) })
}

/// What is on the LRU lists, or off them for the moment.
fn on_lists(counters: &HostCounters<'_>) -> Option<u64> {
    let meminfo = counters.meminfo;
    let lists = [
        meminfo.bytes("Active")?,
        meminfo.bytes("Inactive")?,
        meminfo.bytes("Unevictable").unwrap_or_default(),
    ];
    let isolated = counters.zones.isolated.bytes(counters.page_size).0;
    Some(lists.iter().map(|bytes| bytes.0).fold(isolated, u64::saturating_add))
}

/// What the kernel has, and huge pages, where one counter alone does not tell.
fn kernel(counters: &HostCounters<'_>) -> impl Iterator<Item = Part> {
    let field = |name: &str| counters.meminfo.bytes(name).map(|bytes| bytes.0);
    let in_pages = |pages: Option<Pages>| pages.map(|pages| pages.bytes(counters.page_size).0);
    let (stacks, zswap) = (field("KernelStack"), field("Zswap"));
    let zram = in_pages(counters.zones.zspages).map(|bytes| bytes.saturating_sub(zswap.unwrap_or(0)));
    let parts = [
        (PartKind::Hugetlb, field("Hugetlb").or(counters.hugetlb.map(|bytes| bytes.0))),
        (PartKind::MiscReclaimable, misc_reclaimable(counters.meminfo)),
        (PartKind::KernelStacks, stacks),
        (PartKind::Vmalloc, vmalloc(counters, stacks.unwrap_or(0))),
        (PartKind::PageRecords, in_pages(counters.page_records)),
        (PartKind::Balloon, counters.balloon.map(|bytes| bytes.0)),
        (PartKind::Zswap, zswap),
        (PartKind::Zram, zram),
    ];
    parts.into_iter().filter_map(|(kind, bytes)| part(kind, bytes))
}

/// What is free, wherever it is kept.
fn free(counters: &HostCounters<'_>) -> Option<impl Iterator<Item = Part>> {
    let in_pages = |pages: Option<Pages>| pages.map(|pages| pages.bytes(counters.page_size).0);
    let (free, total) = (counters.meminfo.bytes("MemFree")?.0, counters.meminfo.bytes("MemTotal")?.0);
    let in_zones = in_pages(counters.zones.free).unwrap_or(free);
    // Both change all the time; but on most hosts they are the same number.
    let put_off = Some(free.saturating_sub(in_zones)).filter(|bytes| *bytes > total / 50);
    let parts = [
        (PartKind::Free, Some(free - put_off.unwrap_or(0))),
        (PartKind::NotInitialised, put_off),
        (PartKind::PerCpuLists, in_pages(counters.zones.per_cpu)),
    ];
    Some(parts.into_iter().filter_map(|(kind, bytes)| part(kind, bytes)))
}

fn misc_reclaimable(meminfo: &Meminfo<'_>) -> Option<u64> {
    let all = meminfo.bytes("KReclaimable")?.0;
    Some(all.saturating_sub(meminfo.bytes("SReclaimable")?.0))
}

/// `VmallocUsed` is 0 on kernels before 5.3. Stacks cannot lie in it where they are larger.
fn vmalloc(counters: &HostCounters<'_>, stacks: u64) -> Option<u64> {
    let told = counters.meminfo.bytes("VmallocUsed").map(|bytes| bytes.0).filter(|bytes| *bytes > 0);
    let all = told.or_else(|| counters.vmalloc.map(|pages| pages.bytes(counters.page_size).0))?;
    if counters.stacks_in_vmalloc && all >= stacks { Some(all - stacks) } else { Some(all) }
}

fn included(meminfo: &Meminfo<'_>) -> Vec<Included> {
    let fields =
        INCLUDED.iter().filter_map(|(field, name)| Some(Included { name, bytes: meminfo.bytes(field)? }));
    fields.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests;
