//! Says who the processes are that hold sockets, and drops sockets of others than those that are asked for.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::collect::survey::identities;
use crate::join::sockets::Join;
use crate::model::process::Process;
use crate::snapshot::entry::SocketEntry;
use crate::snapshot::matching::is_held_by_processes;

/// Says who they are.
pub(crate) fn identify(join: &mut Join<'_>) {
    let pids = pids(join);
    join.processes = identities::processes(join.host, pids.into_iter(), &mut join.gaps);
}

/// Drops what none of the processes holds that the query asks for, and those that hold nothing else.
pub(crate) fn keep_matching(join: &mut Join<'_>) {
    let query = join.query;
    if !query.is_about_processes() {
        return;
    }
    let by_pid: FxHashMap<u32, &Process> =
        join.processes.iter().map(|process| (process.pid, process)).collect();
    let process = |pid| by_pid.get(&pid).copied();
    join.sockets.retain(|joined| is_held_by_processes(query, &joined.entry, &process));
    let left = pids(join);
    join.processes.retain(|process| left.contains(&process.pid));
}

/// The processes that hold the sockets or their other ends.
fn pids(join: &Join<'_>) -> BTreeSet<u32> {
    let peers = join.entries().flat_map(|entry| entry.peer_holders.iter().map(|holder| holder.pid));
    join.entries().flat_map(SocketEntry::pids).chain(peers).collect()
}
