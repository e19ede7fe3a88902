//! The one place that joins records, holders, processes and host facts into a report.

pub(crate) mod ask;
mod by_engine;
mod cgroups;
mod closed;
#[cfg(test)]
mod container_tests;
pub(crate) mod dump;
mod fallback;
pub(crate) mod first_pass;
mod holding;
mod interfaces;
mod join;
mod listeners;
mod locks;
mod matching;
mod measure;
mod portid;
mod rare;
pub(crate) mod read;
mod report;
mod second_look;
mod subflows;
pub(crate) mod survey;
pub(crate) mod tables;
mod totals;
mod unix_links;
pub(crate) mod unlisted;
mod ways;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use crate::engine::{Engine, Limits, PageKind};
use crate::error::Error;
use crate::exact::Blocks;
use crate::footprint::HostFacts;
use crate::gap::{Gap, Missing};
use crate::host::Host;
use crate::memory::{self, ledger::Ledger};
use crate::namespaces::{Netns, NetnsId};
use crate::process::Process;
use crate::query::Query;
use crate::snapshot::join::Depth;
use crate::units::Bytes;

pub use crate::snapshot::report::{Holding, Report, Waiter};
pub use crate::snapshot::totals::{Cap, Totals};

pub(crate) use crate::snapshot::by_engine::knows_pids_of;
pub(crate) use crate::snapshot::closed::incomparable;
pub(crate) use crate::snapshot::locks::may_be_kept_by;
pub(crate) use crate::snapshot::matching::is_in;
pub(crate) use crate::snapshot::read::{cpus, host_facts, kernel_config};

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
    /// What looked at the descriptors and into the queues ([`Engine::name`]); `None`: /proc alone, and
    /// nothing into the queues.
    pub engine: Option<&'static str>,
    /// What the host is like.
    pub host: HostFacts,
    /// Who owns the host's memory; `None` when /proc/meminfo cannot be read.
    pub ledger: Option<Ledger>,
    /// What was looked at.
    pub scanned: Scanned,
    /// The sockets that match, in no particular order.
    pub sockets: Vec<Report>,
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

/// Where a report's records came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// NETLINK_SOCK_DIAG.
    SockDiag,
    /// /proc/net, because NETLINK_SOCK_DIAG was refused: no memory numbers, no unix queues.
    ProcNet,
}

impl Source {
    /// `sock_diag` or `proc_net`.
    pub fn name(self) -> &'static str {
        match self {
            Source::SockDiag => "sock_diag",
            Source::ProcNet => "proc_net",
        }
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanned {
    /// Records in the dumped tables, matching or not. Repeats of a table that changed are counted.
    pub sockets: u64,
    /// Descriptors that refer to sockets.
    pub descriptors: u64,
    /// Processes whose descriptors were read.
    pub processes: u64,
    /// Processes whose descriptors may not be read.
    pub unreadable: u64,
    /// Every process of the host was read: none may not be, and /proc hides none.
    pub all_processes: bool,
}

impl Snapshot {
    /// One of a scan that saw nothing.
    fn empty(host: HostFacts) -> Snapshot {
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
    pub fn blocks(&self) -> Vec<Blocks> {
        let mut by_order: BTreeMap<u8, u64> = BTreeMap::new();
        for (_, Blocks { order, blocks }) in &self.pages {
            *by_order.entry(*order).or_default() += blocks;
        }
        by_order.into_iter().map(|(order, blocks)| Blocks { order, blocks }).collect()
    }

    /// The distinct pages of some kinds that all measured sockets together pin.
    pub fn pinned(&self, is_wanted: impl Fn(PageKind) -> bool) -> Bytes {
        let wanted = self.pages.iter().filter(|(kind, _)| is_wanted(*kind));
        let bytes = wanted.map(|(_, blocks)| blocks.bytes(self.host.page_size).0);
        Bytes(bytes.fold(0, u64::saturating_add))
    }
}

/// Scans a host: dumps its socket tables, finds who holds what, and joins both.
///
/// Reads only; never changes the host. What could not be seen is in [`Snapshot::gaps`].
///
/// # Errors
/// When the query names no table, and when not one table could be read.
///
/// # Examples
/// ```no_run
/// let snapshot = skcheck_core::scan(&skcheck_core::Live::new(), &skcheck_core::Query::default())?;
/// for report in &snapshot.sockets {
///     println!("{:?} {:?}", report.socket.local, report.footprint.received.charged);
/// }
/// # Ok::<(), skcheck_core::Error>(())
/// ```
pub fn scan(host: &dyn Host, query: &Query) -> Result<Snapshot, Error> {
    scan_with(host, query, None, &Limits::default())
}

/// Scans a host with the help of an engine, which finds the sockets in one pass over all descriptors,
/// and walks the queues of those that are reported, the heaviest first. Where the engine fails, the
/// report is that of [`scan`], with a gap that says why.
///
/// # Errors
/// As [`scan`].
pub fn scan_with(
    host: &dyn Host,
    query: &Query,
    engine: Option<&dyn Engine>,
    limits: &Limits,
) -> Result<Snapshot, Error> {
    let started = Instant::now();
    let taken_at = host.now();
    if query.tables().is_empty() {
        return Err(Error::empty_query());
    }
    let mut gaps = Vec::new();
    let config = read::kernel_config(host);
    let facts = read::host_facts(host, config.as_ref(), &mut gaps);
    let ledger = memory::read::ledger(host, config.as_ref(), &mut gaps);
    let first = match first_pass::run(host, query, &facts, engine, &mut gaps) {
        Ok(first) => first,
        Err(error) => {
            let unanswered = host.unanswered();
            if !unanswered.iter().any(|gap| gap.what == Missing::Partial) {
                return Err(error.with(unanswered));
            }
            // Told to end before there was anything: that is all there is to report.
            gaps.extend(unanswered);
            let duration = started.elapsed();
            return Ok(Snapshot { taken_at, duration, ledger, gaps, ..Snapshot::empty(facts) });
        }
    };
    let finds = first.closed.is_some();
    let source = first.source;
    let scanned = first.scanned;
    let unlisted = first.unlisted_tcp_mem();
    let depth = engine.map(|engine| Depth { engine, limits, finds });
    let joined = join::run(host, query, &facts, first, depth, started, &mut gaps);
    let unlisted_noise = read::unlisted_noise(host);
    gaps.extend(host.unanswered());
    Ok(Snapshot {
        taken_at,
        duration: started.elapsed(),
        source,
        engine: engine.filter(|_| finds || joined.walked).map(Engine::name),
        host: facts,
        ledger,
        scanned,
        sockets: joined.sockets,
        pages: joined.pages,
        processes: joined.processes,
        unlisted_tcp_mem: unlisted,
        unlisted_noise,
        namespaces: joined.namespaces,
        gaps,
    })
}
