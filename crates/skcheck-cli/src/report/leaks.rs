//! Who opens sockets and never releases them, arranged.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use skcheck_core::leaks::{Leaks, OpenSockets, Thresholds};
use skcheck_core::{Protocol, State};

/// What was found, and who stands first.
#[derive(Debug)]
pub(crate) struct LeaksReport<'a> {
    pub(crate) leaks: &'a Leaks,
    pub(crate) thresholds: Thresholds,
    /// Who has most sockets that are in no table, and how many.
    pub(crate) worst: Option<(u32, u64)>,
    /// Sockets of families without a table that is read, by family, the most first.
    pub(crate) families: Vec<(&'a [u8], u64)>,
}

/// Sockets of one kind that a process has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenKind {
    Listed(Protocol, State),
    /// In no table that is read.
    Unlisted,
}

impl<'a> LeaksReport<'a> {
    /// Arranges what was found.
    pub(crate) fn new(leaks: &'a Leaks, thresholds: Thresholds) -> LeaksReport<'a> {
        let mut by_process: BTreeMap<u32, u64> = BTreeMap::new();
        for row in &leaks.leaked {
            *by_process.entry(row.pid).or_default() += row.sockets;
        }
        let worst = by_process.into_iter().max_by_key(|(pid, sockets)| (*sockets, Reverse(*pid)));
        let mut families: Vec<(&[u8], u64)> =
            leaks.apart.families.iter().map(|(name, sockets)| (name.as_slice(), *sockets)).collect();
        families.sort_by_key(|(name, sockets)| (Reverse(*sockets), *name));
        LeaksReport { leaks, thresholds, worst, families }
    }

    /// Whether a process is listed.
    pub(crate) fn is_listed(&self) -> bool {
        !(self.leaks.open.is_empty() && self.leaks.leaked.is_empty())
    }

    /// Whether it was looked for twice: else nothing tells what is in no table.
    pub(crate) fn is_whole(&self) -> bool {
        self.leaks.again_after.is_some()
    }

    /// The process that stands first.
    pub(crate) fn first(&self) -> Option<u32> {
        let leaked = self.leaks.leaked.first().map(|row| row.pid);
        leaked.or(self.leaks.open.first().map(|row| row.pid))
    }

    /// The name of a process.
    pub(crate) fn comm(&self, pid: u32) -> Option<&'a [u8]> {
        let processes = &self.leaks.processes;
        let at = processes.binary_search_by_key(&pid, |process| process.pid).ok()?;
        processes.get(at)?.comm.as_deref()
    }
}

/// The kinds of sockets that a process has open, the most first.
pub(crate) fn kinds(open: &OpenSockets) -> Vec<(u64, OpenKind)> {
    let listed: u64 = open.listed.iter().map(|(.., sockets)| sockets).sum();
    let of_tables = open.listed.iter();
    let mut kinds: Vec<(u64, OpenKind)> =
        of_tables.map(|(protocol, state, sockets)| (*sockets, OpenKind::Listed(*protocol, *state))).collect();
    kinds.push((open.sockets.saturating_sub(listed), OpenKind::Unlisted));
    kinds.retain(|(sockets, _)| *sockets > 0);
    kinds.sort_by_key(|(sockets, _)| Reverse(*sockets));
    kinds
}
