//! What a snapshot says, arranged: sorted, grouped, cut, summed up. No strings.

mod measured;
pub(crate) mod mem;
mod missing;
mod owner;
mod rank;
mod sums;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod watch;

use std::collections::{BTreeMap, HashSet};

use skcheck_core::{Missing, NetnsChoice, Query, Snapshot, SocketEntry, Totals};

use crate::args::{By, SortKey};
use crate::config::Arrangement;
use crate::report::owner::{Owners, container_key, containers};
use crate::report::rank::Scale;

pub(crate) use crate::report::measured::{Breach, Measure, Measured, Pinned, Sureness};
pub(crate) use crate::report::missing::Missing as MissingMemory;
pub(crate) use crate::report::owner::{Owner, container_of, unheld};
pub(crate) use crate::report::rank::unlisted_beyond_noise;
pub(crate) use crate::report::sums::{Charge, Sum, Sums, is_closed_unknown};

/// A snapshot, arranged for output.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) by: By,
    /// Over all sockets of the snapshot, shown or not.
    pub(crate) totals: Totals,
    /// What measuring found, of all sockets.
    pub(crate) measured: Measured<'a>,
    /// TCP sockets that are closed and still held and of unknown size, shown or not.
    pub(crate) closed_held: u64,
    /// Whether every network namespace was asked that could be found.
    pub(crate) everywhere: bool,
    /// The query leaves sockets out, so what is not shown need not be nobody's.
    pub(crate) narrowed: bool,
    /// Whether what is shown is in several network namespaces or containers, or in a namespace other
    /// than the scanner's.
    pub(crate) spans: bool,
    /// What belongs to nobody, where that is out of proportion.
    pub(crate) missing: Option<MissingMemory>,
    /// The process that pins most, or is charged most, whatever the order and the blocks of the report.
    pub(crate) heaviest: Option<Group<'a>>,
    /// The owners to show, in order, each with the sockets to show.
    pub(crate) groups: Vec<Group<'a>>,
    /// The sockets to show, in order, each once.
    pub(crate) sockets: Vec<&'a SocketEntry>,
    /// What is not shown.
    pub(crate) rest: Rest,
}

/// The sockets of one owner.
#[derive(Debug, Clone)]
pub(crate) struct Group<'a> {
    pub(crate) owner: Owner<'a>,
    /// Over all its sockets, shown or not.
    pub(crate) sums: Sums,
    /// The sockets to show, heaviest first.
    pub(crate) sockets: Vec<&'a SocketEntry>,
}

/// What was cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// How many owners, or sockets where the list is flat.
    pub(crate) count: u64,
    pub(crate) sums: Sums,
}

/// Whether a query leaves out sockets that hold something.
fn is_narrowed(query: &Query) -> bool {
    let mut query = query.clone();
    (query.include_idle, query.deep) = (false, false);
    query != Query::default()
}

