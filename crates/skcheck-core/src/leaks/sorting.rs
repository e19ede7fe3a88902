//! What is in no table, sorted: by process and protocol, and what is no leak for that. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::collect::unlisted::listed_protocol;
use crate::leaks::report::{Apart, Below, Leaked};
use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;
use crate::model::place::Place;
use crate::model::socket::Inode;
use crate::model::table::Table;

/// A socket that a process holds in both looks and that no table knew in either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tableless {
    pub(crate) inode: Inode,
    pub(crate) holders: Vec<Holder>,
    /// The name of its protocol (`system.sockprotoname`).
    pub(crate) protocol: Option<Vec<u8>>,
    /// The network namespace of its process was asked, or all were.
    pub(crate) asked: bool,
}

/// What they are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sorted {
    pub(crate) leaked: Vec<Leaked>,
    pub(crate) sockets: u64,
    pub(crate) below: Below,
    pub(crate) apart: Apart,
}

/// Sorts them: by process and protocol, by families without a table (those of `unread` among them), and
/// by what cannot be told.
pub(crate) fn sort_out(all: &[Tableless], unread: &BTreeSet<&'static str>, least: u64) -> Sorted {
    let mut sorted = Sorted::default();
    let mut by_process: BTreeMap<u32, BTreeMap<&'static str, Vec<&Tableless>>> = BTreeMap::new();
    for socket in all {
        let Some(name) = socket.protocol.as_deref() else {
            sorted.apart.unnamed += 1;
            continue;
        };
        match listed_protocol(name).filter(|protocol| !unread.contains(protocol)) {
            None => *sorted.apart.families.entry(name.to_vec()).or_default() += 1,
            Some(_) if !socket.asked => sorted.apart.namespaces += 1,
            Some(protocol) => {
                sorted.sockets += 1;
                for pid in pids(socket) {
                    by_process.entry(pid).or_default().entry(protocol).or_default().push(socket);
                }
            }
        }
    }
    let sum = |protocols: &BTreeMap<&str, Vec<&Tableless>>| {
        protocols.values().map(|all| all.len() as u64).sum::<u64>()
    };
    let (reported, few): (Vec<_>, Vec<_>) =
        by_process.into_iter().partition(|(_, protocols)| sum(protocols) >= least);
    let shown: BTreeSet<u32> = reported.iter().map(|(pid, _)| *pid).collect();
    let unshown = few.iter().flat_map(|(_, protocols)| protocols.values().flatten());
    let unshown = unshown.filter(|socket| pids(socket).is_disjoint(&shown)).map(|socket| socket.inode);
    sorted.below =
        Below { sockets: unshown.collect::<BTreeSet<Inode>>().len() as u64, processes: few.len() as u64 };
    let rows = reported
        .iter()
        .flat_map(|(pid, protocols)| protocols.iter().filter_map(|(protocol, all)| row(*pid, protocol, all)));
    sorted.leaked = rows.collect();
    sorted.leaked.sort_by_key(|leaked| (Reverse(leaked.sockets), leaked.pid, leaked.protocol));
    sorted
}

fn row(pid: u32, protocol: &'static str, all: &[&Tableless]) -> Option<Leaked> {
    let oldest = all.iter().min_by_key(|socket| socket.inode)?;
    let holder = oldest.holders.iter().copied().find(|holder| holder.pid == pid)?;
    let shared = all.iter().filter(|socket| pids(socket).len() > 1).count() as u64;
    let sockets = all.len() as u64;
    Some(Leaked { pid, protocol, sockets, shared, oldest: (oldest.inode, holder) })
}

fn pids(socket: &Tableless) -> BTreeSet<u32> {
    socket.holders.iter().map(|holder| holder.pid).collect()
}

/// Protocols whose tables could not be read, or not all of them, everywhere where they were asked for.
pub(crate) fn unread_protocols(gaps: &[Gap]) -> BTreeSet<&'static str> {
    // `tcp over IPv4`: what it is called begins with the protocol.
    let protocol = |table: Table| table.name().split(' ').next();
    let is_unread = |table: &Table| {
        // A record that was not understood may be any socket's.
        let is_missing = |gap: &&Gap| matches!(gap.what, Missing::Table | Missing::Messages);
        let is_it = |gap: &&Gap| is_missing(gap) && gap.place == Place::Table(*table);
        gaps.iter().any(|gap| is_it(&gap))
    };
    Table::ALL.into_iter().filter(is_unread).filter_map(protocol).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
