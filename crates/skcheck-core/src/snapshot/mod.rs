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
mod matching;
mod measure;
mod portid;
mod rare;
pub(crate) mod read;
mod second_look;
mod subflows;
pub(crate) mod survey;
pub(crate) mod tables;
mod unix_links;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use crate::container::Container;
use crate::engine::{Engine, Limits, PageKind};
use crate::error::Error;
use crate::exact::{Blocks, Exact, NotMeasured};
use crate::footprint::{Certainty, Footprint, HostFacts};
use crate::gap::Gap;
use crate::holders::Holder;
use crate::host::Host;
use crate::memory::{self, ledger::Ledger};
use crate::namespaces::{Netns, NetnsId};
use crate::process::Process;
use crate::query::Query;
use crate::snapshot::join::Depth;
use crate::socket::{Cookie, Inode, Socket};
use crate::units::{Bytes, Payload, Truesize};

pub(crate) use crate::snapshot::by_engine::knows_pids_of;
pub(crate) use crate::snapshot::closed::incomparable;
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
    /// TCP memory of the host that belongs to no dumped socket, in bytes: sockets that are closed
    /// and still held, and those of namespaces that were not asked. See [`unlisted_noise`](Self::unlisted_noise).
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
    /// /proc/net, because NETLINK_SOCK_DIAG was refused: no memory numbers, no unix sockets.
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

/// One socket of a report, with all that was joined to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The kernel's record.
    pub socket: Socket,
    /// How long after the scan began ([`Snapshot::taken_at`]) the kernel gave that record.
    pub read_after: Duration,
    /// What its queues hold.
    pub footprint: Footprint,
    /// What walking its queues found; or why they were not walked.
    pub exact: Result<Box<Exact>, NotMeasured>,
    /// Who is behind the socket.
    pub holding: Holding,
    /// Every descriptor that leads to it, each with its way ([`Holder::via`]); for a connection that nobody
    /// has accepted, those of the listeners that it may wait at. Threads with tables of their own, rings of
    /// io_uring and messages in flight are all looked at only where nobody else holds a socket that carries
    /// data, and with [`Query::deep`].
    pub holders: Vec<Holder>,
    /// Who waits for `accept` at a listener, as far as the kernel names them. Where several TCP listeners
    /// share an address (SO_REUSEPORT), each has those of all.
    pub waiters: Vec<Waiter>,
    /// Every descriptor that leads to the other end, where that is on this host (TCP, MPTCP and unix).
    pub peer_holders: Vec<Holder>,
    /// Of a netlink socket that no descriptor is seen to hold: the process that its portid names. It made the
    /// socket, unless it chose a number that is another's.
    pub portid_process: Option<u32>,
    /// The other end is in another network namespace: it was found by its addresses, which exactly
    /// one other namespace has, and not by anything that ties the two together.
    pub peer_inferred: bool,
    /// The network namespace that the socket is in. For a socket that no table knows, that of the
    /// processes that hold it. `None` where they are not of one, and where /proc does not tell.
    pub netns: Option<NetnsId>,
    /// The cgroup of a socket that no process holds, where the kernel tells it (IP sockets,
    /// [`Socket::cgroup_id`]): the path of version 2, as bytes. `None` where a process holds the
    /// socket ([`Process::cgroup`] tells), for the root (where also everything is that only version 1
    /// groups), and when the cgroup has been removed.
    pub cgroup: Option<Vec<u8>>,
    /// The systemd unit that `cgroup` tells.
    pub unit: Option<Vec<u8>>,
    /// The container that `cgroup` tells.
    pub container: Option<Container>,
    /// The name of the interface that the socket is bound to.
    pub interface_name: Option<String>,
}

/// One that waits for `accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Waiter {
    /// A TCP connection: it has a socket of its own here, which no file holds.
    Connection(Cookie),
    /// The client's socket, of a unix connection (`UNIX_DIAG_ICONS`).
    Client(Inode),
}

