//! What is known of the later sample, put in order once for all sockets: processes, listeners, peers, and
//! writers that stand still. Pure.

pub(crate) mod coverage;
pub(crate) mod index;
pub(crate) mod pairing;
pub(crate) mod peers;
pub(crate) mod socket_progress;
pub(crate) mod unanswered;

use std::cmp::Reverse;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::model::holder::Holder;
use crate::model::socket::Inode;
use crate::model::state::State;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::evidence::conduit::Conduit;
use crate::watch::evidence::process::ProcessEvidence;
use crate::watch::judge::accept_queue::AcceptQueue;
use crate::watch::judge::cause::link::Over;
use crate::watch::judge::process::view::ProcessView;
use crate::watch::judge::progress::state::{Reading, Writing};
use crate::watch::judge::scene::coverage::looked_everywhere;
use crate::watch::judge::scene::pairing::Pairs;
use crate::watch::judge::scene::peers::Peers;
use crate::watch::judge::scene::socket_progress::{SceneSocket, SocketProgress};
use crate::watch::judge::scene::unanswered::Unanswered;
use crate::watch::judge::span::Span;

/// Over how many parents a worker is traced back to its master.
const MOST_GENERATIONS: usize = 16;

/// The later sample, ready to be asked why.
pub(crate) struct Scene<'a> {
    sockets: Vec<SceneSocket<'a>>,
    pub(crate) peers: Peers,
    /// Every network namespace of the host was asked for the other ends of connections.
    pub(crate) looked_everywhere: bool,
    /// The time between the two samples.
    pub(crate) window: Duration,
    processes: FxHashMap<u32, ProcessView<'a>>,
    listeners: FxHashMap<Holder, usize>,
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
    /// `sockets` are those of the later sample, each in its place.
    pub(crate) fn new(span: &Span<'a>, peers: Peers, sockets: Vec<SceneSocket<'a>>) -> Scene<'a> {
        let processes = &span.now.processes;
        let view = |(pid, now): (&u32, &'a ProcessEvidence)| {
            (*pid, ProcessView::new(now, span.before.processes.get(pid), span.window))
        };
        let listeners = index::listeners(&sockets);
        let mut unanswered = Unanswered::new(&sockets);
        unanswered.add(index::waits_at(&span.now.awaited, &listeners));
        let mut scene = Scene {
            peers,
            looked_everywhere: looked_everywhere(&span.now.snapshot),
            window: span.window,
            processes: processes.iter().map(view).collect(),
            listeners,
            rings: index::rings(processes),
            left: FxHashMap::default(),
            writers: index::writers(&sockets),
            channels: index::channels(processes),
            pairs: FxHashMap::default(),
            conduits: &span.now.conduits,
            unanswered,
            sockets,
        };
        scene.sort_writers();
        scene.pairs = scene.pair();
        scene
    }

    /// Of each process those that stand still first, those with most unsent before others.
    fn sort_writers(&mut self) {
        let mut writers = std::mem::take(&mut self.writers);
        for of_process in writers.values_mut() {
            let moves = |at: &usize| self.went(*at).writing != Writing::Stalled;
            of_process.sort_by_cached_key(|at| (moves(at), Reverse(self.unsent(*at))));
        }
        self.writers = writers;
    }

    /// Pairs what processes read with what they write, where they do both.
    fn pair(&self) -> FxHashMap<u32, Pairs> {
        let mut readers: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        for (at, SceneSocket { entry, progress }) in self.sockets.iter().enumerate() {
            let is_reader = matches!(progress.reading, Reading::Stalled | Reading::Slow | Reading::Draining);
            if is_reader && entry.socket.state != State::Listen && entry.holding == Holding::Descriptors {
                for pid in entry.pids().filter(|pid| self.may_wait(*pid)) {
                    readers.entry(pid).or_default().push(at);
                }
            }
        }
        let sides = |places: &[usize]| -> Vec<(usize, &'a SocketEntry, SocketProgress)> {
            places.iter().filter_map(|at| Some((*at, self.socket(*at)?, self.went(*at)))).collect()
        };
        let pairs = |(pid, of_process): (u32, Vec<usize>)| {
            (pid, Pairs::of(&sides(&of_process), &sides(self.writers(pid))))
        };
        readers.into_iter().map(pairs).collect()
    }

    /// Notes who held a socket before.
    pub(crate) fn add_held_by(&mut self, at: usize, before: &[Holder]) {
        let Some(entry) = self.socket(at) else { return };
        let pids: Vec<u32> = entry.pids().collect();
        let left = before.iter().map(|holder| holder.pid).filter(|pid| !pids.contains(pid));
        if let Some(inode) = entry.socket.inode {
            self.left.entry(inode).or_default().extend(left);
        }
    }

    /// The processes that held a socket before, and hold it no more.
    pub(crate) fn left(&self, inode: Option<Inode>) -> &[u32] {
        inode.and_then(|inode| self.left.get(&inode)).map_or(&[], Vec::as_slice)
    }

    /// The parent of a process, its parent, and so on, as far as was looked; at most [`MOST_GENERATIONS`].
    pub(crate) fn ancestors(&self, pid: u32) -> impl Iterator<Item = u32> {
        let parent = |pid: &u32| self.process(*pid)?.parent().filter(|parent| parent != pid);
        std::iter::successors(parent(&pid), parent).take(MOST_GENERATIONS)
    }

    pub(crate) fn process(&self, pid: u32) -> Option<&ProcessView<'a>> {
        self.processes.get(&pid)
    }

    pub(crate) fn socket(&self, at: usize) -> Option<&'a SocketEntry> {
        self.sockets.get(at).map(|socket| socket.entry)
    }

    pub(crate) fn went(&self, at: usize) -> SocketProgress {
        self.sockets.get(at).map_or(SocketProgress::UNKNOWN, |socket| socket.progress)
    }

    /// The place of a socket's other end, where the sample has it.
    pub(crate) fn peer_of(&self, at: usize) -> Option<usize> {
        self.peers.of(at, |at| self.socket(at))
    }

    /// The listener that this descriptor is of.
    pub(crate) fn listener(&self, holder: Holder) -> Option<&'a SocketEntry> {
        self.listeners.get(&holder).and_then(|at| self.socket(*at))
    }

    /// The socket that this descriptor is of, where it holds something.
    pub(crate) fn held_by(&self, holder: Holder) -> Option<&'a SocketEntry> {
        self.place(holder).and_then(|at| self.socket(at))
    }

    /// The place of the socket that this descriptor is of.
    pub(crate) fn place(&self, holder: Holder) -> Option<usize> {
        self.sockets.iter().position(|socket| socket.entry.holders.contains(&holder))
    }

    /// The sockets at which other processes have descriptors to receive.
    pub(crate) fn channels(&self, but_of: u32) -> impl Iterator<Item = Holder> {
        self.channels.iter().copied().filter(move |channel| channel.pid != but_of)
    }

    /// A process's sockets that may not be able to write.
    pub(crate) fn writers(&self, pid: u32) -> &[usize] {
        self.writers.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// How a process's readers and writers go together; `None` for a process that has not both.
    pub(crate) fn pairs(&self, pid: u32) -> Option<&Pairs> {
        self.pairs.get(&pid)
    }

    /// What a socket has unsent, in bytes: of a unix socket what its reader has not read, as far as that is
    /// known.
    pub(crate) fn unsent(&self, at: usize) -> u64 {
        let Some(entry) = self.socket(at) else { return 0 };
        entry.footprint.sent.payload.map(|payload| payload.0).unwrap_or_else(|| {
            let reader = self.peer_of(at).and_then(|at| self.socket(at));
            let payload = reader.and_then(|reader| reader.footprint.received.payload);
            let first = || reader.and_then(|reader| reader.socket.recv_q.size());
            payload.map(|payload| payload.0).or_else(first).unwrap_or(0)
        })
    }

    /// Whether a process has anything that it may wait to write to.
    pub(crate) fn may_wait(&self, pid: u32) -> bool {
        !self.writers(pid).is_empty() || self.conduits_of(pid).next().is_some()
    }

    /// A pipe, a FIFO or a terminal that somebody is blocked in writing to.
    pub(crate) fn conduit(&self, at: usize) -> Option<&'a Conduit> {
        self.conduits.get(at)
    }

    /// The places of those that a process can write to.
    pub(crate) fn conduits_of(&self, pid: u32) -> impl Iterator<Item = usize> {
        let can_write = move |conduit: &Conduit| conduit.writers.iter().any(|writer| writer.pid == pid);
        self.conduits.iter().enumerate().filter(move |(_, it)| can_write(it)).map(|(at, _)| at)
    }

    /// The descriptors under which a process can write to one.
    pub(crate) fn conduit_fds(&self, at: usize, pid: u32) -> Vec<u32> {
        self.conduit(at).map(|conduit| Scene::fds(&conduit.writers, pid)).unwrap_or_default()
    }

    /// The descriptors under which a process holds what it writes to.
    pub(crate) fn fds_over(&self, over: Over, pid: u32) -> Vec<u32> {
        match over {
            Over::Socket(at) => {
                self.socket(at).map(|entry| Scene::fds(&entry.holders, pid)).unwrap_or_default()
            }
            Over::Conduit(at) => self.conduit_fds(at, pid),
            Over::Answer(_) | Over::Connect(_) => Vec::new(),
        }
    }

    /// What stands still unread, by who waits for an answer to it.
    pub(crate) fn unanswered(&self) -> &Unanswered {
        &self.unanswered
    }

    /// The listeners whose accept queue is full, each once, with their places.
    pub(crate) fn full_listeners(&self) -> impl Iterator<Item = (usize, &'a SocketEntry)> {
        let entries = self.sockets.iter().map(|socket| socket.entry).enumerate();
        entries.filter(|(_, entry)| AcceptQueue::is_full_at(entry))
    }

    /// The descriptors under which a process holds a socket.
    pub(crate) fn fds(holders: &[Holder], pid: u32) -> Vec<u32> {
        holders.iter().filter(|holder| holder.pid == pid).map(|holder| holder.fd).collect()
    }

    /// The ring of io_uring that has a socket: whose it is, and its descriptor.
    pub(crate) fn ring_with(&self, inode: Inode) -> Option<Holder> {
        self.rings.get(&inode).copied()
    }
}
