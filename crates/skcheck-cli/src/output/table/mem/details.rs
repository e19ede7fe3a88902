//! What a row of the picture is made of, in words.

use skcheck_core::memory::ledger::{Ledger, LedgerGroup, PartKind};

use crate::report::mem::{MemReport, MemRow, RowOwner};
use crate::text::{signed_size, size};

/// What a row is made of, or means.
pub(super) fn details(report: &MemReport<'_>, row: MemRow) -> String {
    let ledger = report.ledger;
    match row.owner {
        RowOwner::Applications => parts(ledger, LedgerGroup::Application),
        RowOwner::Kernel => parts(ledger, LedgerGroup::Kernel),
        RowOwner::Free => free(ledger),
        RowOwner::Nobody if row.bytes < 0 => "counters overlap: some pages count twice".to_owned(),
        RowOwner::Nobody => report
            .ownerless()
            .map_or_else(String::new, |bytes| format!("{} of it on LRU lists", signed_size(bytes))),
        RowOwner::PageCache | RowOwner::BelowLimit => String::new(),
    }
}

/// The parts of a group, the largest first, where there are several; the page cache has its own row.
fn parts(ledger: &Ledger, group: LedgerGroup) -> String {
    let slab = [PartKind::SlabReclaimable, PartKind::SlabUnreclaimable].map(|kind| ledger.part(kind));
    let is_slab = |kind| matches!(kind, PartKind::SlabReclaimable | PartKind::SlabUnreclaimable);
    let of_group = ledger
        .parts
        .iter()
        .filter(|part| part.kind.group() == group && part.kind != PartKind::PageCache && !is_slab(part.kind));
    let mut named: Vec<(u64, String)> =
        of_group.map(|part| (part.bytes.0, part_name(part.kind).to_owned())).collect();
    let sum = slab.iter().flatten().map(|bytes| bytes.0).fold(0, u64::saturating_add);
    if group == LedgerGroup::Kernel && sum > 0 {
        named.push((sum, "slab".to_owned()));
    }
    named.retain(|(bytes, _)| *bytes > 0);
    named.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let text = |(bytes, name): &(u64, String)| match slab[0] {
        Some(reclaimable) if name == "slab" && reclaimable.0 > 0 => {
            format!("slab {} ({} reclaimable)", size(*bytes), size(reclaimable.0))
        }
        _ => format!("{name} {}", size(*bytes)),
    };
    named.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn free(ledger: &Ledger) -> String {
    let part = |kind, words: &str| {
        let bytes = ledger.part(kind).filter(|bytes| bytes.0 > 0)?;
        Some(format!("{} {words}", size(bytes.0)))
    };
    let lists = part(PartKind::PerCpuLists, "of it in lists of the CPUs");
    let put_off = part(PartKind::NotInitialised, "of it not initialised yet");
    lists.into_iter().chain(put_off).collect::<Vec<_>>().join(", ")
}

/// A part in a sentence.
fn part_name(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Anonymous => "anonymous",
        PartKind::Shmem => "shared (tmpfs, shm)",
        PartKind::SwapCache => "in swap too",
        PartKind::Hugetlb => "huge page pools",
        PartKind::MiscReclaimable => "other reclaimable",
        PartKind::PageTables => "page tables",
        PartKind::SecondaryPageTables => "page tables of KVM and IOMMU",
        PartKind::KernelStacks => "stacks",
        PartKind::PerCpu => "per-CPU",
        PartKind::HardwareCorrupted => "broken",
        PartKind::OtherKernel => "other",
        kind => kind.name(),
    }
}
