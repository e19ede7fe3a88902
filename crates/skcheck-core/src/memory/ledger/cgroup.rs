//! The ledger of a cgroup, from its memory.stat. Pure.

use crate::memory::ledger::{Included, Ledger, Part, PartKind};
use crate::model::units::Bytes;
use crate::procfs::flat::counter;

/// What version 2 charges beside page cache, swap cache and kernel memory (`memory_stats`).
const PLAIN: [(&str, PartKind); 4] = [
    ("anon", PartKind::Anonymous),
    ("shmem", PartKind::Shmem),
    // Only where the hierarchy is mounted with memory_hugetlb_accounting; not charged otherwise.
    ("hugetlb", PartKind::Hugetlb),
    ("sock", PartKind::Sockets),
];

/// What is in `kernel` (MEMCG_KMEM). Stacks are not in `vmalloc`, other than on the whole host: they
/// are charged by hand (`memcg_charge_kernel_stack`). Zswap is charged like an object of the kernel
/// (`obj_cgroup_charge_zswap`).
const KERNEL: [(&str, PartKind); 8] = [
    ("kernel_stack", PartKind::KernelStacks),
    ("pagetables", PartKind::PageTables),
    ("sec_pagetables", PartKind::SecondaryPageTables),
    ("percpu", PartKind::PerCpu),
    ("vmalloc", PartKind::Vmalloc),
    ("zswap", PartKind::Zswap),
    ("slab_reclaimable", PartKind::SlabReclaimable),
    ("slab_unreclaimable", PartKind::SlabUnreclaimable),
];

const INCLUDED: [(&str, &str); 5] = [
    ("anon_thp", "anonymous_huge"),
    ("shmem_thp", "shmem_huge"),
    ("file_thp", "file_huge"),
    ("file_dirty", "dirty"),
    ("file_writeback", "writeback"),
];

const INCLUDED_V1: [(&str, &str); 3] =
    [("rss_huge", "anonymous_huge"), ("dirty", "dirty"), ("writeback", "writeback")];

const LISTS: [&str; 5] = ["active_anon", "inactive_anon", "active_file", "inactive_file", "unevictable"];

/// What version 1 tells: memory.usage_in_bytes, memory.stat, and memory.kmem.usage_in_bytes where that
/// is in the usage.
pub(crate) struct V1<'f> {
    pub(crate) usage: Bytes,
    pub(crate) stat: &'f [u8],
    pub(crate) kernel: Option<Bytes>,
}

/// The ledger of version 2, by memory.current and memory.stat; `None` when that lacks what every kernel
/// has.
pub(crate) fn v2(current: Bytes, stat: &[u8]) -> Option<Ledger> {
    let field = |name: &str| counter(stat, name);
    let mut parts = named(&PLAIN, field);
    parts.extend(files(field, field("anon")?, field("file")?));
    let kernel = named(&KERNEL, field);
    let told = kernel.iter().map(|part| part.bytes.0).fold(0, u64::saturating_add);
    parts.extend(kernel);
    // Since Linux 5.18. The counters lag behind each other, and what is told can be a little more.
    parts.extend(part(PartKind::OtherKernel, field("kernel").map(|all| all.saturating_sub(told))));
    Some(ledger(current, parts, included(&INCLUDED, field)))
}

/// The ledger of version 1; `None` when its memory.stat lacks what every kernel has. Its counters are
/// those of the whole tree below the cgroup, like its usage.
pub(crate) fn v1(told: &V1<'_>) -> Option<Ledger> {
    let field = |name: &str| counter(told.stat, &format!("total_{name}"));
    let anonymous = field("rss")?;
    let mut parts = named(&[("rss", PartKind::Anonymous), ("shmem", PartKind::Shmem)], field);
    parts.extend(files(field, anonymous, field("cache")?));
    parts.extend(part(PartKind::OtherKernel, told.kernel.map(|bytes| bytes.0)));
    Some(ledger(told.usage, parts, included(&INCLUDED_V1, field)))
}

/// Page cache and swap cache, given all pages of files (NR_FILE_PAGES: with shared memory, without the
/// swap cache).
fn files(field: impl Fn(&str) -> Option<u64>, anonymous: u64, all: u64) -> impl Iterator<Item = Part> {
    let cache = all.saturating_sub(field("shmem").unwrap_or(0));
    // A page that is in swap as well and mapped once more is anonymous memory already (NR_ANON_MAPPED):
    // what the LRU lists have beside that and files is not mapped.
    let lists = LISTS.iter().filter_map(|list| field(list)).fold(0, u64::saturating_add);
    let unmapped = lists.saturating_sub(anonymous).saturating_sub(all);
    let swap_cache = part(PartKind::SwapCache, field("swapcached").map(|swapped| swapped.min(unmapped)));
    part(PartKind::PageCache, Some(cache)).into_iter().chain(swap_cache)
}

fn ledger(total: Bytes, mut parts: Vec<Part>, included: Vec<Included>) -> Ledger {
    parts.sort_by_key(|part| part.kind);
    Ledger::of(total, parts, None, included)
}

fn named(fields: &[(&str, PartKind)], field: impl Fn(&str) -> Option<u64>) -> Vec<Part> {
    fields.iter().filter_map(|(name, kind)| part(*kind, field(name))).collect()
}

fn part(kind: PartKind, bytes: Option<u64>) -> Option<Part> {
    bytes.map(|bytes| Part { kind, bytes: Bytes(bytes) })
}

fn included(fields: &[(&str, &'static str)], field: impl Fn(&str) -> Option<u64>) -> Vec<Included> {
    let told = fields.iter().filter_map(|(of, name)| Some(Included { name, bytes: Bytes(field(of)?) }));
    told.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
