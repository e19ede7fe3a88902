//! Asks for every connection of a report once more, with what the kernel tells only under its lock.

use std::collections::BTreeMap;
use std::time::Instant;

use rustc_hash::FxHashSet;

use crate::collect::asking::client::Asker;
use crate::collect::asking::locks;
use crate::collect::asking::shortcomings::add_undecoded;
use crate::collect::netns::namespace::Namespace;
use crate::collect::scanned::Source;
use crate::diag::request::same_connection;
use crate::footprint::{Footprint, HostFacts};
use crate::join::sockets::{Join, JoinedSocket};
use crate::model::gap::{Gap, Missing};
use crate::model::place::{Place, ProcessName};
use crate::model::process::Process;
use crate::model::protocol::Protocol;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::snapshot::entry::{Holding, SocketEntry};

/// Asks, so that all numbers of a connection are of one moment. One that has drained since is dropped; one that
/// has vanished, or whose lock does not come free, keeps its first record.
pub(crate) fn refresh(join: &mut Join<'_>) {
    if join.collected.source != Source::SockDiag {
        return;
    }
    // An engine has read what TCP's lock guards.
    let tcp = join.depth.is_none_or(|depth| !depth.finds);
    let kept = kept_locked(join, tcp);
    let is_asked = |entry: &SocketEntry| {
        is_told_more(&entry.socket, tcp) && !kept.as_ref().is_some_and(|kept| may_be_kept(entry, kept))
    };
    let Join { host, query, facts, started, collected, sockets, processes, gaps, .. } = join;
    let mut drained: FxHashSet<usize> = FxHashSet::default();
    for Namespace { netns, .. } in &collected.namespaces {
        let is_here =
            |at: &usize| sockets.get(*at).is_some_and(|it| it.entry.netns == netns.id && is_asked(&it.entry));
        let places: Vec<usize> = (0..sockets.len()).filter(is_here).collect();
        if places.is_empty() {
            continue;
        }
        let Ok(asker) = Asker::open(*host, netns) else { continue };
        let answers = ask(&asker, &places, sockets, processes);
        add_undecoded(gaps, asker.undecoded());
        for InfoAnswer { place, socket, read_at } in answers {
            let Some(JoinedSocket { entry, .. }) = sockets.get_mut(place) else { continue };
            entry.read_after = read_at.saturating_duration_since(*started);
            take(entry, socket, facts);
            let is_wanted =
                query.may_match(&entry.socket, facts) && query.matches_footprint(&entry.footprint);
            drained.extend((!is_wanted).then_some(place));
        }
    }
    let mut places = 0..sockets.len();
    sockets.retain(|_| places.next().is_none_or(|place| !drained.contains(&place)));
}

/// What the kernel says of a socket by now.
struct InfoAnswer {
    /// The socket's place among all.
    place: usize,
    socket: Socket,
    read_at: Instant,
}

/// Asks a namespace for the sockets at these places.
fn ask(
    asker: &Asker<'_>,
    places: &[usize],
    sockets: &[JoinedSocket],
    processes: &[Process],
) -> Vec<InfoAnswer> {
    let entries = places.iter().filter_map(|place| sockets.get(*place)).map(|joined| &joined.entry);
    let wanted: Vec<(Place, &Socket)> =
        entries.map(|entry| (place_of(entry, processes), &entry.socket)).collect();
    let is_same = |at: usize, answer: &Socket| {
        wanted.get(at).is_some_and(|(_, socket)| same_connection(socket, answer))
    };
    let mut answers = Vec::new();
    let _ = asker.with_info(&wanted, &mut |at, socket| {
        if let Some(place) = places.get(at)
            && socket.state != State::TimeWait
            && is_same(at, &socket)
        {
            answers.push(InfoAnswer { place: *place, socket, read_at: Instant::now() });
        }
    });
    answers
}

/// The processes whose sockets must not be asked for; `None` where that can hold up nobody else.
fn kept_locked(join: &mut Join<'_>, tcp: bool) -> Option<FxHashSet<u32>> {
    let entries = join.sockets.iter().map(|joined| &joined.entry);
    let wanted: Vec<&SocketEntry> = entries.filter(|entry| is_told_more(&entry.socket, tcp)).collect();
    if wanted.is_empty() || !locks::are_exclusive(join.host) {
        return None;
    }
    let kept = locks::may_be_kept_by(join.host, &wanted.iter().flat_map(|entry| entry.pids()).collect());
    let mut passed_over: BTreeMap<Protocol, u64> = BTreeMap::new();
    for entry in wanted.iter().filter(|entry| may_be_kept(entry, &kept)) {
        *passed_over.entry(entry.socket.protocol).or_default() += 1;
    }
    let remedy = "their processes may be stuck with them locked, and before Linux 6.9 whoever asks would hold up \
                  all others who ask: the BPF engine (root) needs no lock";
    let gap = |(protocol, count)| Gap::counted(Missing::Locks, Place::Protocol(protocol), count, remedy);
    join.gaps.extend(passed_over.into_iter().map(gap));
    Some(kept)
}

/// Whether one of these processes may have it locked, or one that may not be seen.
fn may_be_kept(entry: &SocketEntry, kept: &FxHashSet<u32>) -> bool {
    entry.holding == Holding::Hidden || entry.pids().any(|pid| kept.contains(&pid))
}

/// Whether its lock gives more than its record.
fn is_told_more(socket: &Socket, tcp: bool) -> bool {
    let is_unknown = match &socket.mptcp {
        Some(mptcp) => mptcp.unsent.is_none(),
        None => tcp && socket.tcp_info.is_none() && socket.holds_something(),
    };
    // What has no cookie the tables of sock_diag do not tell of.
    is_unknown && socket.cookie.is_some() && socket.has_peer() && socket.state != State::ClosedHeld
}

/// Takes what a later answer says of a socket, and leaves what is only known otherwise.
fn take(entry: &mut SocketEntry, mut answer: Socket, facts: &HostFacts) {
    if let (Some(known), Some(told)) = (&mut entry.socket.mptcp, &mut answer.mptcp) {
        told.subflows = std::mem::take(&mut known.subflows);
    }
    entry.socket = answer;
    entry.footprint = Footprint::of(&entry.socket, None, facts);
}

/// Whom a socket is about, for a report that has no answer.
fn place_of(entry: &SocketEntry, processes: &[Process]) -> Place {
    let Some(holder) = entry.holders.first() else {
        return Place::Connection { local: entry.socket.local.port(), peer: entry.socket.peer.port() };
    };
    let at = processes.binary_search_by_key(&holder.pid, |process| process.pid);
    let comm = at.ok().and_then(|at| processes.get(at)?.comm.clone());
    Place::process(ProcessName { pid: holder.pid, comm, fd: holder.number() })
}
