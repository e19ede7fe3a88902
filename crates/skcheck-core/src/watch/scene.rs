//! What is known of the later sample, put in order once for all sockets: processes, listeners, peers, and
//! writers that stand still. Pure.

use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::collect::scanned::Source;
use crate::model::gap::Missing;
use crate::model::holder::Holder;
use crate::model::place::Place;
use crate::model::socket::Inode;
use crate::model::state::State;
use crate::model::table::Table;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::snapshot::report::Snapshot;
use crate::watch::cause::Pace;
use crate::watch::cause::decide::Look;
use crate::watch::cause::link::Over;
use crate::watch::chain::answers::Unanswered;
use crate::watch::chain::connecting::is_full;
use crate::watch::chain::pairing::Pairs;
use crate::watch::chain::peers::Peers;
use crate::watch::conduit::Conduit;
use crate::watch::progress::arrival::NotArriving;
use crate::watch::progress::{Reading, Span, Writing};

/// Over how many parents a worker is traced back to its master.
const MOST_GENERATIONS: usize = 16;

/// How one socket of the later sample went.
#[derive(Debug, Clone, Copy)]
pub(in crate::watch) struct Went {
    pub(in crate::watch) reading: Reading,
    pub(in crate::watch) writing: Writing,
    /// How fast its reader reads.
    pub(in crate::watch) pace: Pace,
    /// What its peer took, bytes a second.
    pub(in crate::watch) taken: Option<u64>,
    /// Its oldest unread byte has waited at least so long.
    pub(in crate::watch) age: Option<Duration>,
    /// Whether its peer's window kept it from sending.
    pub(in crate::watch) window_closed: Option<bool>,
    /// What shows that what it has sent does not arrive.
    pub(in crate::watch) not_arriving: Option<NotArriving>,
}

impl Went {
    /// Nothing is known of it.
    pub(in crate::watch) const UNKNOWN: Went = Went {
        reading: Reading::Unknown,
        writing: Writing::Unknown,
        pace: Pace { consumed: None, at_least: false },
        taken: None,
        age: None,
        window_closed: None,
        not_arriving: None,
    };

    /// Whether its reader stands still.
    pub(in crate::watch) fn stands_still(&self) -> bool {
        self.reading == Reading::Stalled
    }
}

/// The later sample, ready to be asked why.
pub(in crate::watch) struct Scene<'a> {
    pub(in crate::watch) sockets: &'a [SocketEntry],
    pub(in crate::watch) peers: Peers,
    /// Every network namespace of the host was asked for the other ends of connections.
    pub(in crate::watch) looked_everywhere: bool,
    /// The time between the two samples.
    pub(in crate::watch) window: Duration,
    processes: FxHashMap<u32, Look<'a>>,
    listeners: FxHashMap<Holder, usize>,
    went: Vec<Went>,
    /// Rings of io_uring, by the sockets that are registered with them.
    rings: FxHashMap<Inode, Holder>,
    /// Processes that held a socket before, and hold it no more.
    left: FxHashMap<Inode, Vec<u32>>,
    /// Sockets with something unsent that may not be able to write, by process: those that stand still
    /// first, those with most unsent before others.
    writers: FxHashMap<u32, Vec<usize>>,
    /// Where processes have descriptors to receive.
    channels: Vec<Holder>,
    /// Which of them go with which readers of their process.
    pairs: FxHashMap<u32, Pairs>,
    conduits: &'a [Conduit],
    unanswered: Unanswered,
}

