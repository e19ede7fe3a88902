//! The same sockets through /proc and NETLINK_SOCK_DIAG, and through BPF: what both know, they must say
//! alike, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use skcheck_core::Protocols;
use skcheck_core::engine::Limits;
use skcheck_core::{
    Cookie, Family, Holder, Inode, NetnsId, NotMeasured, Protocol, Query, Snapshot, Socket, SocketEntry,
    State,
};

use crate::measure::{self, here};
use crate::support::scan::{self, eventually};
use crate::support::skip::kernel;
use crate::support::sockets::{TcpPair, inode, tcp_pair};
use crate::support::ss::without_clocks;
use crate::turn;
use crate::zoo::Zoo;

/// What tells a socket from others: its cookie, or where that is not told, its inode.
type Name = (Option<Cookie>, Option<Inode>);

/// Each socket of a snapshot that a table of the kernel knows. Of the others there are TCP sockets that are
/// closed and still held, of which nobody knows without an engine whether they hold anything; and UDP sockets
/// that are bound to no port, which the engine alone finds.
fn by_cookie(snapshot: &Snapshot) -> BTreeMap<Name, SocketEntry> {
    let is_unbound = |socket: &Socket| socket.protocol == Protocol::Udp && socket.local.port() == Some(0);
    let is_listed = |socket: &Socket| socket.state != State::ClosedHeld && !is_unbound(socket);
    let listed = snapshot.sockets.iter().filter(|report| is_listed(&report.socket));
    let rested = |report: &SocketEntry| {
        let mut report = report.clone();
        report.socket = without_clocks(report.socket);
        report.read_after = Duration::ZERO;
        report
    };
    // Of raw sockets only their module tells the cookie.
    let name = |socket: &Socket| (socket.cookie, socket.inode.filter(|_| socket.cookie.is_none()));
    let known: BTreeMap<_, _> = listed.map(|report| (name(&report.socket), rested(report))).collect();
    assert!(!known.contains_key(&(None, None)), "a socket without a cookie");
    known
}

/// Sockets that are closed and still held: inode, who holds them, and where.
fn closed(snapshot: &Snapshot, holding: bool) -> BTreeMap<Option<Inode>, (Vec<Holder>, Option<NetnsId>)> {
    let closed = snapshot.sockets.iter().filter(|report| report.socket.state == State::ClosedHeld);
    let closed = closed.filter(|report| !holding || report.socket.holds_something());
    let mut closed: BTreeMap<_, _> =
        closed.map(|report| (report.socket.inode, (report.holders.clone(), report.netns))).collect();
    closed.values_mut().for_each(|(holders, _)| holders.sort_unstable());
    closed
}

/// What need not be the same, and why.
fn without_exceptions(mut report: SocketEntry) -> SocketEntry {
    // Only the engine walks queues.
    report.exact = Err(NotMeasured::NoEngine);
    if report.socket.family == Family::Unix {
        // What waits in the queue, all of it, and what its senders are charged: the table tells the first
        // datagram, and the senders that are still connected.
        report.footprint.received.payload = None;
        report.footprint.received.charged = None;
        report.footprint.received.worst = None;
        report.footprint.certainty = skcheck_core::Certainty::Exact;
    }
    if report.footprint.received.payload.is_some() && report.socket.protocol != Protocol::Tcp {
        // The payload of datagrams: the table tells memory alone.
        report.footprint.received.payload = None;
    }
    report.holders.sort_unstable();
    report.peer_holders.sort_unstable();
    report
}

/// Scans in both ways until every socket has been compared that stood still meanwhile, as all do at some
/// time: what is not acknowledged is sent again now and then. Returns how many were compared.
fn assert_same(what: &str, query: &Query) -> usize {
    let mut compared = BTreeSet::new();
    for _ in 0..10 {
        let before = by_cookie(&scan::run(query));
        let found = by_cookie(&measure::scan(query, &Limits::default()));
        let after = by_cookie(&scan::run(query));
        let cookies: BTreeSet<Name> = before.keys().chain(after.keys()).copied().collect();
        for cookie in found.keys() {
            assert!(cookies.contains(cookie), "{what}: only the engine has {:?}", found[cookie].socket);
        }
        let (steady, moving): (Vec<_>, Vec<_>) =
            cookies.into_iter().partition(|cookie| before.get(cookie) == after.get(cookie));
        for cookie in &steady {
            let listed = &before[cookie];
            let other = found.get(cookie);
            let other = other.unwrap_or_else(|| panic!("{what}: the engine lacks {:?}", listed.socket));
            let mut other = without_exceptions(other.clone());
            // The tables tell it only of connections that hold something, and not all of it.
            other.socket.tcp_info = match (listed.socket.tcp_info, other.socket.tcp_info) {
                (Some(listed), Some(mut info)) => {
                    (info.ooo_span, info.pending) = (None, None);
                    // The tables tell it since Linux 6.2.
                    info.rcv_wnd = info.rcv_wnd.filter(|_| listed.rcv_wnd.is_some());
                    Some(info)
                }
                _ => None,
            };
            assert_eq!(without_exceptions(listed.clone()), other, "{what}");
        }
        compared.extend(steady);
        if moving.iter().all(|cookie| compared.contains(cookie) || !after.contains_key(cookie)) {
            return compared.len();
        }
    }
    panic!("{what}: some sockets change all the time");
}

