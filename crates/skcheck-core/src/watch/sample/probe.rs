//! Takes samples, through the seam.

use std::collections::BTreeMap;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::host_facts::kernel_config;
use crate::engine::{Engine, Limits};
use crate::host::Host;
use crate::host::file::try_read;
use crate::join::parties::rare_searches::RareSearches;
use crate::memory::ledger::files::host_ledger;
use crate::memory::network::{NetworkFiles, network};
use crate::model::error::Error;
use crate::model::holder::Via;
use crate::model::query::Query;
use crate::model::units::Pages;
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::sample::Sample;
use crate::watch::sample::awaited_connections::Awaited;
use crate::watch::sample::candidates::Chosen;
use crate::watch::sample::conduit_ends::ConduitEnds;
use crate::watch::sample::dead_children::DeadChildren;
use crate::watch::sample::first_packets::Noting;
use crate::watch::sample::known_descriptors::KnownDescriptors;
use crate::watch::sample::known_holders::KnownHolders;
use crate::watch::sample::process::{KeptOfProcesses, ProcessReader};
use crate::watch::sample::stale::drop_stale;
use crate::watch::sample::{candidates, conduits, drained_sockets, whole_host};

/// Takes samples of one host.
///
/// It keeps no process from running. That none which is stuck holds it up is for the host to see to
/// ([`Guarded`](crate::host::guarded::Guarded)).
pub struct Probe<'a> {
    host: &'a dyn Host,
    query: Query,
    begun: Instant,
    kept: Kept,
}

/// What is kept from sample to sample, because looking each time would cost too much.
#[derive(Default)]
struct Kept {
    processes: KeptOfProcesses,
    conduit_ends: ConduitEnds,
    dead_children: DeadChildren,
    awaited: Awaited,
    descriptors: KnownDescriptors,
    holders: KnownHolders,
    rare: RareSearches,
}

