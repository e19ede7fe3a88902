//! Sockets that are closed and still held: in no table, and found with all that they hold.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use rustix::net::{AddressFamily, SocketType};
use skcheck_core::engine::Queue;
use skcheck_core::{Holding, NetnsChoice, Payload, Query, RecvQueue, Snapshot, State};

use crate::measure::{ALL_PACKETS, exact, scan, whole};
use crate::support::scan::{eventually, find, get, mine};
use crate::support::sockets::{
    self, arrived, inode, reset, socket_of, tcp_pair, tcp_pair_with_window, unread,
};
use crate::turn;

/// By default, in the namespace of the test.
fn default_query() -> Query {
    let mut query = Query::default();
    query.netns = NetnsChoice::Current;
    query
}

/// Reported as closed, with the bytes that the descriptor can still read. The end of a stream has a sequence
/// number, so where that has come the kernel counts one more.
fn assert_held(snapshot: &Snapshot, end: &TcpStream, bytes: u64, ended: bool) {
    let report = get(snapshot, inode(end));
    assert_eq!(report.socket.state, State::ClosedHeld);
    assert_eq!((report.holding, &report.holders[..]), (Holding::Descriptors, &[mine(end)][..]));
    assert_eq!((unread(end), report.socket.recv_q), (bytes, RecvQueue::Payload(Payload(bytes))));
    let exact = exact(report);
    let receive = whole(exact, Queue::Receive);
    assert_eq!((receive.bytes, exact.counters.recv_q), (Payload(bytes), bytes + u64::from(ended)));
    assert_eq!(receive.truesize, exact.counters.rmem_alloc);
    assert!(receive.packets > 0 && exact.pinned.0 + exact.slab.0 >= bytes, "{exact:?}");
    assert_eq!(report.footprint.received.payload, Some(Payload(bytes)));
    assert_eq!(report.footprint.received.charged, Some(receive.truesize));
}

#[test]
fn fifty_reset_by_the_peer() {
    let Some(_turn) = turn::alone("closed::fifty_reset_by_the_peer") else { return };
    const UNREAD: usize = 3_000_000;
    let servers: Vec<TcpStream> = (0..50)
        .map(|_| {
            let pair = tcp_pair_with_window(16 << 20);
            (&pair.client).write_all(&vec![b'x'; UNREAD]).expect("the window is open");
            arrived(&pair.server, UNREAD);
            reset(pair.client);
            pair.server
        })
        .collect();
    let closed = |snapshot: &Snapshot, server| {
        find(snapshot, inode(server)).is_some_and(|report| report.socket.state == State::ClosedHeld)
    };
    let snapshot = eventually("every reader is reset", || {
        let snapshot = scan(&default_query(), &ALL_PACKETS);
        servers.iter().all(|server| closed(&snapshot, server)).then_some(snapshot)
    });
    servers.iter().for_each(|server| assert_held(&snapshot, server, UNREAD as u64, false));
    // They are found by their size as any other.
    let mut sized = default_query();
    sized.min_recv_q = Some(UNREAD as u64);
    assert_eq!(scan(&sized, &ALL_PACKETS).sockets.len(), 50);
    sized.min_recv_q = Some(UNREAD as u64 + 1);
    assert_eq!(scan(&sized, &ALL_PACKETS).sockets.len(), 0);
}

#[test]
fn closed_on_both_sides() {
    let Some(_turn) = turn::beside_others("closed::closed_on_both_sides") else { return };
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(100_000);
    (&pair.server).write_all(&[b'x'; 1000]).expect("the window is open");
    sockets::arrived(&pair.client, 1000);
    pair.finish();
    pair.server.shutdown(Shutdown::Write).expect("connected");
    let snapshot = eventually("the connection ends", || {
        let snapshot = scan(&default_query(), &ALL_PACKETS);
        let closed = |end| Some(find(&snapshot, inode(end))?.socket.state == State::ClosedHeld);
        (closed(&pair.server)? && closed(&pair.client)?).then_some(snapshot)
    });
    assert_held(&snapshot, &pair.server, 100_000, true);
    assert_held(&snapshot, &pair.client, 1000, true);
}

/// What never connected holds nothing, and the engine knows.
#[test]
fn never_connected() {
    let Some(_turn) = turn::beside_others("closed::never_connected") else { return };
    let fresh = [AddressFamily::INET, AddressFamily::INET6].map(|of| socket_of(of, SocketType::STREAM, None));
    let snapshot = scan(&default_query(), &ALL_PACKETS);
    assert!(fresh.iter().all(|fresh| find(&snapshot, inode(fresh)).is_none()));
    assert!(snapshot.gaps.iter().all(|gap| gap.what != skcheck_core::Missing::ClosedHeld));
    // One that is closed and empty is as idle as that.
    let pair = tcp_pair("127.0.0.1");
    reset(pair.client);
    eventually("it is reset", || rustix::net::sockopt::socket_error(&pair.server).ok()?.err());
    assert!(find(&scan(&default_query(), &ALL_PACKETS), inode(&pair.server)).is_none());
}
