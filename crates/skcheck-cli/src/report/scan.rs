//! What a snapshot says, arranged: sorted, grouped, cut, summed up. No strings.

mod group;
mod measuring;
mod missing;
mod owner;
mod rank;
mod request;
mod shown;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashSet;

use skcheck_core::{Gap, Missing, NetnsChoice, Snapshot, SocketEntry, Totals, verdict};

use crate::report::circumstances::{Circumstances, EngineUse, Privilege};
use crate::report::scan::group::by_owner;
use crate::report::scan::owner::{Owners, container_key, containers};
use crate::report::scan::rank::Scale;
use crate::report::scan::shown::Shown;
use crate::report::sums::Sums;

pub(crate) use crate::report::scan::group::OwnerGroup;
pub(crate) use crate::report::scan::measuring::{Breach, MeasuringSummary};
pub(crate) use crate::report::scan::missing::MissingMemory;
pub(crate) use crate::report::scan::owner::{Owner, container_of, unheld};
pub(crate) use crate::report::scan::request::{Arrangement, GroupBy, ScanKind, ScanRequest, SortKey};
pub(crate) use crate::report::scan::shown::Rest;

/// A snapshot, arranged for output.
#[derive(Debug)]
pub(crate) struct ScanReport<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) request: ScanRequest<'a>,
    /// The query leaves sockets out, so what is not shown need not be nobody's.
    pub(crate) narrowed: bool,
    /// A process that was asked for and does not exist.
    pub(crate) missing_pid: Option<u32>,
    pub(crate) engine: EngineUse,
    pub(crate) privilege: Privilege,
    /// What could not be seen.
    pub(crate) gaps: Vec<Gap>,
    /// Over all sockets of the snapshot, shown or not.
    pub(crate) totals: Totals,
    /// The same, and more, as it is told of owners.
    pub(crate) sums: Sums,
    /// What measuring found, of all sockets.
    pub(crate) measured: MeasuringSummary<'a>,
    /// TCP memory of the host that belongs to no listed socket, in bytes; `None`: none, or nothing tells.
    pub(crate) unlisted: Option<u64>,
    /// Whether every network namespace was asked that could be found.
    pub(crate) everywhere: bool,
    /// Whether what is shown is in several network namespaces or containers, or in a namespace other
    /// than the scanner's.
    pub(crate) spans: bool,
    /// What belongs to nobody, where that is out of proportion.
    pub(crate) missing: Option<MissingMemory>,
    /// The process that pins most, or is charged most, whatever the order and the blocks of the report.
    pub(crate) heaviest: Option<OwnerGroup<'a>>,
    /// The owners to show, in order, each with the sockets to show.
    pub(crate) groups: Vec<OwnerGroup<'a>>,
    /// The sockets to show, in order, each once.
    pub(crate) sockets: Vec<&'a SocketEntry>,
    /// What is not shown.
    pub(crate) rest: Rest,
}

impl<'a> ScanReport<'a> {
    /// Arranges a snapshot.
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        request: ScanRequest<'a>,
        circumstances: Circumstances,
    ) -> ScanReport<'a> {
        let unlisted = unlisted(snapshot);
        let (heaviest, Shown { groups, sockets, rest }) = arranged(snapshot, &request, unlisted);
        ScanReport {
            snapshot,
            request,
            narrowed: request.is_narrowed(),
            missing_pid: circumstances.missing_pid,
            engine: circumstances.engine,
            privilege: circumstances.privilege,
            gaps: snapshot.gaps.iter().cloned().chain(circumstances.gap).collect(),
            totals: snapshot.totals(),
            sums: Sums::of(&snapshot.sockets),
            measured: MeasuringSummary::of(snapshot),
            unlisted,
            everywhere: is_everywhere(snapshot, request),
            // Most sockets are left out: what those that are left cannot explain, the others may.
            missing: match request.kind {
                ScanKind::Stalled => None,
                _ => MissingMemory::of(snapshot, request.query),
            },
            spans: spans(&sockets, snapshot),
            heaviest,
            groups,
            sockets,
            rest,
        }
    }
}

/// The sockets of a snapshot, in the order of a report.
pub(crate) fn in_order(snapshot: &Snapshot, sort: SortKey) -> Vec<&SocketEntry> {
    Scale::new(snapshot, unlisted(snapshot)).in_order(sort)
}

/// The heaviest process, and what is shown.
fn arranged<'a>(
    snapshot: &'a Snapshot,
    request: &ScanRequest<'a>,
    unlisted: Option<u64>,
) -> (Option<OwnerGroup<'a>>, Shown<'a>) {
    let Arrangement { sort, by, .. } = request.arrangement;
    let scale = Scale::new(snapshot, unlisted);
    let sockets = scale.in_order(sort);
    let owners = |by| Owners { snapshot, query: request.query, by };
    let mut processes = by_owner(&sockets, owners(GroupBy::Process));
    processes.sort_by_cached_key(|group| scale.rank_group(group, SortKey::Pinned));
    let heaviest = processes.first().cloned();
    let mut groups = match by {
        GroupBy::Process => processes,
        GroupBy::Socket => Vec::new(),
        _ => by_owner(&sockets, owners(by)),
    };
    groups.sort_by_cached_key(|group| scale.rank_group(group, sort));
    (heaviest, Shown::of(groups, sockets, &request.arrangement))
}

/// TCP memory of the host that belongs to no listed socket, where that is more than what the kernel's own
/// counting can be off by.
fn unlisted(snapshot: &Snapshot) -> Option<u64> {
    verdict::unlisted(snapshot).map(|unlisted| unlisted.0).filter(|unlisted| *unlisted > 0)
}

/// A process that may not be looked at may be in a namespace that nothing else names.
fn is_everywhere(snapshot: &Snapshot, request: ScanRequest<'_>) -> bool {
    let refused = snapshot.gaps.iter().any(|gap| gap.what == Missing::Namespaces);
    request.query.netns == NetnsChoice::All && !refused && snapshot.scanned.all_processes
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
