//! Takes samples, through the seam.

pub(crate) mod awaited;
pub(crate) mod choose;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
pub(crate) mod choose_tests;
pub(crate) mod conduits;
pub(crate) mod descriptors;
pub(crate) mod drained;
pub(crate) mod ends;
pub(crate) mod files;
pub(crate) mod groups;
pub(crate) mod heads;
pub(crate) mod look;
pub(crate) mod wide;
pub(crate) mod zombies;

use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cgroup::mounts::HierarchyMounts;
use crate::collect::read::kernel_config;
use crate::engine::{Engine, Limits};
use crate::host::Host;
use crate::memory::ledger::files::host_ledger;
use crate::memory::network::{NetworkFiles, network};
use crate::model::error::Error;
use crate::model::holder::Via;
use crate::model::protocol::Family;
use crate::model::query::Query;
use crate::model::units::Pages;
use crate::snapshot::entry::SocketEntry;
use crate::snapshot::report::Snapshot;
use crate::watch::Sample;
use crate::watch::probe::awaited::Awaited;
use crate::watch::probe::descriptors::Descriptors;
use crate::watch::probe::ends::Ends;
use crate::watch::probe::heads::Noting;
use crate::watch::probe::look::Look;
use crate::watch::probe::zombies::Zombies;

/// Takes samples of one host.
///
/// It keeps no process from running. That none which is stuck holds it up is for the host to see to
/// ([`Guarded`](crate::host::guarded::Guarded)).
pub struct Probe<'a> {
    host: &'a dyn Host,
    query: Query,
    begun: Instant,
    known: Known,
}

/// What is kept from sample to sample, because looking each time would cost too much.
#[derive(Default)]
struct Known {
    mounts: Option<HierarchyMounts>,
    descriptors: Descriptors,
    zombies: Zombies,
    ends: Ends,
    awaited: Awaited,
}

impl<'a> Probe<'a> {
    /// Will look for what this query asks for, and for what can keep that waiting: for every TCP and unix
    /// socket of the host that holds something. Reads nothing yet.
    pub fn new(host: &'a dyn Host, query: Query) -> Probe<'a> {
        Probe { host, query, begun: Instant::now(), known: Known::default() }
    }

    /// Takes one sample, with the help of an engine where there is one. `before` is the sample that it will
    /// be judged with: sockets that have not moved since are looked at more closely.
    ///
    /// Of each socket the engine walks only the first packet: what a scan tells of the pages that are pinned
    /// is not to be had from a sample.
    ///
    /// # Errors
    /// As [`scan`](crate::snapshot::scan).
    pub fn sample(&mut self, engine: Option<&dyn Engine>, before: Option<&Sample>) -> Result<Sample, Error> {
        let noting = engine.map(Noting::new);
        let limits = Limits { packets: 1, ..Limits::default() };
        // Sockets are asked first; what comes then takes its time.
        let begun = Instant::now();
        let at = begun.saturating_duration_since(self.begun);
        let notes = noting.as_ref().map(|noting| noting as &dyn Engine);
        let (snapshot, asked_for) = wide::scan(self.host, &self.query, notes, &limits)?;
        let mut sample = Sample {
            taken_at: snapshot.taken_at,
            at,
            heads: noting.map(|noting| noting.heads(&snapshot.sockets)).unwrap_or_default(),
            drained: before.map(|before| drained::look(self.host, before, &snapshot)).unwrap_or_default(),
            processes: std::collections::BTreeMap::new(),
            conduits: Vec::new(),
            awaited: Vec::new(),
            tcp_memory: tcp_memory(self.host, &snapshot),
            snapshot,
            asked_for,
        };
        let chosen = choose::choose(before, &sample);
        let inodes = sample.snapshot.sockets.iter().filter_map(|report| report.socket.inode);
        let inodes: FxHashSet<u64> = if chosen.closely.is_empty() {
            FxHashSet::default()
        } else {
            inodes.map(|it| it.get().into()).collect()
        };
        let unix = unread_unix(&sample.snapshot);
        let times = (sample.at, begun);
        let mut ends = std::mem::take(&mut self.known.ends);
        let mut look = Look::new(self.host, times, &mut self.known, inodes, &unix, chosen.closely.len());
        for pid in &chosen.closely {
            sample.processes.insert(*pid, look.closely(*pid));
        }
        for pid in &chosen.lightly {
            sample.processes.insert(*pid, look.lightly(*pid));
        }
        sample.conduits = conduits::find(self.host, sample.at, &mut ends, &mut look, &mut sample.processes);
        self.known.ends = ends;
        sample.awaited = self.known.awaited.find(self.host, engine, &sample);
        if !chosen.closely.is_empty() {
            self.known.zombies.add(self.host, sample.at, &mut sample.processes);
        }
        self.known.descriptors.forget_others(&sample.processes);
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
}

/// The descriptors of unix sockets with unread messages, by process.
fn unread_unix(snapshot: &Snapshot) -> FxHashMap<u32, Vec<u32>> {
    let mut fds: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let is_unread = |report: &&SocketEntry| {
        report.socket.family == Family::Unix && report.socket.recv_q.holds_something()
    };
    for holder in snapshot.sockets.iter().filter(is_unread).flat_map(|report| &report.holders) {
        if holder.via == Via::Fd {
            fds.entry(holder.pid).or_default().push(holder.fd);
        }
    }
    fds
}

/// The memory of TCP on the whole host, and the limit from which on the kernel holds back.
fn tcp_memory(host: &dyn Host, snapshot: &Snapshot) -> Option<(Pages, Option<Pages>)> {
    let sockstat = read(host, "/proc/net/sockstat").ok();
    let tcp_mem = read(host, "/proc/sys/net/ipv4/tcp_mem").ok();
    let files = NetworkFiles {
        sockstat: sockstat.as_deref(),
        tcp_mem: tcp_mem.as_deref(),
        ..NetworkFiles::default()
    };
    let memory = network(&files, &snapshot.host).tcp?;
    Some((memory.used, memory.limits.map(|limits| limits.pressure)))
}

fn read(host: &dyn Host, path: &str) -> std::io::Result<Vec<u8>> {
    let mut file = Vec::new();
    host.read(std::path::Path::new(path), &mut file).map(|()| file)
}

/// When something is to be looked at again that took `spent`, so that looking takes no more than one part in
/// `parts` of the time.
fn again(now: Duration, spent: Duration, parts: u32) -> Duration {
    now.saturating_add(spent.saturating_mul(parts))
}
