//! What a query leaves in, and what it leaves out.

use std::net::{TcpListener, UdpSocket};

use rustix::net::{AddressFamily, SocketType};
use skcheck_core::{ErrorKind, Family, Live, Missing, Protocols, Query, State, scan as library_scan};

use crate::support::child::Sleeper;
use crate::support::scan::{self, find, get};
use crate::support::sockets::{inode, send_unix, socket_of, tcp_pair, unix_pair};

#[test]
fn sizes_mean_at_least() {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(4096);
    let server = inode(&pair.server);
    let first = scan::run(&scan::port(pair.port));
    let received = get(&first, server).footprint.received;
    type Field = fn(&mut Query) -> &mut Option<u64>;
    let sizes: [(Field, u64); 3] = [
        (|query| &mut query.min_recv_q, 4096),
        (|query| &mut query.min_charged, received.charged.expect("known").0),
        (|query| &mut query.min_worst, received.worst.expect("known").bytes.0),
    ];
    for (field, size) in sizes {
        let mut query = scan::port(pair.port);
        *field(&mut query) = Some(size);
        assert!(find(&scan::run(&query), server).is_some(), "{query:?}");
        assert!(find(&scan::run(&query), inode(&pair.client)).is_none(), "{query:?}");
        *field(&mut query) = Some(size + 1);
        assert!(find(&scan::run(&query), server).is_none(), "{query:?}");
    }
    // All conditions must hold together.
    let mut query = scan::port(pair.port);
    (query.min_recv_q, query.min_charged) = (Some(1), Some(u64::MAX));
    assert_eq!(scan::run(&query).sockets, []);
}

#[test]
fn the_larger_side_satisfies_charged_and_worst() {
    let pair = tcp_pair("127.0.0.1");
    crate::support::sockets::fill(&pair.client);
    let client = inode(&pair.client);
    let first = scan::run(&scan::port(pair.port));
    let charged = get(&first, client).footprint.sent.charged.expect("known").0;
    let mut query = scan::port(pair.port);
    query.min_charged = Some(charged);
    assert!(find(&scan::run(&query), client).is_some());
    query.min_send_q = Some(1);
    assert_eq!(scan::run(&query).sockets.len(), 1);
}

#[test]
fn ip_families_narrow_ip_sockets_only() {
    let mut pairs = [tcp_pair("127.0.0.1"), tcp_pair("::1")];
    pairs.iter_mut().for_each(|pair| pair.send(10));
    let (writer, reader) = unix_pair(SocketType::STREAM);
    send_unix(&writer, 10);
    for (index, family) in [(0, Family::Ipv4), (1, Family::Ipv6)] {
        let mut query = Query::default();
        (query.ipv4, query.ipv6) = (family == Family::Ipv4, family == Family::Ipv6);
        let snapshot = scan::run(&query);
        assert!(find(&snapshot, inode(&pairs[index].server)).is_some());
        assert!(find(&snapshot, inode(&pairs[1 - index].server)).is_none());
        assert!(find(&snapshot, inode(&reader)).is_some(), "unix sockets have no IP family");
    }
}

#[test]
fn protocols() {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(10);
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let (unix, _peer) = unix_pair(SocketType::STREAM);
    let inodes = [inode(&pair.server), inode(&udp), inode(&unix)];
    for (wanted, protocols) in [Protocols::TCP, Protocols::UDP, Protocols::UNIX].into_iter().enumerate() {
        let mut query = Query::of(protocols);
        query.include_idle = true;
        let snapshot = scan::run(&query);
        let found = inodes.map(|number| find(&snapshot, number).is_some());
        assert_eq!(found, [0, 1, 2].map(|at| at == wanted));
    }
}

#[test]
fn states() {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(10);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut query = scan::everything();
    query.states = vec![State::Listen];
    let snapshot = scan::run(&query);
    assert!(find(&snapshot, inode(&listener)).is_some());
    assert!(find(&snapshot, inode(&pair.server)).is_none());
    assert!(snapshot.sockets.iter().all(|report| report.socket.state == State::Listen));
    query.states = vec![State::CloseWait, State::Established];
    let snapshot = scan::run(&query);
    assert!(find(&snapshot, inode(&listener)).is_none());
    assert!(find(&snapshot, inode(&pair.server)).is_some());
}

#[test]
fn a_port_matches_either_end() {
    let pair = tcp_pair("127.0.0.1");
    let theirs = pair.client.local_addr().expect("bound").port();
    for port in [pair.port, theirs] {
        let snapshot = scan::run(&scan::port(port));
        for end in [&pair.client, &pair.server] {
            assert!(find(&snapshot, inode(end)).is_some(), "port {port}");
        }
        let has_port = |end: &skcheck_core::Endpoint| end.port() == Some(port);
        let all = snapshot.sockets.iter().map(|report| &report.socket);
        assert!(all.into_iter().all(|socket| has_port(&socket.local) || has_port(&socket.peer)));
    }
}

#[test]
fn a_process_by_id_and_by_name() {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(10);
    let server = inode(&pair.server);
    let child = Sleeper::holding(pair.server);
    let mut query = scan::everything();
    query.pids = vec![child.pid()];
    let snapshot = scan::run(&query);
    assert!(find(&snapshot, server).is_some());
    assert!(snapshot.sockets.iter().all(|report| report.pids().any(|pid| pid == child.pid())));
    query.pids = vec![u32::MAX];
    assert_eq!(scan::run(&query).sockets, []);

    let mut query = scan::port(pair.port);
    for (name, matches) in [("slee", true), ("sleep", true), ("sleep ", false), ("sleep300", false)] {
        query.process = Some(name.as_bytes().to_vec());
        let snapshot = scan::run(&query);
        assert_eq!(find(&snapshot, server).is_some(), matches, "{name:?}");
        assert!(find(&snapshot, inode(&pair.client)).is_none(), "{name:?}");
    }
}

#[test]
fn a_query_without_a_table_is_an_error() {
    let mut query = Query::of(Protocols::NONE);
    let error = library_scan(&Live::new(), &query).expect_err("nothing is asked for");
    assert_eq!(error.kind(), ErrorKind::EmptyQuery);
    query.protocols |= Protocols::TCP | Protocols::UDP | Protocols::MPTCP | Protocols::RAW;
    (query.ipv4, query.ipv6) = (false, false);
    assert!(library_scan(&Live::new(), &query).is_err());
}

/// One IP family alone proves which of its own sockets are in no table, and not what belongs to none
/// of all TCP sockets.
#[test]
fn closed_sockets_of_one_family() {
    let four = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let six = socket_of(AddressFamily::INET6, SocketType::STREAM, None);
    let mut query = Query::default();
    query.ipv6 = false;
    let snapshot = scan::run(&query);
    assert_eq!(get(&snapshot, inode(&four)).socket.state, State::ClosedHeld);
    assert!(find(&snapshot, inode(&six)).is_none());
    assert_eq!(snapshot.unlisted_tcp_mem, None);
}

/// Neither its sizes nor its ports are known: it is counted.
#[test]
fn closed_sockets_and_a_port() {
    let fresh = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let snapshot = scan::run(&scan::port(1));
    assert!(find(&snapshot, inode(&fresh)).is_none());
    let gap = snapshot.gaps.iter().find(|gap| gap.what == Missing::ClosedHeld).expect("it is said");
    assert!(gap.count >= Some(1));
}