/// Who is behind a socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holding {
    /// Descriptors hold it: [`Report::holders`].
    #[default]
    Descriptors,
    /// No file holds it yet: it waits at a listener for `accept`. When `ambiguous`, several
    /// listeners share its address and each may be the one.
    AwaitingAccept {
        /// More than one listener can be the one that it waits at.
        ambiguous: bool,
    },
    /// No file holds it any more: its process has closed it, and the kernel keeps it to finish.
    Orphan,
    /// No descriptor refers to it, and a ring of io_uring has it registered: [`Report::holders`].
    IoUring,
    /// No descriptor refers to it, and it is in a message that nobody has received (SCM_RIGHTS). When
    /// `ambiguous`, that is a guess: /proc tells how many descriptors wait at each unix socket, and not
    /// which. [`Report::holders`] are then all unix sockets that it may wait at, and the kernel itself may
    /// have it instead.
    InFlight {
        /// Nothing tells that it is this socket that is in flight.
        ambiguous: bool,
    },
    /// A file holds it, and nobody who was looked at does: the kernel itself uses it, or it is on its way
    /// (in a message in flight, or in a request of io_uring).
    Kernel,
    /// A file holds it; who, cannot be told, because some processes may not be read.
    Hidden,
}

impl Holding {
    /// The name of this case: `descriptors`, `awaiting_accept`, `orphan`, `io_uring`, `in_flight`, `kernel` or
    /// `hidden`.
    pub fn name(self) -> &'static str {
        match self {
            Holding::Descriptors => "descriptors",
            Holding::AwaitingAccept { .. } => "awaiting_accept",
            Holding::Orphan => "orphan",
            Holding::IoUring => "io_uring",
            Holding::InFlight { .. } => "in_flight",
            Holding::Kernel => "kernel",
            Holding::Hidden => "hidden",
        }
    }
}

impl Report {
    /// A socket that descriptors hold, nothing joined to it yet.
    pub(crate) fn bare(socket: Socket, footprint: Footprint) -> Report {
        Report {
            socket,
            read_after: Duration::ZERO,
            footprint,
            exact: Err(NotMeasured::NoEngine),
            holding: Holding::Descriptors,
            holders: Vec::new(),
            waiters: Vec::new(),
            peer_holders: Vec::new(),
            portid_process: None,
            peer_inferred: false,
            netns: None,
            cgroup: None,
            unit: None,
            container: None,
            interface_name: None,
        }
    }

    /// The processes that hold the socket, each once; where none is seen to, the one that a portid names.
    pub fn pids(&self) -> BTreeSet<u32> {
        self.holders.iter().map(|holder| holder.pid).chain(self.portid_process).collect()
    }

    /// Whether more than one process holds the socket (after fork, or passed on). Candidates for
    /// an ambiguous connection do not share it.
    pub fn is_shared(&self) -> bool {
        self.holding == Holding::Descriptors && self.pids().len() > 1
    }
}

/// Sums over the sockets of a report, each socket once, however many processes share it. The
/// receiving side only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// How many sockets.
    pub sockets: u64,
    /// How many processes hold them.
    pub processes: u64,
    /// Unread payload, where it is known.
    pub unread: Payload,
    /// How many sockets hold an unknown amount of payload.
    pub unread_unknown: u64,
    /// What the rings of packet sockets take, where it is known; in none of the other sums.
    pub rings: Bytes,
    /// How many packet sockets may have rings of which nothing is known.
    pub rings_unknown: u64,
    /// What the kernel charges, where it is known.
    pub charged: Truesize,
    /// How many sockets' charge is unknown, a floor or an estimate.
    pub charged_unknown: u64,
    /// What they can pin at worst: the sum of the sockets' bounds, but no more than `cap`.
    pub worst: Bytes,
    /// The distinct pages that the measured sockets pin, both sides; `None` when none was measured.
    pub pinned: Option<Bytes>,
    /// How many sockets were measured.
    pub measured: u64,
    /// Whether `worst` was lowered to what the host's own numbers allow, and by which.
    pub cap: Option<Cap>,
}

/// What lowered [`Totals::worst`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cap {
    /// The charge and all memory that no counter owns ([`Ledger::unaccounted`]).
    Unowned,
    /// All packets of the host, each with its largest number of fragments.
    HostPackets,
}