impl<'a> Scene<'a> {
    /// `went` is how each socket of the later sample went.
    pub(in crate::watch) fn new(span: &Span<'a>, peers: Peers, went: Vec<Went>) -> Scene<'a> {
        let sockets = span.now.snapshot.sockets.as_slice();
        let looks = span
            .now
            .processes
            .iter()
            .map(|(pid, now)| (*pid, Look::new(now, span.before.processes.get(pid), span.window)));
        let mut scene = Scene {
            sockets,
            peers,
            looked_everywhere: looked_everywhere(&span.now.snapshot),
            window: span.window,
            processes: looks.collect(),
            listeners: FxHashMap::default(),
            went,
            rings: FxHashMap::default(),
            left: FxHashMap::default(),
            writers: FxHashMap::default(),
            channels: Vec::new(),
            pairs: FxHashMap::default(),
            conduits: &span.now.conduits,
            unanswered: Unanswered::default(),
        };
        for (pid, process) in &span.now.processes {
            scene.channels.extend(process.channels.iter().map(|(fd, _)| Holder::new(*pid, *fd)));
            for (fd, sockets) in &process.rings {
                scene.rings.extend(sockets.iter().map(|inode| (*inode, Holder::new(*pid, *fd))));
            }
        }
        for (at, (report, Went { writing, .. })) in sockets.iter().zip(&scene.went).enumerate() {
            if report.socket.state == State::Listen {
                scene.listeners.extend(report.holders.iter().map(|holder| (*holder, at)));
            }
            let is_writer = matches!(writing, Writing::Stalled | Writing::Slow | Writing::Draining);
            if is_writer && report.holding == Holding::Descriptors {
                for pid in report.pids() {
                    scene.writers.entry(pid).or_default().push(at);
                }
            }
        }
        let mut writers = std::mem::take(&mut scene.writers);
        for of_process in writers.values_mut() {
            let moves = |at: &usize| scene.went(*at).writing != Writing::Stalled;
            of_process.sort_by_cached_key(|at| (moves(at), std::cmp::Reverse(scene.unsent(*at))));
        }
        scene.writers = writers;
        scene.pairs = scene.pair();
        scene.unanswered = Unanswered::new(sockets, &scene.went);
        for report in &span.now.awaited {
            let at = |holder: &Holder| scene.listeners.get(&holder.descriptor()).copied();
            // Of several at one address none is known to be it.
            let mut places: Vec<usize> = report.peer_holders.iter().filter_map(at).collect();
            places.dedup();
            if let [listener] = places.as_slice() {
                scene.unanswered.add(report.socket.inode.map(|inode| (inode, *listener)));
            }
        }
        scene
    }

    /// Pairs what processes read with what they write, where they do both.
    fn pair(&self) -> FxHashMap<u32, Pairs> {
        let mut readers: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        for (at, (report, Went { reading, .. })) in self.sockets.iter().zip(&self.went).enumerate() {
            let is_reader = matches!(reading, Reading::Stalled | Reading::Slow | Reading::Draining);
            if is_reader && report.socket.state != State::Listen && report.holding == Holding::Descriptors {
                for pid in report.pids().into_iter().filter(|pid| self.may_wait(*pid)) {
                    readers.entry(pid).or_default().push(at);
                }
            }
        }
        let sides = |places: &[usize]| -> Vec<(usize, &'a SocketEntry, Went)> {
            places.iter().filter_map(|at| Some((*at, self.socket(*at)?, self.went(*at)))).collect()
        };
        let pairs = |(pid, of_process): (u32, Vec<usize>)| {
            (pid, Pairs::of(&sides(&of_process), &sides(self.writers(pid))))
        };
        readers.into_iter().map(pairs).collect()
    }

    /// Notes who held a socket before.
    pub(in crate::watch) fn add_held_by(&mut self, at: usize, before: &[Holder]) {
        let Some(report) = self.socket(at) else { return };
        let pids = report.pids();
        let left = before.iter().map(|holder| holder.pid).filter(|pid| !pids.contains(pid));
        if let Some(inode) = report.socket.inode {
            self.left.entry(inode).or_default().extend(left);
        }
    }

    /// The processes that held a socket before, and hold it no more.
    pub(in crate::watch) fn left(&self, inode: Option<Inode>) -> &[u32] {
        inode.and_then(|inode| self.left.get(&inode)).map_or(&[], Vec::as_slice)
    }

    /// The parent of a process, its parent, and so on, as far as was looked; at most [`MOST_GENERATIONS`].
    pub(in crate::watch) fn ancestors(&self, pid: u32) -> impl Iterator<Item = u32> {
        let parent = |pid: &u32| self.process(*pid)?.parent().filter(|parent| parent != pid);
        std::iter::successors(parent(&pid), parent).take(MOST_GENERATIONS)
    }

    pub(in crate::watch) fn process(&self, pid: u32) -> Option<&Look<'a>> {
        self.processes.get(&pid)
    }

