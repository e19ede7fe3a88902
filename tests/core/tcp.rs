//! TCP connections: every number against what was sent and against `ss`.

use std::io::Write;
use std::net::Shutdown;

use skcheck_core::{
    Bytes, Certainty, Endpoint, Family, Holding, Payload, Protocol, RecvQueue, SendQueue, State, Truesize,
    WorstBasis,
};

use crate::support::netns::in_own_netns;
use crate::support::scan::{self, bound_by_truesize, eventually, get, mine};
use crate::support::sockets::{self, TcpPair, inode, tcp_pair};
use crate::support::ss;
use crate::support::tcp_packets::Wire;

fn unread_is_exact(address: &str, family: Family) {
    let mut pair = tcp_pair(address);
    pair.send(12_345);
    let snapshot = scan::run(&scan::port(pair.port));
    let report = get(&snapshot, inode(&pair.server));
    let socket = &report.socket;
    let endpoint = |address: std::net::SocketAddr| Endpoint::Ip { addr: address.ip(), port: address.port() };

    assert_eq!((socket.family, socket.protocol, socket.state), (family, Protocol::Tcp, State::Established));
    assert_eq!(socket.local, endpoint(pair.server.local_addr().expect("bound")));
    assert_eq!(socket.peer, endpoint(pair.client.local_addr().expect("bound")));
    assert_eq!(socket.recv_q, RecvQueue::Payload(Payload(12_345)));
    assert_eq!(socket.send_q, SendQueue::Payload(Payload(0)));
    assert_eq!(socket.uid, Some(rustix::process::geteuid().as_raw()));
    assert_eq!(socket.interface, None);
    assert_eq!(socket.tcp_info.and_then(|info| info.rcv_ooopack), Some(0));
    ss::assert_agrees(report);
    ss::assert_agrees(get(&snapshot, inode(&pair.client)));

    let received = &report.footprint.received;
    assert_eq!(received.payload, Some(Payload(12_345)));
    let charged = received.charged.expect("the kernel tells it").0;
    assert_eq!(Some(charged), socket.skmem.rmem_alloc.map(u64::from));
    assert!(charged > 12_345, "a charge of {charged} does not cover the payload");
    assert_eq!(report.footprint.certainty, Certainty::Exact);
    assert_eq!(report.footprint.sent.worst.expect("known").bytes, Bytes(0));

    assert_eq!(report.holding, Holding::Descriptors);
    assert_eq!(report.holders, [mine(&pair.server)]);
    assert_eq!(report.peer_holders, [mine(&pair.client)]);
    assert!(!report.is_shared());
}

#[test]
fn unread_over_ipv4() {
    unread_is_exact("127.0.0.1", Family::Ipv4);
}

#[test]
fn unread_over_ipv6() {
    unread_is_exact("::1", Family::Ipv6);
}

/// Twenty single bytes, each in a chunk of its own: between two of them, the sender fills the rest
/// of its chunk with data for a reader that drains. At most 21 packets, and 20 + 17 fragments.
#[test]
fn scattered_bytes_are_bounded_by_payload() {
    let (mut stalled, mut drained) = (tcp_pair("127.0.0.1"), tcp_pair("127.0.0.1"));
    stalled.client.set_nodelay(true).expect("a socket");
    for byte in 1..=20 {
        stalled.client.write_all(b"x").expect("the window is open");
        sockets::arrived(&stalled.server, byte);
        drained.send(32_767);
        sockets::drain(&drained.server, 32_767);
    }
    let snapshot = scan::run(&scan::port(stalled.port));
    let received = get(&snapshot, inode(&stalled.server)).footprint.received;
    assert_eq!(received.payload, Some(Payload(20)));
    let charged = received.charged.expect("known").0;
    let packets = (charged / 576).min(21);
    let fragments = 20 + u64::from(snapshot.host.max_skb_frags);
    assert!(packets >= 3, "{charged} B are too few packets for the payload to matter");
    let worst = received.worst.expect("known");
    assert_eq!(worst.bytes, Bytes(charged + (packets + fragments) * snapshot.host.chunk_size.0));
    assert_eq!((worst.basis, worst.saturated), (WorstBasis::Payload, false));
}

fn unsent_is_exact(address: &str) {
    let pair = tcp_pair(address);
    let written = sockets::fill(&pair.client);
    // The last acknowledgement may come late; then the two queues hold all that was written.
    eventually("both queues hold what was written", || {
        let snapshot = scan::run(&scan::port(pair.port));
        let (client, server) = (get(&snapshot, inode(&pair.client)), get(&snapshot, inode(&pair.server)));
        let unsent = client.footprint.sent.payload.expect("known").0;
        let unread = server.footprint.received.payload.expect("known").0;
        (unsent + unread == written).then_some(())
    });
    let snapshot = scan::run(&scan::port(pair.port));
    let client = get(&snapshot, inode(&pair.client));
    let sent = &client.footprint.sent;
    assert!(sent.payload > Some(Payload(0)), "the window never closed");
    assert_eq!(client.socket.send_q.size(), sent.payload.map(|payload| payload.0));
    assert_eq!(sent.charged.map(|charge| charge.0), client.socket.skmem.wmem_queued.map(u64::from));
    assert!(sent.charged.map(|c| c.0) >= sent.payload.map(|p| p.0), "{sent:?}");
    assert!(sent.worst.expect("known").bytes.0 > sent.charged.expect("known").0);
    assert_eq!(
        sockets::unread(&pair.server),
        get(&snapshot, inode(&pair.server)).socket.recv_q.size().unwrap()
    );
    // The client goes on to probe the closed window, and the server counts the probes as drops.
    let both = [inode(&pair.client), inode(&pair.server)];
    ss::assert_agrees_at_rest(|| scan::run(&scan::port(pair.port)), &both);
}