impl<'a> Report<'a> {
    /// Arranges a snapshot.
    pub(crate) fn new(snapshot: &'a Snapshot, query: &Query, arrangement: Arrangement) -> Report<'a> {
        let Arrangement { sort, by, top, per_process } = arrangement;
        let scale = Scale::new(snapshot);
        let mut sockets: Vec<&SocketEntry> = snapshot.sockets.iter().collect();
        sockets.sort_by_cached_key(|report| scale.rank_socket(report, sort));
        let owners = |by| Owners { snapshot, query, by };
        let mut processes = by_owner(&sockets, owners(By::Process));
        processes.sort_by_cached_key(|group| scale.rank_group(group, SortKey::Pinned));
        let heaviest = processes.first().cloned();
        let mut groups = match by {
            By::Process => processes,
            By::Socket => Vec::new(),
            _ => by_owner(&sockets, owners(by)),
        };
        groups.sort_by_cached_key(|group| scale.rank_group(group, sort));
        let refused = snapshot.gaps.iter().any(|gap| gap.what == Missing::Namespaces);

        let mut report = Report {
            snapshot,
            by,
            totals: snapshot.totals(),
            measured: Measured::of(snapshot),
            closed_held: Sums::of(sockets.iter().copied()).closed_held,
            // A process that may not be looked at may be in a namespace that nothing else names.
            everywhere: query.netns == NetnsChoice::All && !refused && snapshot.scanned.all_processes,
            narrowed: is_narrowed(query),
            missing: MissingMemory::of(snapshot, is_narrowed(query)),
            spans: false,
            heaviest,
            groups: Vec::new(),
            sockets,
            rest: Rest::default(),
        };
        match by {
            By::Socket => report.keep_sockets(top),
            _ => report.keep_groups(groups, top, per_process),
        }
        report.spans = spans(&report.sockets, snapshot);
        report
    }

    fn keep_groups(&mut self, mut groups: Vec<Group<'a>>, top: Option<usize>, per_process: Option<usize>) {
        let shown = top.unwrap_or(groups.len()).min(groups.len());
        let cut = groups.split_off(shown);
        let seen: HashSet<*const SocketEntry> = groups
            .iter()
            .flat_map(|group| &group.sockets)
            .map(|socket| std::ptr::from_ref(*socket))
            .collect();
        let mut counted = HashSet::new();
        let only_cut = cut.iter().flat_map(|group| group.sockets.iter().copied()).filter(|socket| {
            let address = std::ptr::from_ref(*socket);
            !seen.contains(&address) && counted.insert(address)
        });
        self.rest = Rest { sums: Sums::of(only_cut), count: cut.len() as u64 };
        if let Some(limit) = per_process {
            groups.iter_mut().for_each(|group| group.sockets.truncate(limit));
        }
        let kept: HashSet<*const SocketEntry> = groups
            .iter()
            .flat_map(|group| &group.sockets)
            .map(|socket| std::ptr::from_ref(*socket))
            .collect();
        self.sockets.retain(|socket| kept.contains(&std::ptr::from_ref(*socket)));
        self.groups = groups;
    }

    fn keep_sockets(&mut self, top: Option<usize>) {
        let shown = top.unwrap_or(self.sockets.len()).min(self.sockets.len());
        let cut = self.sockets.split_off(shown);
        self.rest = Rest { count: cut.len() as u64, sums: Sums::of(cut) };
    }
}

/// Whether the table shows the sending side of this socket: the larger one, and not memory that
/// the receiving side already shows.
pub(crate) fn shows_sent(report: &SocketEntry) -> bool {
    Sums::of([report]).mostly_sent()
}

/// Whether these sockets are in more than one namespace or container.
fn spans(sockets: &[&SocketEntry], snapshot: &Snapshot) -> bool {
    let own = snapshot.namespaces.iter().find(|netns| netns.own).and_then(|netns| netns.id);
    let elsewhere = sockets.iter().any(|report| report.netns.is_some() && report.netns != own);
    let mut seen = HashSet::new();
    for &report in sockets {
        let mut of_socket = containers(report, snapshot).map(container_key).peekable();
        if of_socket.peek().is_none() {
            seen.insert(None);
        }
        seen.extend(of_socket);
    }
    elsewhere || seen.len() > 1
}

fn by_owner<'a>(sockets: &[&'a SocketEntry], owners: Owners<'a, '_>) -> Vec<Group<'a>> {
    let mut by_owner: BTreeMap<Owner<'a>, Vec<&SocketEntry>> = BTreeMap::new();
    for &report in sockets {
        for owner in owners.of(report) {
            by_owner.entry(owner).or_default().push(report);
        }
    }
    let group = |(owner, sockets): (Owner<'a>, Vec<&'a SocketEntry>)| Group {
        owner,
        sums: Sums::of(sockets.iter().copied()),
        sockets,
    };
    by_owner.into_iter().map(group).collect()
}
