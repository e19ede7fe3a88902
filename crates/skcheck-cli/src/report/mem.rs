//! The memory of a host or of a cgroup, arranged: its rows, their scale, who stands first. No strings.

use std::time::SystemTime;

use skcheck_core::memory::census::Census;
use skcheck_core::memory::cgroup::CgroupMemory;
use skcheck_core::memory::ledger::{Ledger, OwnerGroup, PartKind};
use skcheck_core::memory::network::Network;
use skcheck_core::memory::reserved::Reserved;
use skcheck_core::{Bytes, Gap, PageSize, Verdict};

/// Counters of pages lag behind each other by this much and no more: each CPU keeps up to 125 pages of
/// each, and up to 31 pages on their way to each LRU list.
const NOISE: u64 = 16 << 20;

/// What `skcheck mem` tells.
#[derive(Debug, Clone)]
pub(crate) struct MemReport<'a> {
    pub(crate) taken_at: SystemTime,
    pub(crate) page_size: PageSize,
    pub(crate) ledger: &'a Ledger,
    /// More than this belonging to nobody is an alarm.
    pub(crate) ceiling: Bytes,
    pub(crate) scope: Scope<'a>,
    pub(crate) gaps: Vec<Gap>,
}

/// Whose memory it is.
#[derive(Debug, Clone)]
pub(crate) enum Scope<'a> {
    Host(HostReport<'a>),
    Cgroup(&'a CgroupMemory),
}

/// What is known of a host beside its ledger.
#[derive(Debug, Clone)]
pub(crate) struct HostReport<'a> {
    pub(crate) reserved: Option<Reserved>,
    pub(crate) network: &'a Network,
    pub(crate) census: Option<&'a Census>,
    pub(crate) verdict: &'a Verdict,
    /// Whether sockets could be looked at; without that the verdict's numbers of them are none.
    pub(crate) scanned: bool,
}

/// A row of the picture: one owner, or what nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) owner: RowOwner,
    /// Negative where counters overlap.
    pub(crate) bytes: i64,
}

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowOwner {
    Applications,
    PageCache,
    Kernel,
    Nobody,
    Free,
    /// Not used by a cgroup that has a limit.
    BelowLimit,
}

impl MemReport<'_> {
    /// What a whole bar stands for: all memory, or a cgroup's limit.
    pub(crate) fn whole(&self) -> Bytes {
        let limit = match self.scope {
            Scope::Cgroup(cgroup) => cgroup.limit,
            Scope::Host(_) => None,
        };
        Bytes(limit.map_or(0, |limit| limit.0).max(self.ledger.total.0))
    }

    /// The rows, in the order in which they are drawn.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let ledger = self.ledger;
        let row = |owner, Bytes(bytes): Bytes| Row { owner, bytes: i64::try_from(bytes).unwrap_or(i64::MAX) };
        let cache = ledger.part(PartKind::PageCache);
        let applications =
            ledger.group(OwnerGroup::Application).0.saturating_sub(cache.unwrap_or_default().0);
        let mut rows = vec![row(RowOwner::Applications, Bytes(applications))];
        rows.extend(cache.map(|cache| row(RowOwner::PageCache, cache)));
        // A cgroup's need not be counted; a gap says so.
        if ledger.parts.iter().any(|part| part.kind.group() == OwnerGroup::Kernel) {
            rows.push(row(RowOwner::Kernel, ledger.group(OwnerGroup::Kernel)));
        }
        rows.push(Row { owner: RowOwner::Nobody, bytes: self.nobodys() });
        match self.scope {
            Scope::Host(_) => rows.push(row(RowOwner::Free, ledger.group(OwnerGroup::Free))),
            Scope::Cgroup(cgroup) => rows.extend(
                cgroup
                    .limit
                    .map(|limit| row(RowOwner::BelowLimit, Bytes(limit.0.saturating_sub(ledger.total.0)))),
            ),
        }
        rows
    }

    /// What belongs to nobody; less than nothing where counters overlap.
    fn nobodys(&self) -> i64 {
        match i64::try_from(self.ledger.nobodys().0).unwrap_or(i64::MAX) {
            0 => self.ledger.unaccounted,
            bytes => bytes,
        }
    }

    /// What lies on LRU lists without an owner, where that is more than the noise of the counters.
    pub(crate) fn ownerless(&self) -> Option<i64> {
        let noise = NOISE.max(self.ledger.total.0 / 1000);
        self.ledger.lru_ownerless.filter(|bytes| bytes.unsigned_abs() > noise)
    }

    /// More belongs to nobody than may.
    pub(crate) fn is_alarm(&self) -> bool {
        self.ledger.nobodys() > self.ceiling
    }

    /// Slab or vmalloc, where that alone is more than a third of all memory: no gap, but a leak that
    /// is easily taken for one.
    pub(crate) fn hog(&self) -> Option<(Hog, Bytes)> {
        let part = |kind| self.ledger.part(kind).unwrap_or_default().0;
        let slab = part(PartKind::SlabReclaimable).saturating_add(part(PartKind::SlabUnreclaimable));
        let hogs = [(Hog::Slab, slab), (Hog::Vmalloc, part(PartKind::Vmalloc))];
        let (hog, bytes) = hogs.into_iter().max_by_key(|(_, bytes)| *bytes)?;
        (bytes > self.ledger.total.0 / 3).then_some((hog, Bytes(bytes)))
    }

    /// The size of the chunks that packets are carved from.
    pub(crate) fn chunk(&self) -> Bytes {
        Bytes(self.page_size.0.max(32 << 10))
    }
}

/// Kernel memory that one counter shows, too much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hog {
    Slab,
    Vmalloc,
}