    pub(in crate::watch) fn socket(&self, at: usize) -> Option<&'a SocketEntry> {
        self.sockets.get(at)
    }

    pub(in crate::watch) fn went(&self, at: usize) -> Went {
        self.went.get(at).copied().unwrap_or(Went::UNKNOWN)
    }

    /// The listener that this descriptor is of.
    pub(in crate::watch) fn listener(&self, holder: Holder) -> Option<&'a SocketEntry> {
        self.listeners.get(&holder).and_then(|at| self.socket(*at))
    }

    /// The socket that this descriptor is of, where it holds something.
    pub(in crate::watch) fn held_by(&self, holder: Holder) -> Option<&'a SocketEntry> {
        self.place(holder).and_then(|at| self.socket(at))
    }

    /// The place of the socket that this descriptor is of.
    pub(in crate::watch) fn place(&self, holder: Holder) -> Option<usize> {
        self.sockets.iter().position(|report| report.holders.contains(&holder))
    }

    /// The sockets at which other processes have descriptors to receive.
    pub(in crate::watch) fn channels(&self, but_of: u32) -> impl Iterator<Item = Holder> {
        self.channels.iter().copied().filter(move |channel| channel.pid != but_of)
    }

    /// A process's sockets that may not be able to write.
    pub(in crate::watch) fn writers(&self, pid: u32) -> &[usize] {
        self.writers.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// How a process's readers and writers go together; `None` for a process that has not both.
    pub(in crate::watch) fn pairs(&self, pid: u32) -> Option<&Pairs> {
        self.pairs.get(&pid)
    }

    /// What a socket has unsent, in bytes: of a unix socket what its reader has not read, as far as that is
    /// known.
    pub(in crate::watch) fn unsent(&self, at: usize) -> u64 {
        let Some(report) = self.socket(at) else { return 0 };
        report.footprint.sent.payload.map(|payload| payload.0).unwrap_or_else(|| {
            let reader = self.peers.of(self.sockets, at).and_then(|at| self.socket(at));
            let payload = reader.and_then(|reader| reader.footprint.received.payload);
            let first = || reader.and_then(|reader| reader.socket.recv_q.size());
            payload.map(|payload| payload.0).or_else(first).unwrap_or(0)
        })
    }

    /// Whether a process has anything that it may wait to write to.
    pub(in crate::watch) fn may_wait(&self, pid: u32) -> bool {
        !self.writers(pid).is_empty() || self.conduits_of(pid).next().is_some()
    }

    /// A pipe, a FIFO or a terminal that somebody is blocked in writing to.
    pub(in crate::watch) fn conduit(&self, at: usize) -> Option<&'a Conduit> {
        self.conduits.get(at)
    }

    /// The places of those that a process can write to.
    pub(in crate::watch) fn conduits_of(&self, pid: u32) -> impl Iterator<Item = usize> {
        let can_write = move |conduit: &Conduit| conduit.writers.iter().any(|writer| writer.pid == pid);
        self.conduits.iter().enumerate().filter(move |(_, it)| can_write(it)).map(|(at, _)| at)
    }

    /// The descriptors under which a process can write to one.
    pub(in crate::watch) fn conduit_fds(&self, at: usize, pid: u32) -> Vec<u32> {
        self.conduit(at).map(|conduit| Scene::fds(&conduit.writers, pid)).unwrap_or_default()
    }

    /// The descriptors under which a process holds what it writes to.
    pub(in crate::watch) fn fds_over(&self, over: Over, pid: u32) -> Vec<u32> {
        match over {
            Over::Socket(at) => {
                self.socket(at).map(|report| Scene::fds(&report.holders, pid)).unwrap_or_default()
            }
            Over::Conduit(at) => self.conduit_fds(at, pid),
            Over::Answer(_) | Over::Connect(_) => Vec::new(),
        }
    }

    /// What stands still unread, by who waits for an answer to it.
    pub(in crate::watch) fn unanswered(&self) -> &Unanswered {
        &self.unanswered
    }

    /// The listeners whose accept queue is full, each once, with their places.
    pub(in crate::watch) fn full_listeners(&self) -> impl Iterator<Item = (usize, &'a SocketEntry)> {
        self.sockets.iter().enumerate().filter(|(_, report)| is_full(report))
    }

    /// The descriptors under which a process holds a socket.
    pub(in crate::watch) fn fds(holders: &[Holder], pid: u32) -> Vec<u32> {
        holders.iter().filter(|holder| holder.pid == pid).map(|holder| holder.fd).collect()
    }

    /// The ring of io_uring that has a socket: whose it is, and its descriptor.
    pub(in crate::watch) fn ring_with(&self, inode: Inode) -> Option<Holder> {
        self.rings.get(&inode).copied()
    }
}

/// Whether no other end of a connection can have been missed: a process that may not be read can be in a
/// namespace of its own, and nothing may lead into one.
fn looked_everywhere(snapshot: &Snapshot) -> bool {
    let is_blind = |gap: &crate::model::gap::Gap| match gap.what {
        Missing::Namespaces | Missing::Processes | Missing::Peers => true,
        Missing::Table => matches!(gap.place, Place::Table(Table::Tcp(_))),
        _ => false,
    };
    snapshot.source == Source::SockDiag
        && snapshot.namespaces.iter().all(|netns| netns.own || !netns.files.is_empty())
        && !snapshot.gaps.iter().any(is_blind)
}
