//! Other ends of connections that are in another namespace, over a veth pair. Their addresses are the same,
//! reversed; but other namespaces can have the same addresses: exactly one must have them.

use std::cell::LazyCell;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::collect::asking::client::Asker;
use crate::collect::asking::shortcomings::add_undecoded;
use crate::collect::netns::namespace::Namespace;
use crate::collect::scanned::Source;
use crate::holders::listeners::{HeldBy, Listeners};
use crate::holders::peers::each_tcp_peer;
use crate::holders::proc_net_tcp::ProcNetTcp;
use crate::join::sockets::{Join, JoinedSocket};
use crate::model::endpoint::Endpoint;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::socket::Socket;

/// How many questions may be asked for this; each takes some microseconds.
const QUESTIONS: usize = 100_000;

/// Finds them.
pub(crate) fn find(join: &mut Join<'_>) {
    let has_tcp = join.collected.namespaces.iter().filter(|namespace| namespace.dump.has_tcp);
    let namespaces: Vec<&Namespace> = has_tcp.collect();
    let mut lonely: Vec<&mut JoinedSocket> =
        join.sockets.iter_mut().filter(|socket| may_have_peer_elsewhere(socket)).collect();
    if lonely.is_empty() || namespaces.len() < 2 || join.collected.source != Source::SockDiag {
        return;
    }
    let questions = lonely.len().saturating_mul(namespaces.len());
    join.questions = join.questions.saturating_add(questions);
    if join.questions > QUESTIONS {
        let place = Place::namespaces(namespaces.iter().map(|namespace| &namespace.netns));
        let count = lonely.len() as u64;
        note_not_asked(&mut join.gaps, place, count);
        return;
    }
    let mut answers: FxHashMap<usize, Vec<HeldBy>> = FxHashMap::default();
    for namespace in namespaces {
        let Ok(asker) = Asker::open(join.host, &namespace.netns) else { continue };
        for (at, held_by) in answers_of(&asker, namespace, &lonely) {
            answers.entry(at).or_default().push(held_by);
        }
        add_undecoded(&mut join.gaps, asker.undecoded());
    }
    for (at, mut held_by) in answers {
        if let (Some(socket), [_]) = (lonely.get_mut(at), held_by.as_slice()) {
            socket.peer_held_by = held_by.pop();
            socket.entry.peer_inferred = true;
        }
    }
}

/// Who has the other ends of these that are in a namespace, by the place of the socket.
fn answers_of(
    asker: &Asker<'_>,
    namespace: &Namespace,
    lonely: &[&mut JoinedSocket],
) -> Vec<(usize, HeldBy)> {
    let is_elsewhere = |socket: &JoinedSocket| socket.entry.netns != namespace.netns.id;
    let of_others = lonely.iter().enumerate().filter(|(_, socket)| is_elsewhere(socket));
    let (places, sockets): (Vec<usize>, Vec<&Socket>) =
        of_others.map(|(at, joined)| (at, &joined.entry.socket)).unzip();
    let mut peers = Vec::new();
    let mut found = |at: usize, peer: &Socket| {
        peers.extend(places.get(at).map(|place| (*place, peer.clone())));
    };
    let left = each_tcp_peer(asker, &sockets, &mut found);
    // By now it is known whether the tables' module is missing.
    let proc_net = ProcNetTcp::for_missing(asker, sockets.iter().copied());
    proc_net.each_peer(&left, &sockets, &mut found);
    let listeners = LazyCell::new(|| Listeners::of(asker));
    // One without an inode, which waits to be accepted, is as good a candidate.
    let held_by = |peer: Socket| peer.inode.map_or_else(|| listeners.held_by(&peer), HeldBy::File);
    peers.into_iter().map(|(at, peer)| (at, held_by(peer))).collect()
}

/// Notes how many were not asked for, in all parts of a report together.
fn note_not_asked(gaps: &mut Vec<Gap>, place: Place, count: u64) {
    match gaps.iter_mut().find(|gap| gap.what == Missing::Peers) {
        Some(gap) => gap.count = gap.count.map(|known| known.saturating_add(count)),
        None => {
            let remedy = "narrow the report (--min-recvq, --pid, --port) to have their other ends looked for";
            gaps.push(Gap::counted(Missing::Peers, place, count, remedy));
        }
    }
}

fn may_have_peer_elsewhere(joined: &JoinedSocket) -> bool {
    let socket = &joined.entry.socket;
    let loopback = match socket.peer {
        Endpoint::Ip { addr: IpAddr::V4(addr), .. } => addr.is_loopback(),
        Endpoint::Ip { addr: IpAddr::V6(addr), .. } => addr.to_canonical().is_loopback(),
        _ => false,
    };
    joined.peer_held_by.is_none() && socket.has_peer() && !loopback
}
