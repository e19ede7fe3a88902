//! TCP sockets that a descriptor held before the dumps, still holds after them, and that no table
//! knows.

use std::time::Instant;

use rustc_hash::FxHashSet;

use crate::collect::asking::client::Asker;
use crate::collect::collected::Collected;
use crate::collect::dumps::tables::has_connections;
use crate::collect::netns::namespace::Namespace;
use crate::collect::scanned::Source;
use crate::collect::survey::processes::Survey;
use crate::collect::survey::unlisted::{Unlisted, still_holds, tcp_family};
use crate::diag::record::Record;
use crate::diag::request::States;
use crate::engine::Found;
use crate::footprint::Footprint;
use crate::host::Host;
use crate::join::sockets::{Join, JoinedSocket};
use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;
use crate::model::netns::{Netns, NetnsChoice, NetnsId};
use crate::model::place::Place;
use crate::model::protocol::{Family, Protocol};
use crate::model::query::Query;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::{IpVersion, Table};
use crate::snapshot::entry::SocketEntry;

/// Adds them: as an engine found them, their numbers known; else as descriptors tell.
pub(crate) fn add(join: &mut Join<'_>) {
    match join.collected.closed.take() {
        Some(closed) => add_found(join, closed),
        None if join.query.wants_closed_held() => add_suspects(join),
        None => {}
    }
}

/// Sockets of which nobody can tell whether they match.
pub(crate) fn incomparable(count: u64) -> Gap {
    let remedy = "their sizes and ports are unknown: run without thresholds and without --port to list them";
    Gap::counted(Missing::ClosedHeld, Place::Protocol(Protocol::Tcp), count, remedy)
}

/// Adds those of what an engine found that match.
fn add_found(join: &mut Join<'_>, closed: Vec<(Found, Instant)>) {
    let Join { query, facts, started, sockets, .. } = join;
    let mut seen = FxHashSet::default();
    let joined = |(found, read_at): (Found, Instant)| {
        let Found { socket, netns, .. } = found;
        let footprint = Footprint::of(&socket, None, facts);
        let matches = query.may_match(&socket, facts) && query.matches_footprint(&footprint);
        let inode = socket.inode.filter(|inode| matches && seen.insert(*inode))?;
        let entry = SocketEntry {
            netns: Some(netns),
            read_after: read_at.saturating_duration_since(*started),
            ..SocketEntry::bare(socket, footprint)
        };
        Some(JoinedSocket::held_by_file(entry, inode))
    };
    sockets.extend(closed.into_iter().filter_map(joined));
}

/// One that descriptors hold and no table knows.
struct Suspect {
    inode: Inode,
    holder: Holder,
    family: Family,
}

/// Adds those that no table knows on a second look either; of their numbers nothing is known.
fn add_suspects(join: &mut Join<'_>) {
    let Join { host, query, facts, collected, .. } = join;
    if !collected.namespaces.iter().any(|namespace| namespace.dump.tcp_complete) {
        let remedy = "only a complete dump of TCP shows which sockets are in no table";
        join.gaps.push(Gap::uncounted(Missing::ClosedHeldUnknown, Place::Protocol(Protocol::Tcp), remedy));
        return;
    }
    let mut suspects = suspects(query, collected);
    if !suspects.is_empty() && collected.source == Source::SockDiag {
        mark_once_more(*host, collected, &suspects);
        let unknown = unknown(collected);
        suspects.retain(|suspect| {
            unknown.contains(&suspect.inode)
                && still_holds(*host, &collected.survey, suspect.holder, suspect.inode)
        });
    }
    if query.compares_the_unknown() && !suspects.is_empty() {
        join.gaps.push(incomparable(suspects.len() as u64));
        return;
    }
    let joined = |suspect: Suspect| {
        let mut socket = Socket::unknown(suspect.family, Protocol::Tcp, State::ClosedHeld);
        socket.inode = Some(suspect.inode);
        let footprint = Footprint::of(&socket, None, facts);
        let netns = netns_of_holders(&collected.survey, suspect.inode);
        let entry = SocketEntry { netns, ..SocketEntry::bare(socket, footprint) };
        JoinedSocket::held_by_file(entry, suspect.inode)
    };
    join.sockets.extend(suspects.into_iter().map(joined));
}

