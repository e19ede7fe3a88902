//! Asks the kernel once more about the candidates of one namespace, for what their first record
//! does not tell.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diag::request::{canonical, same_connection};
use crate::footprint::HostFacts;
use crate::query::Query;
use crate::snapshot::ask::Asker;
use crate::snapshot::dump::{Candidate, Dump};
use crate::snapshot::unix_links::UnixLinks;
use crate::socket::{Endpoint, Family, Inode, Protocol, Socket, State};

/// Completes `candidates`, and adds those that only others' records tell of. Returns the unix
/// readers that senders of this namespace are charged for and that are not in it.
pub(super) fn run(
    asker: &Asker<'_>,
    query: &Query,
    facts: &HostFacts,
    unix: &UnixLinks,
    dump: &Dump,
    candidates: &mut Vec<Candidate>,
) -> Vec<Inode> {
    refresh_tcp(asker, query, facts, candidates);
    let elsewhere = add_silent_readers(asker, query, facts, unix, dump, candidates);
    name_unix_peers(asker, candidates);
    elsewhere
}

/// Whether this is one end of a connection, or of what was one.
pub(super) fn has_peer(socket: &Socket) -> bool {
    matches!(socket.protocol, Protocol::Tcp | Protocol::Mptcp)
        && socket.peer.port().is_some_and(|port| port != 0)
}

/// The other end of a TCP connection, if it is in the namespace that `asker` asks. Of an MPTCP connection that of
/// its first subflow, whose addresses it has: both have the inode of the MPTCP socket above.
pub(super) fn tcp_peer(asker: &Asker<'_>, socket: &Socket) -> Option<Socket> {
    let reversed = |answer: &Socket| {
        answer.state != State::Listen
            && answer.state != State::TimeWait
            && canonical(&answer.local) == canonical(&socket.peer)
            && canonical(&answer.peer) == canonical(&socket.local)
    };
    let ask = |interface| asker.tcp(&socket.peer, &socket.local, interface).filter(reversed);
    ask(socket.interface).or_else(|| socket.interface.and_then(|_| ask(None)))
}

/// Asks for every TCP candidate once more, with `tcp_info`, so that all its numbers are of one
/// moment. One that has drained since is dropped; one that has vanished keeps its first record.
fn refresh_tcp(asker: &Asker<'_>, query: &Query, facts: &HostFacts, candidates: &mut Vec<Candidate>) {
    candidates.retain_mut(|candidate| {
        let socket = &candidate.socket;
        // What an engine tells is of one moment, and complete.
        let is_told = socket.tcp_info.is_some_and(|info| info.bytes_received.is_some());
        if is_told || socket.protocol != Protocol::Tcp || !has_peer(socket) || !socket.holds_something() {
            return true;
        }
        match asker.tcp(&socket.local, &socket.peer, socket.interface) {
            Some(answer) if answer.state != State::TimeWait && same_connection(socket, &answer) => {
                *candidate = Candidate::now(answer);
                query.may_match(&candidate.socket, facts)
            }
            _ => true,
        }
    });
}

/// Unix readers whose own record shows nothing (their first datagram is empty), while senders are
/// charged for what waits there.
fn add_silent_readers(
    asker: &Asker<'_>,
    query: &Query,
    facts: &HostFacts,
    unix: &UnixLinks,
    dump: &Dump,
    candidates: &mut Vec<Candidate>,
) -> Vec<Inode> {
    let mut elsewhere = Vec::new();
    if !query.unix {
        return elsewhere;
    }
    let mut present: FxHashSet<Inode> =
        candidates.iter().filter_map(|candidate| candidate.socket.inode).collect();
    for inode in unix.readers_of(dump).filter(|inode| present.insert(*inode)) {
        match asker.unix(inode) {
            Some(reader) if is_asked_for(query, facts, &reader) => candidates.push(Candidate::now(reader)),
            Some(_) => {}
            None => elsewhere.push(inode),
        }
    }
    elsewhere
}

/// Whether a unix reader matches, for whose queue somebody is charged.
pub(super) fn is_asked_for(query: &Query, facts: &HostFacts, reader: &Socket) -> bool {
    Query { include_idle: true, ..query.clone() }.may_match(reader, facts)
}

/// A unix socket's record names its peer by inode only.
fn name_unix_peers(asker: &Asker<'_>, candidates: &mut [Candidate]) {
    let names: FxHashMap<Inode, Endpoint> = candidates
        .iter()
        .map(|candidate| &candidate.socket)
        .filter(|socket| socket.family == Family::Unix)
        .filter_map(|socket| Some((socket.inode?, socket.local.clone())))
        .collect();
    for Candidate { socket, .. } in candidates {
        let Some(peer) = socket.peer_inode else { continue };
        let name = names.get(&peer).cloned();
        socket.peer = name.or_else(|| asker.unix(peer).map(|peer| peer.local)).unwrap_or(Endpoint::Unknown);
    }
}
