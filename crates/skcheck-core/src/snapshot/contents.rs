//! All that one scan found.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::collect::scanned::{Scanned, Source};
use crate::engine::PageKind;
use crate::exact::measured::Blocks;
use crate::footprint::HostFacts;
use crate::memory::ledger::Ledger;
use crate::model::gap::Gap;
use crate::model::netns::{Netns, NetnsId};
use crate::model::process::Process;
use crate::model::units::Bytes;
use crate::snapshot::entry::SocketEntry;

/// Everything that one scan found: the sockets that match the query, who holds them, and what
/// could not be seen.
///
/// Not a photograph: the kernel's tables are walked while they change.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// When the scan began.
    pub taken_at: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// Where the records came from.
    pub source: Source,
    /// What looked at the descriptors and into the queues ([`Engine::name`](crate::engine::Engine::name)); `None`: /proc alone, and
    /// nothing into the queues.
    pub engine: Option<&'static str>,
    /// What the host is like.
    pub host: HostFacts,
    /// Who owns the host's memory; `None` when /proc/meminfo cannot be read.
    pub ledger: Option<Ledger>,
    /// What was looked at.
    pub scanned: Scanned,
    /// The sockets that match, in no particular order.
    pub sockets: Vec<SocketEntry>,
    /// The distinct blocks of pages that all measured sockets together pin, by whose they are and by
    /// order; empty without an engine. [`blocks`](Self::blocks) and [`pinned`](Self::pinned) add them up.
    pub pages: Vec<(PageKind, Blocks)>,
    /// Each process that holds one of `sockets` or the other end of one, once, by pid.
    pub processes: Vec<Process>,
    /// TCP memory of the host that belongs to no dumped socket, in bytes: sockets that are closed and still
    /// held, and those of namespaces that were not asked. See [`unlisted_noise`](Self::unlisted_noise).
    /// `None` when not every TCP table was dumped.
    pub unlisted_tcp_mem: Option<i64>,
    /// How far `unlisted_tcp_mem` can be off, in bytes: each CPU keeps up to 1 MiB that it has not
    /// reported yet (`SK_MEMORY_PCPU_RESERVE`).
    pub unlisted_noise: Bytes,
    /// The network namespaces that were found and asked for, the scanner's own first.
    pub namespaces: Vec<Netns>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Snapshot {
    /// One of a scan that saw nothing.
    pub(crate) fn empty(host: HostFacts) -> Snapshot {
        Snapshot {
            taken_at: SystemTime::UNIX_EPOCH,
            duration: Duration::ZERO,
            source: Source::SockDiag,
            engine: None,
            host,
            ledger: None,
            scanned: Scanned::default(),
            sockets: Vec::new(),
            pages: Vec::new(),
            processes: Vec::new(),
            unlisted_tcp_mem: None,
            unlisted_noise: Bytes(0),
            namespaces: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// The process with this pid.
    pub fn process(&self, pid: u32) -> Option<&Process> {
        let at = self.processes.binary_search_by_key(&pid, |process| process.pid).ok()?;
        self.processes.get(at)
    }

    /// The namespace with this number.
    pub fn netns(&self, id: NetnsId) -> Option<&Netns> {
        self.namespaces.iter().find(|netns| netns.id == Some(id))
    }

    /// The distinct blocks of pages that all measured sockets together pin, by order.
    pub fn blocks(&self) -> impl Iterator<Item = Blocks> + use<> {
        let mut by_order: BTreeMap<u8, u64> = BTreeMap::new();
        for (_, Blocks { order, blocks }) in &self.pages {
            *by_order.entry(*order).or_default() += blocks;
        }
        by_order.into_iter().map(|(order, blocks)| Blocks { order, blocks })
    }

    /// The distinct pages of some kinds that all measured sockets together pin.
    pub fn pinned(&self, is_wanted: impl Fn(PageKind) -> bool) -> Bytes {
        let wanted = self.pages.iter().filter(|(kind, _)| is_wanted(*kind));
        let bytes = wanted.map(|(_, blocks)| blocks.bytes(self.host.page_size).0);
        Bytes(bytes.fold(0, u64::saturating_add))
    }
}