/// The sockets that descriptors hold and no table has named.
fn unknown(collected: &Collected) -> FxHashSet<Inode> {
    collected.survey.descriptors.unknown().map(|(inode, _)| inode).collect()
}

/// TCP sockets that no table knows. Where some namespace was not asked, only those of processes
/// whose own namespace was.
fn suspects(query: &Query, collected: &Collected) -> Vec<Suspect> {
    let Collected { survey, namespaces, .. } = collected;
    let is_complete = |namespace: &&Namespace| namespace.dump.tcp_complete;
    // A namespace that nothing leads to any more may live on through its sockets.
    let everywhere = query.netns == NetnsChoice::All && namespaces.iter().all(|it| is_complete(&it));
    let asked: FxHashSet<NetnsId> =
        namespaces.iter().filter(is_complete).filter_map(|namespace| namespace.netns.id).collect();
    let is_asked = |pid| survey.netns_of.get(&pid).is_some_and(|id| asked.contains(id));
    let unknown = unknown(collected);
    let suspect = |unlisted: &Unlisted| {
        let family = tcp_family(unlisted).filter(|family| query.wants_family(*family))?;
        let Unlisted { inode, holder, .. } = *unlisted;
        let is_one = unknown.contains(&inode) && (everywhere || is_asked(holder.pid));
        is_one.then_some(Suspect { inode, holder, family })
    };
    collected.unlisted.iter().filter_map(suspect).collect()
}

/// A table that changes under a dump can lose a socket that was there all along: a second dump of
/// the namespaces that the suspects' processes are in. And a process can hold sockets of namespaces
/// that nobody asked for: a dump of those.
fn mark_once_more(host: &dyn Host, collected: &Collected, suspects: &[Suspect]) {
    let Collected { survey, namespaces, .. } = collected;
    let of: FxHashSet<NetnsId> =
        suspects.iter().filter_map(|suspect| survey.netns_of.get(&suspect.holder.pid).copied()).collect();
    // However many sockets their sockstat counts: it is no photograph either.
    let asked = namespaces.iter().map(|namespace| &namespace.netns);
    for netns in asked.filter(|netns| netns.id.is_none_or(|id| of.contains(&id))) {
        mark_known(host, netns, survey, &|_| States::Holding);
    }
    let states = |asker: &Asker<'_>, netns| {
        if has_connections(asker, netns) { States::Holding } else { States::Bound }
    };
    for netns in &survey.others {
        mark_known(host, netns, survey, &|asker| states(asker, netns));
    }
}

/// Marks the sockets of a namespace's TCP tables, in these states, as ones that a table knows.
fn mark_known(host: &dyn Host, netns: &Netns, survey: &Survey, states: &dyn Fn(&Asker<'_>) -> States) {
    let Ok(asker) = Asker::open(host, netns) else { return };
    let states = states(&asker);
    for version in [IpVersion::V4, IpVersion::V6] {
        // Whichever families the query is about: this only strikes suspects off.
        let _ = asker.dump(Table::Tcp(version), states, &mut |record: Record<'_>| {
            record.socket.inode.map(|inode| survey.descriptors.mark_known(inode));
        });
    }
}

/// The namespace of the processes that hold a socket; `None` where they are not of one.
fn netns_of_holders(survey: &Survey, inode: Inode) -> Option<NetnsId> {
    let holders = survey.descriptors.holders(inode);
    let mut namespaces = holders.map(|holder| survey.netns_of.get(&holder.pid).copied());
    let namespace = namespaces.next()??;
    namespaces.all(|other| other == Some(namespace)).then_some(namespace)
}
