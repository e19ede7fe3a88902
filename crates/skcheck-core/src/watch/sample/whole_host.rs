//! Scans for more than was asked for: who keeps whom waiting can lead over any socket of the host.

use crate::engine::{Engine, Limits};
use crate::host::Host;
use crate::join::entries::closed::incomparable;
use crate::join::parties::rare_searches::RareSearches;
use crate::join::scan::scan_again;
use crate::model::error::Error;
use crate::model::families::protocol_set::Protocols;
use crate::model::netns::{NetnsChoice, NetnsFile, NetnsId};
use crate::model::query::Query;
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::SocketEntry;
use crate::snapshot::matching::is_in;

/// All that holds something, and what was asked for beside: that comes first, and how much it is comes with
/// it.
///
/// # Errors
/// As [`scan`](crate::scan).
pub(crate) fn scan(
    host: &dyn Host,
    query: &Query,
    engine: Option<&dyn Engine>,
    limits: &Limits,
    rare: &RareSearches,
) -> Result<(Snapshot, usize), Error> {
    let wanted = wanted(host, &query.netns);
    let netns = if wanted == Wanted::NoWayIn { query.netns.clone() } else { NetnsChoice::All };
    if query.tables().is_empty() {
        return Err(Error::empty_query());
    }
    let mut snapshot = scan_again(host, &widened(query, netns), engine, limits, Some(rare))?;
    let id = match wanted {
        Wanted::Id(id) => Some(id),
        Wanted::Own => snapshot.namespaces.iter().find(|netns| netns.own).and_then(|netns| netns.id),
        Wanted::All | Wanted::NoWayIn => None,
    };
    let is_there = |entry: &SocketEntry| wanted == Wanted::NoWayIn || is_in(&query.netns, id, entry);
    let asked_for = asked_for_first(&mut snapshot, query, is_there);
    Ok((snapshot, asked_for))
}

/// Puts what was asked for before everything else, and says how much that is.
fn asked_for_first(snapshot: &mut Snapshot, query: &Query, is_there: impl Fn(&SocketEntry) -> bool) -> usize {
    let (asked, mut others): (Vec<SocketEntry>, Vec<SocketEntry>) = std::mem::take(&mut snapshot.sockets)
        .into_iter()
        .partition(|entry| is_there(entry) && snapshot.matches(query, entry));
    let is_incomparable = |entry: &&SocketEntry| is_there(entry) && snapshot.is_incomparable(query, entry);
    let unknown = others.iter().filter(is_incomparable).count() as u64;
    snapshot.gaps.extend((unknown > 0).then(|| incomparable(unknown)));
    if query.include_idle {
        others.retain(holds_something);
    }
    let asked_for = asked.len();
    snapshot.sockets = asked;
    snapshot.sockets.append(&mut others);
    asked_for
}

/// What can be left out without cutting a chain: sockets whose writers wait for no reader.
fn widened(query: &Query, netns: NetnsChoice) -> Query {
    let in_chains: Protocols = Protocols::ALL.iter().filter(|it| it.waits_for_reader()).collect();
    Query { include_idle: query.include_idle, netns, ..Query::of(query.protocols | in_chains) }
}

fn holds_something(entry: &SocketEntry) -> bool {
    entry.socket.holds_something()
        || entry.footprint.received.charged.is_some_and(|charged| charged.0 > 0)
        || entry.socket.state == crate::model::state::State::ClosedHeld
}

/// The network namespace that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    Own,
    Id(NetnsId),
    /// It is none, or may not be entered: a scan of it alone says so.
    NoWayIn,
}

fn wanted(host: &dyn Host, choice: &NetnsChoice) -> Wanted {
    let path = match choice {
        NetnsChoice::All => return Wanted::All,
        NetnsChoice::Current => return Wanted::Own,
        NetnsChoice::OfProcess(pid) => format!("/proc/{pid}/ns/net").into(),
        NetnsChoice::OfFile(path) => path.clone(),
    };
    let Ok(inode) = host.inode(&path) else { return Wanted::NoWayIn };
    match host.diag(Some(&NetnsFile { root: None, path, inode })) {
        Ok(_) => Wanted::Id(NetnsId(inode)),
        Err(_) => Wanted::NoWayIn,
    }
}
