//! Asks the kernel once more about the candidates of one namespace, for what their first record
//! does not tell.

use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::client::{Asker, add_undecoded};
use crate::collect::dump::{Candidate, Dump};
use crate::collect::locks;
use crate::collect::may_match::is_asked_for;
use crate::diag::request::same_connection;
use crate::footprint::{Footprint, HostFacts};
use crate::holders::unix_links::UnixLinks;
use crate::host::Host;
use crate::model::endpoint::{Endpoint, canonical};
use crate::model::gap::{Gap, Missing};
use crate::model::netns::Netns;
use crate::model::place::Place;
use crate::model::process::Process;
use crate::model::protocol::{Family, Protocols};
use crate::model::query::Query;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::snapshot::entry::{Holding, SocketEntry};

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
    let elsewhere = add_silent_readers(asker, query, facts, unix, dump, candidates);
    name_unix_peers(asker, candidates);
    elsewhere
}

/// The other end of a TCP connection, if it is in the namespace that `asker` asks. Of an MPTCP connection
/// that of its first subflow, whose addresses it has: both have the inode of the MPTCP socket above.
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

/// Which connections are asked for, where, and who the processes are that hold them.
pub(super) struct Asked<'a> {
    /// TCP's too, and not MPTCP's alone: there is no engine that has read what its lock guards.
    pub tcp: bool,
    pub processes: &'a [Process],
    pub namespaces: &'a [Netns],
    /// When the scan began.
    pub started: Instant,
}

/// Asks for every connection of a report once more, with what the kernel tells only under its lock, so that
/// all its numbers are of one moment. One that has drained since is dropped; one that has vanished, or whose
/// lock does not come free, keeps its first record.
pub(super) fn add_info(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    of: &Asked<'_>,
    sockets: &mut Vec<SocketEntry>,
    gaps: &mut Vec<Gap>,
) {
    let mut drained: FxHashSet<usize> = FxHashSet::default();
    let wanted = |report: &SocketEntry| is_told_more(&report.socket, of.tcp);
    let kept = kept_locked(host, sockets.iter().filter(|report| wanted(report)), gaps);
    for netns in of.namespaces {
        let is_free = |report: &SocketEntry| !kept.as_ref().is_some_and(|kept| may_be_kept(report, kept));
        let is_here = |report: &SocketEntry| report.netns == netns.id && wanted(report) && is_free(report);
        let places: Vec<usize> =
            (0..sockets.len()).filter(|at| sockets.get(*at).is_some_and(is_here)).collect();
        if places.is_empty() {
            continue;
        }
        let Ok(asker) = Asker::open(host, netns) else { continue };
        let mut answers = Vec::new();
        let reports = places.iter().filter_map(|at| sockets.get(*at));
        let wanted: Vec<(String, Option<u32>, &Socket)> = reports
            .map(|report| {
                let pid = report.holders.first().map(|holder| holder.pid);
                (describe(report, of.processes), pid, &report.socket)
            })
            .collect();
        let is_same = |place: usize, answer: &Socket| {
            wanted.get(place).is_some_and(|(_, _, socket)| same_connection(socket, answer))
        };
        let _ = asker.with_info(&wanted, &mut |place, answer| {
            if answer.state != State::TimeWait && is_same(place, &answer) {
                answers.push((place, answer, Instant::now()));
            }
        });
        add_undecoded(gaps, asker.undecoded());
        for (place, answer, read_at) in answers {
            let Some(report) = places.get(place).and_then(|at| sockets.get_mut(*at)) else { continue };
            report.read_after = read_at.saturating_duration_since(of.started);
            take(report, answer, facts);
            let is_wanted =
                query.may_match(&report.socket, facts) && query.matches_footprint(&report.footprint);
            drained.extend(places.get(place).filter(|_| !is_wanted));
        }
    }
    let mut at = 0;
    sockets.retain(|_| {
        at += 1;
        !drained.contains(&(at - 1))
    });
}

/// The processes whose sockets must not be asked for; `None` where that can hold up nobody else.
fn kept_locked<'r>(
    host: &dyn Host,
    wanted: impl Iterator<Item = &'r SocketEntry>,
    gaps: &mut Vec<Gap>,
) -> Option<FxHashSet<u32>> {
    let mut wanted = wanted.peekable();
    if wanted.peek().is_none() || !locks::are_exclusive(host) {
        return None;
    }
    let wanted: Vec<&SocketEntry> = wanted.collect();
    let kept = locks::may_be_kept_by(host, &wanted.iter().flat_map(|report| report.pids()).collect());
    let passed_over = wanted.iter().filter(|report| may_be_kept(report, &kept)).count();
    if passed_over > 0 {
        let remedy = "their processes may be stuck with them locked, and before Linux 6.9 whoever asks would hold up \
                      all others who ask: the BPF engine (root) needs no lock";
        gaps.push(Gap::counted(Missing::Locks, Place::Host("tcp_info".into()), passed_over as u64, remedy));
    }
    Some(kept)
}

/// Whether one of these processes may have it locked, or one that may not be seen.
fn may_be_kept(report: &SocketEntry, kept: &FxHashSet<u32>) -> bool {
    report.holding == Holding::Hidden || report.pids().any(|pid| kept.contains(&pid))
}

/// Whether its lock gives more than its record.
fn is_told_more(socket: &Socket, tcp: bool) -> bool {
    let is_unknown = match &socket.mptcp {
        Some(mptcp) => mptcp.unsent.is_none(),
        None => tcp && socket.tcp_info.is_none() && socket.holds_something(),
    };
    // What has no cookie /proc/net alone tells of.
    is_unknown && socket.cookie.is_some() && socket.has_peer() && socket.state != State::ClosedHeld
}

/// Takes what a later answer says of a socket, and leaves what is only known otherwise.
fn take(report: &mut SocketEntry, mut answer: Socket, facts: &HostFacts) {
    if let (Some(known), Some(told)) = (&mut report.socket.mptcp, &mut answer.mptcp) {
        told.subflows = std::mem::take(&mut known.subflows);
    }
    report.socket = answer;
    report.footprint = Footprint::of(&report.socket, None, facts);
}

/// Whom a socket is about, for a report that has no answer.
fn describe(report: &SocketEntry, processes: &[Process]) -> String {
    match report.holders.first() {
        Some(holder) => {
            let at = processes.binary_search_by_key(&holder.pid, |process| process.pid);
            let process = at.ok().and_then(|at| processes.get(at));
            let comm = process.and_then(|process| process.comm.as_deref()).unwrap_or(b"process");
            format!("{} ({}), fd {}", comm.escape_ascii(), holder.pid, holder.fd)
        }
        None => {
            let port =
                |endpoint: &Endpoint| endpoint.port().map_or_else(|| "?".to_owned(), |port| port.to_string());
            let (local, peer) = (port(&report.socket.local), port(&report.socket.peer));
            format!("the connection from port {local} to port {peer}")
        }
    }
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
    if (query.protocols & Protocols::UNIX).is_empty() {
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