/// Nobody knows without an engine which closed sockets hold anything; who holds them, both know.
#[test]
fn the_same_closed_sockets() {
    let Some(_turn) = turn::beside_others("both_engines::the_same_closed_sockets") else { return };
    let zoo = Zoo::open();
    let mut query = here();
    query.include_idle = false;
    let everybody = query.clone();
    query.pids = vec![zoo.sleepers[2].pid()];
    // What has no peer any more and still a port is closed to older kernels: a client, and one that holds
    // nothing.
    let (port_alone, client) = if kernel() < [6, 8] { (1, 1) } else { (0, 0) };
    let shared = inode(&zoo.closed);
    for (query, all, holding) in [(everybody, 2 + port_alone + client, 1 + client), (query, 1, 1)] {
        let listed = closed(&scan::run(&query), false);
        let found = closed(&measure::scan(&query, &Limits::default()), true);
        assert_eq!((listed.len(), found.len()), (all, holding), "{listed:?} {found:?}");
        assert!(found.iter().all(|(inode, held)| listed.get(inode) == Some(held)), "{listed:?} {found:?}");
        assert_eq!(found[&Some(shared)].0.len(), 2, "{found:?}");
    }
}

/// One whose other end was closed has no socket any more, and is but remembered: it is nobody's, and idle.
#[test]
fn the_same_connections_that_are_but_remembered() {
    let Some(_turn) = turn::beside_others("both_engines::the_same_connections_that_are_but_remembered")
    else {
        return;
    };
    let TcpPair { client, server: _server, port } = tcp_pair("127.0.0.1");
    drop(client);
    let mut query = here();
    only(&mut query).protocols |= Protocols::TCP;
    (query.include_idle, query.states, query.port) = (true, vec![State::FinWait2], Some(port));
    eventually("FIN-WAIT-2", || (scan::run(&query).sockets.len() == 1).then_some(()));
    assert_eq!(assert_same("remembered", &query), 1);
    query.include_idle = false;
    assert_eq!(measure::scan(&query, &Limits::default()).sockets, []);
}

/// Asks for less.
type Narrow = fn(&Zoo, &mut Query);

#[test]
fn the_same_sockets() {
    let Some(_turn) = turn::beside_others("both_engines::the_same_sockets") else { return };
    let zoo = Zoo::open();
    let sockets = assert_same("everything", &here());
    assert!(sockets >= 50, "the zoo has only {sockets}");
    let default = || {
        let mut query = here();
        query.include_idle = false;
        query
    };
    let sockets = assert_same("by default", &default());
    assert!(sockets >= 30, "only {sockets} of the zoo hold anything");
    let narrowed: [(&str, Narrow); 12] = [
        ("recv-q", |_, query| query.min_recv_q = Some(3000)),
        ("send-q", |_, query| query.min_send_q = Some(3000)),
        ("charged", |_, query| query.min_charged = Some(10_000)),
        ("worst", |_, query| query.min_worst = Some(4 << 20)),
        ("one process", |zoo, query| query.pids = vec![zoo.sleepers[0].pid()]),
        ("another process", |zoo, query| query.pids = vec![zoo.sleepers[1].pid()]),
        ("a port", |zoo, query| query.port = Some(zoo.port)),
        ("tcp", |_, query| only(query).protocols |= Protocols::TCP),
        ("udp", |_, query| only(query).protocols |= Protocols::UDP),
        ("ipv6", |_, query| {
            query.ipv4 = false;
            query.protocols -= Protocols::UNIX;
        }),
        ("listeners", |_, query| (query.include_idle, query.states) = (true, vec![State::Listen])),
        ("a name", |_, query| query.process = Some(b"sleep".to_vec())),
    ];
    for (what, narrow) in narrowed {
        let mut query = default();
        narrow(&zoo, &mut query);
        assert!(assert_same(what, &query) > 0, "{what}: nothing matches");
    }
}

/// The same query of no protocol yet.
fn only(query: &mut Query) -> &mut Query {
    let netns = query.netns.clone();
    *query = Query::of(Protocols::NONE);
    query.netns = netns;
    query
}
