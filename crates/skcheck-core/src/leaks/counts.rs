//! How many sockets each process has open, and what they are. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::survey::descriptors::Descriptors;
use crate::leaks::report::OpenSockets;
use crate::model::protocol::Protocol;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;

/// The processes with at least so many sockets, and how many each has.
pub(crate) fn many(descriptors: &Descriptors, least: u64) -> BTreeMap<u32, u64> {
    let mut counts: FxHashMap<u32, (Option<Inode>, u64)> = FxHashMap::default();
    for (inode, holder) in descriptors.iter() {
        // They come by inode: several descriptors of one socket come one behind the other.
        let (last, count) = counts.entry(holder.pid).or_default();
        if last.replace(inode) != Some(inode) {
            *count += 1;
        }
    }
    let many = counts.into_iter().map(|(pid, (_, count))| (pid, count));
    many.filter(|(_, count)| *count >= least).collect()
}

/// How many sockets of processes the tables list, by protocol and state.
#[derive(Debug, Default)]
pub(crate) struct ListedCounts {
    counts: FxHashMap<(u32, Protocol, State), u64>,
    counted: FxHashSet<Inode>,
}

impl ListedCounts {
    /// Counts a socket of a table, once, for each of the processes that has it.
    pub(crate) fn add(&mut self, socket: &Socket, descriptors: &Descriptors, processes: &BTreeMap<u32, u64>) {
        let Some(inode) = socket.inode else { return };
        let mut pids: Vec<u32> = descriptors.holders(inode).map(|holder| holder.pid).collect();
        pids.dedup();
        pids.retain(|pid| processes.contains_key(pid));
        if !pids.is_empty() && self.counted.insert(inode) {
            for pid in pids {
                *self.counts.entry((pid, socket.protocol, socket.state)).or_default() += 1;
            }
        }
    }

    fn of(&self, pid: u32) -> Vec<(Protocol, State, u64)> {
        let own = self.counts.iter().filter(|((holder, ..), _)| *holder == pid);
        let mut listed: Vec<(Protocol, State, u64)> =
            own.map(|((_, protocol, state), count)| (*protocol, *state, *count)).collect();
        listed.sort_by_key(|(protocol, state, count)| (Reverse(*count), *protocol, *state));
        listed
    }
}

/// These processes, those with most sockets first, and what the tables list of each.
pub(crate) fn open(many: BTreeMap<u32, u64>, listed: &ListedCounts) -> Vec<OpenSockets> {
    let mut open: Vec<OpenSockets> =
        many.into_iter().map(|(pid, sockets)| OpenSockets { pid, sockets, listed: listed.of(pid) }).collect();
    open.sort_by_key(|open| (Reverse(open.sockets), open.pid));
    open
}
