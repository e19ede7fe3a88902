//! Which socket, ring or channel belongs to whom: indexes over the later sample. Pure.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::model::holder::Holder;
use crate::model::socket::Inode;
use crate::model::state::State;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::evidence::process::ProcessEvidence;
use crate::watch::judge::progress::state::Writing;
use crate::watch::judge::scene::socket_progress::SceneSocket;

/// Places of listeners, by the descriptors that they have.
pub(crate) fn listeners(sockets: &[SceneSocket<'_>]) -> FxHashMap<Holder, usize> {
    let all = sockets.iter().enumerate().filter(|(_, it)| it.entry.socket.state == State::Listen);
    all.flat_map(|(at, it)| it.entry.holders.iter().map(move |holder| (*holder, at))).collect()
}

/// Rings of io_uring, by the sockets that are registered with them.
pub(crate) fn rings(processes: &BTreeMap<u32, ProcessEvidence>) -> FxHashMap<Inode, Holder> {
    let all = processes.iter().flat_map(|(pid, process)| process.rings.iter().map(move |it| (*pid, it)));
    all.flat_map(|(pid, (fd, sockets))| sockets.iter().map(move |inode| (*inode, Holder::new(pid, *fd))))
        .collect()
}

/// Where processes have descriptors to receive.
pub(crate) fn channels(processes: &BTreeMap<u32, ProcessEvidence>) -> Vec<Holder> {
    let of_process = |(pid, process): (&u32, &ProcessEvidence)| -> Vec<Holder> {
        process.channels.iter().map(|(fd, _)| Holder::new(*pid, *fd)).collect()
    };
    processes.iter().flat_map(of_process).collect()
}

/// Sockets with something unsent that may not be able to write, by process.
pub(crate) fn writers(sockets: &[SceneSocket<'_>]) -> FxHashMap<u32, Vec<usize>> {
    let mut writers: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for (at, SceneSocket { entry, progress }) in sockets.iter().enumerate() {
        let is_writer = matches!(progress.writing, Writing::Stalled | Writing::Slow | Writing::Draining);
        if is_writer && entry.holding == Holding::Descriptors {
            for pid in entry.pids() {
                writers.entry(pid).or_default().push(at);
            }
        }
    }
    writers
}

/// Connections that hold nothing, by their inodes, with the places of the listeners that they wait at.
pub(crate) fn waits_at(awaited: &[SocketEntry], listeners: &FxHashMap<Holder, usize>) -> Vec<(Inode, usize)> {
    let waits = |entry: &SocketEntry| {
        let at = |holder: &Holder| listeners.get(&holder.descriptor()).copied();
        // Of several at one address none is known to be it.
        let mut places: Vec<usize> = entry.peer_holders.iter().filter_map(at).collect();
        places.dedup();
        let [listener] = places.as_slice() else { return None };
        Some((entry.socket.inode?, *listener))
    };
    awaited.iter().filter_map(waits).collect()
}
