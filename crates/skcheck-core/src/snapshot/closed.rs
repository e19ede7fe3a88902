//! TCP sockets that a descriptor held before the dumps, still holds after them, and that no table
//! knows.

use std::time::Instant;

use rustc_hash::FxHashSet;

use crate::collect::client::Asker;
use crate::collect::first_pass::FirstPass;
use crate::collect::scanned::Source;
use crate::collect::tables::has_connections;
use crate::collect::unlisted::{Unlisted, still_holds, tcp_family};
use crate::diag::record::Record;
use crate::diag::request::States;
use crate::engine::Found;
use crate::footprint::{Footprint, HostFacts};
use crate::host::Host;
use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;
use crate::model::netns::{NetnsChoice, NetnsId};
use crate::model::place::Place;
use crate::model::protocol::{Family, Protocol};
use crate::model::query::Query;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::{IpVersion, Table};
use crate::snapshot::entry::SocketEntry;

struct Suspect {
    inode: Inode,
    holder: Holder,
    family: Family,
}

pub(super) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    first: &FirstPass,
    gaps: &mut Vec<Gap>,
) -> Vec<SocketEntry> {
    if !query.wants_closed_held() {
        return Vec::new();
    }
    if !first.dumps.iter().any(|dump| dump.tcp_complete) {
        let remedy = "only a complete dump of TCP shows which sockets are in no table";
        gaps.push(Gap::uncounted(Missing::ClosedHeldUnknown, Place::Host("this host".into()), remedy));
        return Vec::new();
    }
    let mut suspects = suspects(query, first);
    if !suspects.is_empty() && first.source == Source::SockDiag {
        mark_once_more(host, first, &suspects);
        let unknown: FxHashSet<Inode> = first.survey.descriptors.unknown().map(|(inode, _)| inode).collect();
        suspects.retain(|suspect| {
            unknown.contains(&suspect.inode)
                && still_holds(host, &first.survey, suspect.holder, suspect.inode)
        });
    }
    if query.compares_the_unknown() && !suspects.is_empty() {
        gaps.push(incomparable(suspects.len() as u64));
        return Vec::new();
    }
    let report = |suspect: Suspect| {
        let mut socket = Socket::unknown(suspect.family, Protocol::Tcp, State::ClosedHeld);
        socket.inode = Some(suspect.inode);
        let footprint = Footprint::of(&socket, None, facts);
        SocketEntry {
            holders: first.survey.descriptors.holders(suspect.inode).collect(),
            netns: netns_of_holders(first, suspect.inode),
            ..SocketEntry::bare(socket, footprint)
        }
    };
    suspects.into_iter().map(report).collect()
}

/// Sockets of which nobody can tell whether they match.
pub(crate) fn incomparable(count: u64) -> Gap {
    let remedy = "their sizes and ports are unknown: run without thresholds and without --port to list them";
    Gap::counted(Missing::ClosedHeld, Place::Host("TCP".into()), count, remedy)
}

/// The same as an engine found them, their numbers known: those that match like any other socket.
pub(super) fn found_by_engine(
    query: &Query,
    facts: &HostFacts,
    first: &FirstPass,
    closed: Vec<(Found, Instant)>,
    started: Instant,
) -> Vec<SocketEntry> {
    let mut seen = FxHashSet::default();
    let report = |(found, read_at): (Found, Instant)| {
        let Found { socket, netns, .. } = found;
        let footprint = Footprint::of(&socket, None, facts);
        let matches = query.may_match(&socket, facts) && query.matches_footprint(&footprint);
        let inode = socket.inode.filter(|inode| matches && seen.insert(*inode))?;
        Some(SocketEntry {
            holders: first.survey.descriptors.holders(inode).collect(),
            netns: Some(netns),
            read_after: read_at.saturating_duration_since(started),
            ..SocketEntry::bare(socket, footprint)
        })
    };
    closed.into_iter().filter_map(report).collect()
}

/// TCP sockets that no table knows. Where some namespace was not asked, only those of processes
/// whose own namespace was.
fn suspects(query: &Query, first: &FirstPass) -> Vec<Suspect> {
    // A namespace that nothing leads to any more may live on through its sockets.
    let everywhere = query.netns == NetnsChoice::All && first.dumps.iter().all(|dump| dump.tcp_complete);
    let asked: FxHashSet<NetnsId> = first
        .survey
        .namespaces
        .iter()
        .zip(&first.dumps)
        .filter(|(_, dump)| dump.tcp_complete)
        .filter_map(|(netns, _)| netns.id)
        .collect();
    let is_asked = |pid| first.survey.netns_of.get(&pid).is_some_and(|id| asked.contains(id));
    let unknown: FxHashSet<Inode> = first.survey.descriptors.unknown().map(|(inode, _)| inode).collect();
    let suspect = |unlisted: &Unlisted| {
        let family = tcp_family(unlisted).filter(|family| query.wants_family(*family))?;
        let Unlisted { inode, holder, .. } = *unlisted;
        let is_one = unknown.contains(&inode) && (everywhere || is_asked(holder.pid));
        is_one.then_some(Suspect { inode, holder, family })
    };
    first.unlisted.iter().filter_map(suspect).collect()
}

/// A table that changes under a dump can lose a socket that was there all along: a second dump of
/// the namespaces that the suspects' processes are in. And a process can hold sockets of namespaces
/// that nobody asked for: a dump of those.
fn mark_once_more(host: &dyn Host, first: &FirstPass, suspects: &[Suspect]) {
    let of: FxHashSet<NetnsId> = suspects
        .iter()
        .filter_map(|suspect| first.survey.netns_of.get(&suspect.holder.pid).copied())
        .collect();
    // However many sockets their sockstat counts: it is no photograph either.
    let asked = first.survey.namespaces.iter().filter(|netns| netns.id.is_none_or(|id| of.contains(&id)));
    for netns in asked.chain(&first.survey.others) {
        let is_other = !first.survey.namespaces.contains(netns);
        let Ok(asker) = Asker::open(host, netns) else { continue };
        let states =
            if is_other && !has_connections(&asker, netns) { States::Bound } else { States::Holding };
        for version in [IpVersion::V4, IpVersion::V6] {
            // Whichever families the query is about: this only strikes suspects off.
            let _ = asker.dump(Table::Tcp(version), states, &mut |record: Record<'_>| {
                record.socket.inode.map(|inode| first.survey.descriptors.mark_known(inode));
            });
        }
    }
}

/// The namespace of the processes that hold a socket; `None` where they are not of one.
fn netns_of_holders(first: &FirstPass, inode: Inode) -> Option<NetnsId> {
    let holders = first.survey.descriptors.holders(inode);
    let mut namespaces = holders.map(|holder| first.survey.netns_of.get(&holder.pid).copied());
    let namespace = namespaces.next()??;
    namespaces.all(|other| other == Some(namespace)).then_some(namespace)
}