#[test]
fn unsent_over_ipv4() {
    unsent_is_exact("127.0.0.1");
}

#[test]
fn unsent_over_ipv6() {
    unsent_is_exact("::1");
}

/// A hole of 1000 bytes, then 3 packets of 500: nothing to read, and memory charged all the same.
#[test]
fn out_of_order_packets_are_charged_and_not_unread() {
    if !in_own_netns("tcp::out_of_order_packets_are_charged_and_not_unread") {
        return;
    }
    let wire = Wire::open();
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(10);
    let client = pair.client.local_addr().expect("bound").port();
    let seen = wire.wait_for(client, pair.port, 10);
    sockets::drain(&pair.server, 10);
    for at in 0..3 {
        wire.send_beyond(seen, 1000 + at * 500, 500);
    }
    let snapshot = eventually("three packets out of order", || {
        let snapshot = scan::run(&scan::port(pair.port));
        let info = get(&snapshot, inode(&pair.server)).socket.tcp_info;
        (info.and_then(|info| info.rcv_ooopack) == Some(3)).then_some(snapshot)
    });
    let report = get(&snapshot, inode(&pair.server));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(0)));
    let received = &report.footprint.received;
    assert_eq!(received.payload, Some(Payload(0)));
    let charged = received.charged.expect("known");
    assert!(charged >= Truesize(1500), "{charged:?} for 1500 bytes");
    let worst = received.worst.expect("known");
    assert_eq!(worst.basis, WorstBasis::Truesize);
    assert_eq!(worst.bytes, Bytes(bound_by_truesize(charged, &snapshot.host)));
    ss::assert_agrees(report);

    // Not idle: the default query shows it too.
    let mut default = skcheck_core::Query::default();
    default.port = Some(pair.port);
    get(&scan::run(&default), inode(&pair.server));

    // With unread data in front of the hole the payload must not be taken for a bound.
    pair.client.set_nodelay(true).expect("a socket");
    pair.send(5);
    let snapshot = scan::run(&scan::port(pair.port));
    let received = get(&snapshot, inode(&pair.server)).footprint.received;
    assert_eq!(received.payload, Some(Payload(5)));
    assert_eq!(received.worst.expect("known").basis, WorstBasis::Truesize);
}

fn after_fin(bytes: usize) -> (TcpPair, skcheck_core::Snapshot) {
    let mut pair = tcp_pair("127.0.0.1");
    if bytes > 0 {
        pair.send(bytes);
    }
    pair.finish();
    let snapshot = eventually("the FIN arrives", || {
        let snapshot = scan::run(&scan::port(pair.port));
        let state = get(&snapshot, inode(&pair.server)).socket.state;
        (state == State::CloseWait).then_some(snapshot)
    });
    (pair, snapshot)
}

#[test]
fn a_fin_is_no_payload() {
    let (pair, snapshot) = after_fin(0);
    let report = get(&snapshot, inode(&pair.server));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(1)));
    assert_eq!(report.footprint.received.payload, Some(Payload(0)));
    ss::assert_agrees(report);
}

#[test]
fn a_fin_behind_ten_bytes_leaves_ten() {
    let (pair, snapshot) = after_fin(10);
    let report = get(&snapshot, inode(&pair.server));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(11)));
    assert_eq!(report.footprint.received.payload, Some(Payload(10)));
    assert_eq!(sockets::unread(&pair.server), 10);
    ss::assert_agrees(report);

    let snapshot = eventually("the FIN is acknowledged", || {
        let snapshot = scan::run(&scan::port(pair.port));
        let state = get(&snapshot, inode(&pair.client)).socket.state;
        (state == State::FinWait2).then_some(snapshot)
    });
    let client = get(&snapshot, inode(&pair.client));
    assert_eq!(client.socket.shutdown.map(|s| (s.receive, s.send)), Some((false, true)));
    ss::assert_agrees(client);
}

/// Once the application has read the end of file, the kernel no longer counts the FIN.
#[test]
fn a_fin_that_was_read_is_not_taken_off_again() {
    let (pair, _) = after_fin(3);
    sockets::drain(&pair.server, 3);
    assert_eq!(std::io::Read::read(&mut &pair.server, &mut [0]).expect("end of file"), 0);
    pair.server.shutdown(Shutdown::Read).expect("connected");
    let snapshot = scan::run(&scan::port(pair.port));
    let report = get(&snapshot, inode(&pair.server));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(0)));
    assert_eq!(report.footprint.received.payload, Some(Payload(0)));
    ss::assert_agrees(report);
}
