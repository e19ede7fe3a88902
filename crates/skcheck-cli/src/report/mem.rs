//! The memory of a host or of a cgroup, arranged: its rows, their scale, who stands first. No strings.

use std::time::SystemTime;

use skcheck_core::memory::{Census, CgroupMemory, Ledger, LedgerGroup, Memory, Network, PartKind, Reserved};
use skcheck_core::verdict::Verdict;
use skcheck_core::{Bytes, Error, Gap, HostFacts, Missing, PageSize, Place, Snapshot, verdict};

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

/// Whether the sockets of a host explain what belongs to nobody.
#[derive(Debug)]
pub(crate) struct HostVerdict {
    pub(crate) verdict: Verdict,
    /// Whether sockets could be looked at.
    pub(crate) scanned: bool,
    /// What could not be seen, of memory and of sockets.
    pub(crate) gaps: Vec<Gap>,
}

/// A row of the picture: one owner, or what nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemRow {
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

impl HostVerdict {
    /// Judges what was read of the memory, and of the sockets.
    pub(crate) fn of(memory: &Memory, scanned: &Result<Snapshot, Error>) -> HostVerdict {
        let mut gaps = memory.gaps.clone();
        let verdict = match scanned {
            Ok(snapshot) => {
                gaps.extend(snapshot.gaps.iter().cloned());
                verdict::judge(&memory.ledger, memory.census.as_ref(), snapshot)
            }
            Err(error) => {
                // Without sockets there is still a ledger.
                gaps.extend(error.gaps().iter().cloned());
                let remedy = format!("{error}: run skcheck alone, it says what is in the way");
                gaps.push(Gap::uncounted(Missing::Table, Place::Host, remedy));
                verdict::unseen(&memory.ledger)
            }
        };
        HostVerdict { verdict, scanned: scanned.is_ok(), gaps }
    }
}

impl<'a> MemReport<'a> {
    /// The memory of a host.
    pub(crate) fn of_host(
        memory: &'a Memory,
        judged: &'a HostVerdict,
        page_size: PageSize,
        ceiling: Bytes,
        gaps: Vec<Gap>,
    ) -> MemReport<'a> {
        let scope = Scope::Host(HostReport {
            reserved: memory.reserved,
            network: &memory.network,
            census: memory.census.as_ref(),
            verdict: &judged.verdict,
            scanned: judged.scanned,
        });
        let (taken_at, ledger, gaps) = (memory.taken_at, &memory.ledger, once(gaps));
        MemReport { taken_at, page_size, ledger, ceiling, scope, gaps }
    }

    /// The memory of a cgroup.
    pub(crate) fn of_cgroup(
        cgroup: &'a CgroupMemory,
        taken_at: SystemTime,
        page_size: PageSize,
        ceiling: Bytes,
        gaps: Vec<Gap>,
    ) -> MemReport<'a> {
        let (ledger, scope) = (&cgroup.ledger, Scope::Cgroup(cgroup));
        MemReport { taken_at, page_size, ledger, ceiling, scope, gaps }
    }
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
    pub(crate) fn rows(&self) -> Vec<MemRow> {
        let ledger = self.ledger;
        let row =
            |owner, Bytes(bytes): Bytes| MemRow { owner, bytes: i64::try_from(bytes).unwrap_or(i64::MAX) };
        let cache = ledger.part(PartKind::PageCache);
        let applications =
            ledger.group(LedgerGroup::Application).0.saturating_sub(cache.unwrap_or_default().0);
        let mut rows = vec![row(RowOwner::Applications, Bytes(applications))];
        rows.extend(cache.map(|cache| row(RowOwner::PageCache, cache)));
        // A cgroup's need not be counted; a gap says so.
        if ledger.parts.iter().any(|part| part.kind.group() == LedgerGroup::Kernel) {
            rows.push(row(RowOwner::Kernel, ledger.group(LedgerGroup::Kernel)));
        }
        rows.push(MemRow { owner: RowOwner::Nobody, bytes: self.nobodys() });
        match self.scope {
            Scope::Host(_) => rows.push(row(RowOwner::Free, ledger.group(LedgerGroup::Free))),
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
        HostFacts::assumed(self.page_size).chunk_size
    }
}

/// Kernel memory that one counter shows, too much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hog {
    Slab,
    Vmalloc,
}

/// Each gap once: the ledger and the scan read some of the same files.
fn once(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut once: Vec<Gap> = Vec::with_capacity(gaps.len());
    for gap in gaps {
        if !once.contains(&gap) {
            once.push(gap);
        }
    }
    once
}