impl<'a> Probe<'a> {
    /// Will look for what this query asks for, and for what can keep that waiting: for every TCP and unix
    /// socket of the host that holds something. Reads nothing yet.
    pub fn new(host: &'a dyn Host, query: Query) -> Probe<'a> {
        Probe { host, query, begun: Instant::now(), kept: Kept::default() }
    }

    /// Takes one sample, with the help of an engine where there is one. `before` is the sample that it will
    /// be judged with: sockets that have not moved since are looked at more closely.
    ///
    /// Of each socket the engine walks only the first packet: what a scan tells of the pages that are pinned
    /// is not to be had from a sample.
    ///
    /// # Errors
    /// As [`scan`](crate::scan).
    pub fn sample(&mut self, engine: Option<&dyn Engine>, before: Option<&Sample>) -> Result<Sample, Error> {
        // Sockets are asked first; what comes then takes its time.
        let begun = Instant::now();
        let mut sample = self.sockets(engine, before, begun)?;
        self.add_processes(before, begun, &mut sample);
        sample.awaited = self.kept.awaited.find(self.host, engine, &sample);
        if sample.processes.values().any(|process| process.closely) {
            self.kept.dead_children.add(self.host, sample.at, &mut sample.processes);
        }
        self.kept.processes.forget_others(&sample.processes);
        // Looking at processes can have met more that do not answer than the scan has.
        let known = std::mem::take(&mut sample.snapshot.gaps);
        let more = self.host.unanswered();
        sample.snapshot.gaps =
            known.into_iter().filter(|gap| !gap.what.is_of_waiting()).chain(more).collect();
        if before.is_none() {
            // What the first look itself takes (the engine's maps, workers) is there from then on, and
            // nothing that grows.
            let config = kernel_config(self.host);
            let ledger = host_ledger(self.host, config.as_ref(), &mut Vec::new());
            sample.snapshot.ledger = ledger.or(sample.snapshot.ledger);
        }
        Ok(sample)
    }

    /// The sockets, and what became of those of the sample before that hold nothing now.
    fn sockets(
        &self,
        engine: Option<&dyn Engine>,
        before: Option<&Sample>,
        begun: Instant,
    ) -> Result<Sample, Error> {
        let engine = engine.map(|engine| self.kept.holders.over(engine));
        let engine = engine.as_ref().map(|engine| engine as &dyn Engine);
        let host = self.kept.descriptors.over(self.host);
        let look = || {
            let noting = engine.map(Noting::new);
            let limits = Limits { packets: 1, ..Limits::default() };
            let notes = noting.as_ref().map(|noting| noting as &dyn Engine);
            whole_host::scan(&host, &self.query, notes, &limits, &self.kept.rare)
                .map(|(snapshot, asked_for)| (noting, snapshot, asked_for))
        };
        let (mut noting, mut snapshot, mut asked_for) = look()?;
        if !drop_stale(self.host, &self.kept.descriptors, &self.kept.holders, &mut snapshot) {
            (noting, snapshot, asked_for) = look()?;
            drop_stale(self.host, &self.kept.descriptors, &self.kept.holders, &mut snapshot);
        }
        Ok(Sample {
            taken_at: snapshot.taken_at,
            at: begun.saturating_duration_since(self.begun),
            first_packets: noting.map(|noting| noting.first_packets(&snapshot.sockets)).unwrap_or_default(),
            drained: before
                .map(|before| drained_sockets::look(self.host, before, &snapshot))
                .unwrap_or_default(),
            processes: BTreeMap::new(),
            conduits: Vec::new(),
            awaited: Vec::new(),
            tcp_memory: tcp_memory(self.host, &snapshot),
            snapshot,
            asked_for,
        })
    }

    /// The processes that are worth a look, and the conduits that they are blocked in writing to.
    fn add_processes(&mut self, before: Option<&Sample>, begun: Instant, sample: &mut Sample) {
        let Chosen { closely, lightly } = candidates::candidates(before, sample);
        let inodes = sample.snapshot.sockets.iter().filter_map(|entry| entry.socket.inode);
        let inodes: FxHashSet<u64> =
            inodes.filter(|_| !closely.is_empty()).map(|inode| inode.get().into()).collect();
        let unread = unread_messages(&sample.snapshot);
        let times = (sample.at, begun);
        let Kept { processes: kept, conduit_ends, .. } = &mut self.kept;
        let mut reader = ProcessReader::new(self.host, times, kept, inodes, &unread, closely.len());
        for pid in closely {
            sample.processes.insert(pid, reader.closely(pid));
        }
        for pid in lightly {
            sample.processes.insert(pid, reader.lightly(pid));
        }
        sample.conduits =
            conduits::find(self.host, sample.at, conduit_ends, &mut reader, &mut sample.processes);
    }
}

/// The descriptors of sockets with unread messages that can carry descriptors, by process.
fn unread_messages(snapshot: &Snapshot) -> FxHashMap<u32, Vec<u32>> {
    let mut fds: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let is_unread = |entry: &&SocketEntry| {
        entry.socket.protocol.row().passes_descriptors && entry.socket.recv_q.holds_something()
    };
    for holder in snapshot.sockets.iter().filter(is_unread).flat_map(|entry| &entry.holders) {
        if holder.via == Via::Fd {
            fds.entry(holder.pid).or_default().push(holder.fd);
        }
    }
    fds
}

/// The memory of TCP on the whole host, and the limit from which on the kernel holds back.
fn tcp_memory(host: &dyn Host, snapshot: &Snapshot) -> Option<(Pages, Option<Pages>)> {
    let sockstat = try_read(host, "/proc/net/sockstat").ok();
    let tcp_mem = try_read(host, "/proc/sys/net/ipv4/tcp_mem").ok();
    let files = NetworkFiles {
        sockstat: sockstat.as_deref(),
        tcp_mem: tcp_mem.as_deref(),
        ..NetworkFiles::default()
    };
    let memory = network(&files, &snapshot.host).tcp?;
    Some((memory.used, memory.limits.map(|limits| limits.pressure)))
}
