//! What is known of the later sample, put in order once for all sockets: processes, listeners, peers, and
//! writers that stand still. Pure.

use rustc_hash::FxHashMap;

use crate::holders::Holder;
use crate::snapshot::{Holding, Report};
use crate::socket::{Inode, State};
use crate::watch::cause::Look;
use crate::watch::chain::Peers;
use crate::watch::progress::{Reading, Span, Writing, tcp};

/// The later sample, ready to be asked why.
pub(in crate::watch) struct Scene<'a> {
    pub(in crate::watch) sockets: &'a [Report],
    pub(in crate::watch) peers: Peers,
    processes: FxHashMap<u32, Look<'a>>,
    listeners: FxHashMap<Holder, usize>,
    readings: Vec<Reading>,
    /// Rings of io_uring, by the sockets that are registered with them.
    rings: FxHashMap<Inode, Holder>,
    /// Sockets that cannot write, by process, those with most unsent first.
    writers: FxHashMap<u32, Vec<usize>>,
}

impl<'a> Scene<'a> {
    /// `progress` is how each socket of the later sample went.
    pub(in crate::watch) fn new(span: &Span<'a>, peers: Peers, progress: &[(Reading, Writing)]) -> Scene<'a> {
        let sockets = span.now.snapshot.sockets.as_slice();
        let looks = span
            .now
            .processes
            .iter()
            .map(|(pid, now)| (*pid, Look::new(now, span.before.processes.get(pid), span.window)));
        let mut scene = Scene {
            sockets,
            peers,
            processes: looks.collect(),
            listeners: FxHashMap::default(),
            readings: progress.iter().map(|(reading, _)| *reading).collect(),
            rings: FxHashMap::default(),
            writers: FxHashMap::default(),
        };
        for (pid, process) in &span.now.processes {
            for (fd, sockets) in &process.rings {
                scene.rings.extend(sockets.iter().map(|inode| (*inode, Holder::new(*pid, *fd))));
            }
        }
        for (at, (report, (_, writing))) in sockets.iter().zip(progress).enumerate() {
            if report.socket.state == State::Listen {
                scene.listeners.extend(report.holders.iter().map(|holder| (*holder, at)));
            }
            if *writing == Writing::Stalled && report.holding == Holding::Descriptors {
                for pid in report.pids() {
                    scene.writers.entry(pid).or_default().push(at);
                }
            }
        }
        let mut writers = std::mem::take(&mut scene.writers);
        for of_process in writers.values_mut() {
            of_process.sort_by_cached_key(|at| std::cmp::Reverse(scene.unsent(*at)));
        }
        scene.writers = writers;
        scene
    }

    pub(in crate::watch) fn process(&self, pid: u32) -> Option<&Look<'a>> {
        self.processes.get(&pid)
    }

    pub(in crate::watch) fn socket(&self, at: usize) -> Option<&'a Report> {
        self.sockets.get(at)
    }

    pub(in crate::watch) fn reading(&self, at: usize) -> Option<Reading> {
        self.readings.get(at).copied()
    }

    /// The listener that this descriptor is of.
    pub(in crate::watch) fn listener(&self, holder: Holder) -> Option<&'a Report> {
        self.listeners.get(&holder).and_then(|at| self.socket(*at))
    }

    /// A process's sockets that cannot write.
    pub(in crate::watch) fn writers(&self, pid: u32) -> &[usize] {
        self.writers.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// What a socket has unsent, in bytes: of a unix socket what its reader has not read, as far as that is
    /// known.
    pub(in crate::watch) fn unsent(&self, at: usize) -> u64 {
        let Some(report) = self.socket(at) else { return 0 };
        tcp::unsent(&report.socket).unwrap_or_else(|| {
            let reader = self.peers.of(self.sockets, at).and_then(|at| self.socket(at));
            let payload = reader.and_then(|reader| reader.footprint.received.payload);
            let first = || reader.and_then(|reader| reader.socket.recv_q.size());
            payload.map(|payload| payload.0).or_else(first).unwrap_or(0)
        })
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