impl Snapshot {
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

    /// Sums over all sockets of the report.
    pub fn totals(&self) -> Totals {
        self.totals_of(&self.sockets)
    }

    /// Sums over some of them.
    pub(crate) fn totals_of(&self, sockets: &[Report]) -> Totals {
        let received = || sockets.iter().map(|report| &report.footprint.received);
        let rings = || sockets.iter().map(|report| report.footprint.rings);
        let pids: BTreeSet<u32> = sockets.iter().flat_map(Report::pids).collect();
        let sum = |numbers: &mut dyn Iterator<Item = u64>| numbers.fold(0, u64::saturating_add);
        let charged = sum(&mut received().filter_map(|side| side.charged).map(|charge| charge.0));
        let worst = sum(&mut received().filter_map(|side| side.worst).map(|worst| worst.bytes.0));
        let (worst, cap) = self.capped(Bytes(worst), Truesize(charged));
        let measured = sockets.iter().filter(|report| report.exact.is_ok()).count() as u64;
        Totals {
            sockets: sockets.len() as u64,
            processes: pids.len() as u64,
            unread: Payload(sum(&mut received().filter_map(|side| side.payload).map(|payload| payload.0))),
            unread_unknown: count(sockets, |report| report.footprint.received.payload.is_none()),
            rings: Bytes(sum(&mut rings().flatten().map(|rings| rings.0))),
            rings_unknown: rings().filter(Option::is_none).count() as u64,
            charged: Truesize(charged),
            charged_unknown: count(sockets, |report| {
                report.footprint.certainty != Certainty::Exact || report.footprint.received.charged.is_none()
            }),
            worst,
            pinned: (measured > 0).then(|| self.pinned(|_| true)),
            measured,
            cap,
        }
    }

    /// What queues that are charged `charged` and have this sum of bounds can pin at worst on this
    /// host: no more than the charge and all memory that nothing else owns, and no more than all
    /// packets of the host together. With what lowered it.
    pub fn capped(&self, worst: Bytes, charged: Truesize) -> (Bytes, Option<Cap>) {
        let charged = charged.0;
        let unowned = self
            .ledger
            .as_ref()
            .map(|ledger| u64::try_from(ledger.unaccounted).unwrap_or(0).saturating_add(charged));
        let packets = self.host.host_bound().map(|bound| bound.0.max(charged));
        let caps = [(unowned, Cap::Unowned), (packets, Cap::HostPackets)];
        caps.into_iter().fold((worst, None), |(least, by), (bound, cap)| match bound {
            Some(bound) if bound < least.0 => (Bytes(bound), Some(cap)),
            _ => (least, by),
        })
    }
}

/// Counts sockets that may have something to read. One whose Recv-Q is 0 and for whose queue
/// nobody is known to be charged is taken as empty.
fn count(sockets: &[Report], is_counted: fn(&Report) -> bool) -> u64 {
    let is_empty = |report: &Report| {
        let charged = report.footprint.received.charged.map_or(0, |charge| charge.0);
        report.socket.recv_q.size() == Some(0) && charged == 0
    };
    sockets.iter().filter(|report| is_counted(report) && !is_empty(report)).count() as u64
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
    let first = first_pass::run(host, query, &facts, engine, &mut gaps)?;
    let engine = engine.filter(|_| first.closed.is_some());
    let source = first.source;
    let scanned = first.scanned;
    let unlisted = first.unlisted_tcp_mem();
    let depth = engine.map(|engine| Depth { engine, limits });
    let joined = join::run(host, query, &facts, first, depth, started, &mut gaps);
    Ok(Snapshot {
        taken_at,
        duration: started.elapsed(),
        source,
        engine: engine.map(Engine::name),
        host: facts,
        ledger,
        scanned,
        sockets: joined.sockets,
        pages: joined.pages,
        processes: joined.processes,
        unlisted_tcp_mem: unlisted,
        unlisted_noise: read::unlisted_noise(host),
        namespaces: joined.namespaces,
        gaps,
    })
}
