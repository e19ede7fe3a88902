//! Sockets that are closed and still held: in no table, and found with all that they hold.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};

use rustix::net::{AddressFamily, SocketType};
use skcheck_core::engine::Queue;
use skcheck_core::{Holding, NetnsChoice, Payload, Protocols, Query, RecvQueue, Snapshot, State};

use crate::census::meminfo;
use crate::measure::{ALL_PACKETS, exact, scan, whole};
use crate::support::loopback::send_each;
use crate::support::scan::{eventually, find, get, mine};
use crate::support::sockets::{
    self, arrived, connect_from, inode, reset, socket_of, tcp_pair, tcp_pair_with_window, unread,
};
use crate::turn;

/// By default, in the namespace of the test. What scans every namespace at the same time has a netlink socket
/// there.
fn default_query() -> Query {
    let mut query = Query::default();
    query.netns = NetnsChoice::Current;
    query.protocols -= Protocols::NETLINK;
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

/// As many sockets with so many bytes as the host gives TCP memory for: of a sixteenth of its memory, where
/// it begins to be sparing (`tcp_init_mem`), half.
fn at_most(sockets: usize, bytes: usize) -> usize {
    let memory = usize::try_from(meminfo("MemTotal")).expect("64 bits");
    sockets.min(memory / 32 / bytes)
}

#[test]
fn fifty_reset_by_the_peer() {
    let Some(_turn) = turn::alone("closed::fifty_reset_by_the_peer") else { return };
    const UNREAD: usize = 3_000_000;
    let servers: Vec<TcpStream> = (0..at_most(50, UNREAD))
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
    assert_eq!(scan(&sized, &ALL_PACKETS).sockets.len(), servers.len());
    sized.min_recv_q = Some(UNREAD as u64 + 1);
    assert_eq!(scan(&sized, &ALL_PACKETS).sockets.len(), 0);
}

#[test]
fn closed_on_both_sides() {
    let Some(_turn) = turn::beside_others("closed::closed_on_both_sides") else { return };
    let mut pair = tcp_pair_with_window(1 << 20);
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

/// Where the program has not seen the end of the stream, the packet that told it is still there: memory, and
/// nothing to read.
#[test]
fn ended_with_nothing_unread() {
    let Some(_turn) = turn::beside_others("closed::ended_with_nothing_unread") else { return };
    let pair = tcp_pair("127.0.0.1");
    pair.finish();
    pair.server.shutdown(Shutdown::Write).expect("connected");
    let snapshot = eventually("it ends", || {
        let snapshot = scan(&default_query(), &ALL_PACKETS);
        let closed = |end| Some(find(&snapshot, inode(end))?.socket.state == State::ClosedHeld);
        (closed(&pair.server)? && closed(&pair.client)?).then_some(snapshot)
    });
    for end in [&pair.server, &pair.client] {
        let report = get(&snapshot, inode(end));
        let receive = whole(exact(report), Queue::Receive);
        assert_eq!((unread(end), receive.packets, receive.bytes), (0, 1, Payload(0)));
        assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(0)));
        assert_eq!(report.footprint.received.charged, Some(receive.truesize));
    }
    let mut sized = default_query();
    sized.min_recv_q = Some(1);
    assert_eq!(scan(&sized, &ALL_PACKETS).sockets.len(), 0);
}

/// A client that had chosen its port keeps it when it is reset, so some tables know it, and no iterator.
#[test]
fn reset_and_still_bound() {
    let Some(_turn) = turn::beside_others("closed::reset_and_still_bound") else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let from = "127.0.0.1:4568".parse().expect("an address");
    let client = connect_from(from, listener.local_addr().expect("bound"));
    let (mut server, _) = listener.accept().expect("the client waits");
    server.write_all(&[b'x'; 50_000]).expect("the window is open");
    arrived(&client, 50_000);
    reset(server);
    eventually("it is reset", || rustix::net::sockopt::socket_error(&client).ok()?.err());
    let snapshot = scan(&default_query(), &ALL_PACKETS);
    let report = get(&snapshot, inode(&client));
    assert_eq!(unread(&client), 50_000);
    let receive = whole(exact(report), Queue::Receive);
    assert_eq!(receive.bytes, Payload(50_000));
    assert_eq!(report.footprint.received.charged, Some(receive.truesize));
}

/// A UDP socket that has given up its peer has given up its port too, if the kernel chose it: it is in no
/// table, and keeps what it has not read.
#[test]
fn udp_that_is_bound_no_more() {
    let Some(_turn) = turn::beside_others("closed::udp_that_is_bound_no_more") else { return };
    let sender = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let reader = UdpSocket::from(socket_of(AddressFamily::INET, SocketType::DGRAM, None));
    reader.connect(sender.local_addr().expect("bound")).expect("loopback");
    let to = reader.local_addr().expect("bound by connecting");
    send_each(0..20, |_| {
        sender.send_to(&[b'x'; 400], to).expect("loopback takes it");
    });
    rustix::net::connect_unspec(&reader).expect("it is connected");
    let listed = crate::support::scan::run(&crate::measure::here());
    assert!(find(&listed, inode(&reader)).is_none(), "the table knows it");
    let snapshot = scan(&default_query(), &ALL_PACKETS);
    let receive = whole(exact(get(&snapshot, inode(&reader))), Queue::Receive);
    assert_eq!((receive.packets, receive.bytes), (20, Payload(8000)));
}
