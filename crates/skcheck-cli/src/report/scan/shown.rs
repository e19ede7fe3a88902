//! What of a report is shown, and what is cut off.

use std::collections::HashSet;

use skcheck_core::SocketEntry;

use crate::report::scan::group::OwnerGroup;
use crate::report::scan::request::{Arrangement, GroupBy};
use crate::report::sums::Sums;

/// What is shown.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    /// The owners, in order, each with the sockets to show.
    pub(super) groups: Vec<OwnerGroup<'a>>,
    /// The sockets, in order, each once.
    pub(super) sockets: Vec<&'a SocketEntry>,
    pub(super) rest: Rest,
}

/// What was cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// How many owners, or sockets where the list is flat.
    pub(crate) count: u64,
    pub(crate) sums: Sums,
}

impl<'a> Shown<'a> {
    /// As much of these as is to be shown, both in order.
    pub(super) fn of(
        groups: Vec<OwnerGroup<'a>>,
        sockets: Vec<&'a SocketEntry>,
        arrangement: &Arrangement,
    ) -> Shown<'a> {
        match arrangement.by {
            GroupBy::Socket => Shown::of_sockets(sockets, arrangement.top),
            _ => Shown::of_groups(groups, sockets, arrangement),
        }
    }

    fn of_groups(
        mut groups: Vec<OwnerGroup<'a>>,
        mut sockets: Vec<&'a SocketEntry>,
        arrangement: &Arrangement,
    ) -> Shown<'a> {
        let shown = arrangement.top.unwrap_or(groups.len()).min(groups.len());
        let cut = groups.split_off(shown);
        let seen = addresses(&groups);
        let mut counted = HashSet::new();
        let only_cut = cut.iter().flat_map(|group| group.sockets.iter().copied()).filter(|socket| {
            let address = std::ptr::from_ref(*socket);
            !seen.contains(&address) && counted.insert(address)
        });
        let rest = Rest { sums: Sums::of(only_cut), count: cut.len() as u64 };
        if let Some(limit) = arrangement.per_process {
            groups.iter_mut().for_each(|group| group.sockets.truncate(limit));
        }
        let kept = addresses(&groups);
        sockets.retain(|socket| kept.contains(&std::ptr::from_ref(*socket)));
        Shown { groups, sockets, rest }
    }

    fn of_sockets(mut sockets: Vec<&'a SocketEntry>, top: Option<usize>) -> Shown<'a> {
        let shown = top.unwrap_or(sockets.len()).min(sockets.len());
        let cut = sockets.split_off(shown);
        let rest = Rest { count: cut.len() as u64, sums: Sums::of(cut) };
        Shown { groups: Vec::new(), sockets, rest }
    }
}

/// Sockets of a snapshot have no name that all of them have.
fn addresses(groups: &[OwnerGroup<'_>]) -> HashSet<*const SocketEntry> {
    groups.iter().flat_map(|group| &group.sockets).map(|socket| std::ptr::from_ref(*socket)).collect()
}
