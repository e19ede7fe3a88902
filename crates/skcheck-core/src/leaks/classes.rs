//! What is in no table, sorted: by process and table, and what is no leak for that. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

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

/// Sorts them: by process and table, by families without a table (those of `unread` among them), and
/// by what cannot be told.
pub(crate) fn sort_out(all: &[Tableless], unread: &BTreeSet<&'static str>, least: u64) -> Sorted {
    let mut sorted = Sorted::default();
    let mut by_process: BTreeMap<u32, BTreeMap<&'static str, Vec<&Tableless>>> = BTreeMap::new();
    for socket in all {
        let Some(name) = socket.protocol.as_deref() else {
            sorted.apart.unnamed += 1;
            continue;
        };
        match Table::called(name).map(Table::short_name).filter(|table| !unread.contains(table)) {
            None => *sorted.apart.families.entry(name.to_vec()).or_default() += 1,
            Some(_) if !socket.asked => sorted.apart.namespaces += 1,
            Some(table) => {
                sorted.sockets += 1;
                for pid in pids(socket) {
                    by_process.entry(pid).or_default().entry(table).or_default().push(socket);
                }
            }
        }
    }
    let sum =
        |tables: &BTreeMap<&str, Vec<&Tableless>>| tables.values().map(|all| all.len() as u64).sum::<u64>();
    let (reported, few): (Vec<_>, Vec<_>) =
        by_process.into_iter().partition(|(_, tables)| sum(tables) >= least);
    let shown: BTreeSet<u32> = reported.iter().map(|(pid, _)| *pid).collect();
    let unshown = few.iter().flat_map(|(_, tables)| tables.values().flatten());
    let unshown = unshown.filter(|socket| pids(socket).is_disjoint(&shown)).map(|socket| socket.inode);
    sorted.below =
        Below { sockets: unshown.collect::<BTreeSet<Inode>>().len() as u64, processes: few.len() as u64 };
    let rows = reported
        .iter()
        .flat_map(|(pid, tables)| tables.iter().filter_map(|(table, all)| row(*pid, table, all)));
    sorted.leaked = rows.collect();
    sorted.leaked.sort_by_key(|leaked| (Reverse(leaked.sockets), leaked.pid, leaked.table));
    sorted
}

fn row(pid: u32, table: &'static str, all: &[&Tableless]) -> Option<Leaked> {
    let oldest = all.iter().min_by_key(|socket| socket.inode)?;
    let holder = oldest.holders.iter().copied().find(|holder| holder.pid == pid)?;
    let shared = all.iter().filter(|socket| pids(socket).len() > 1).count() as u64;
    let sockets = all.len() as u64;
    Some(Leaked { pid, table, sockets, shared, oldest: (oldest.inode, holder) })
}

fn pids(socket: &Tableless) -> BTreeSet<u32> {
    socket.holders.iter().map(|holder| holder.pid).collect()
}

/// Tables that could not be read, or of which not all could, everywhere where they were asked for: by their names
/// without the version of IP.
pub(crate) fn unread_tables(gaps: &[Gap]) -> BTreeSet<&'static str> {
    let is_unread = |table: &Table| {
        // A record that was not understood may be any socket's.
        let is_missing = |gap: &&Gap| matches!(gap.what, Missing::Table | Missing::Messages);
        let is_it = |gap: &&Gap| is_missing(gap) && gap.place == Place::Table(*table);
        gaps.iter().any(|gap| is_it(&gap))
    };
    Table::ALL.into_iter().filter(is_unread).map(Table::short_name).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
