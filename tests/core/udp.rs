//! UDP and UDP-Lite: the kernel counts memory, not payload.

use std::net::{SocketAddr, UdpSocket};

use rustix::net::{AddressFamily, SocketType, ipproto};
use skcheck_core::{
    Bytes, Endpoint, Family, Payload, Protocol, Query, RecvQueue, SendQueue, State, Truesize, WorstBasis,
};

use crate::support::loopback::{send_each, settle};
use crate::support::scan::{self, bound_by_truesize, get, mine};
use crate::support::sockets::{inode, socket_of};
use crate::support::ss;

/// A reader, and a sender that has sent it five datagrams of 10 bytes.
fn five_datagrams(address: &str, protocol: Option<rustix::net::Protocol>) -> (UdpSocket, UdpSocket, u16) {
    let address: SocketAddr = address.parse().expect("an address");
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = || {
        let socket = socket_of(family, SocketType::DGRAM, protocol);
        rustix::net::bind(&socket, &address).expect("a free port");
        UdpSocket::from(socket)
    };
    let (reader, sender) = (socket(), socket());
    let to = reader.local_addr().expect("bound");
    send_each(0..5, |_| {
        sender.send_to(b"0123456789", to).expect("loopback takes it");
    });
    (reader, sender, to.port())
}

fn memory_is_exact(address: &str, family: Family, protocol: Protocol) {
    let number = (protocol == Protocol::UdpLite).then_some(ipproto::UDPLITE);
    let (reader, _sender, port) = five_datagrams(address, number);
    let snapshot = scan::run(&scan::port(port));
    let report = get(&snapshot, inode(&reader));
    let socket = &report.socket;
    assert_eq!((socket.family, socket.protocol, socket.state), (family, protocol, State::Close));
    let local = reader.local_addr().expect("bound");
    assert_eq!(socket.local, Endpoint::Ip { addr: local.ip(), port });
    let charged = Truesize(socket.skmem.rmem_alloc.expect("told").into());
    assert_eq!(socket.recv_q, RecvQueue::Truesize(charged));
    assert_eq!(socket.send_q, SendQueue::Truesize(Truesize(0)));
    assert!(charged >= Truesize(5 * 576), "{charged:?} is too little for five packets");
    let received = &report.footprint.received;
    assert_eq!((received.payload, received.charged), (None, Some(charged)));
    let worst = received.worst.expect("known");
    assert_eq!(worst.basis, WorstBasis::Truesize);
    assert_eq!(worst.bytes, Bytes(bound_by_truesize(charged, &snapshot.host)));
    assert_eq!(report.holders, [mine(&reader)]);
    if protocol == Protocol::Udp {
        ss::assert_agrees(report);
    }
}

#[test]
fn over_ipv4() {
    memory_is_exact("127.0.0.1:0", Family::Ipv4, Protocol::Udp);
}

#[test]
fn over_ipv6() {
    memory_is_exact("[::1]:0", Family::Ipv6, Protocol::Udp);
}

#[test]
fn udp_lite() {
    let tables = ["/proc/net/udplite", "/proc/net/udplite6"];
    if !tables.iter().all(|table| std::path::Path::new(table).exists()) {
        return; // removed with Linux 7.0
    }
    memory_is_exact("127.0.0.1:0", Family::Ipv4, Protocol::UdpLite);
    memory_is_exact("[::1]:0", Family::Ipv6, Protocol::UdpLite);
}

/// Empty datagrams hold memory and no payload.
#[test]
fn an_empty_datagram_is_seen() {
    let reader = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let to = reader.local_addr().expect("bound");
    UdpSocket::bind("127.0.0.1:0").expect("a free port").send_to(b"", to).expect("loopback takes it");
    settle();
    let mut query = Query::default();
    query.port = Some(to.port());
    let snapshot = scan::run(&query);
    assert_eq!(get(&snapshot, inode(&reader)).footprint.received.payload, None);
}

#[test]
fn an_idle_socket_has_nothing_unread() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.connect("127.0.0.1:9").expect("no packet is sent");
    let snapshot = scan::run(&scan::port(socket.local_addr().expect("bound").port()));
    let report = get(&snapshot, inode(&socket));
    assert_eq!(report.socket.state, State::Established);
    assert_eq!(report.socket.peer.port(), Some(9));
    let received = &report.footprint.received;
    assert_eq!((received.payload, received.charged), (Some(Payload(0)), Some(Truesize(0))));
    assert_eq!(received.worst.expect("known").bytes, Bytes(0));
}

/// A reader that takes one of five: the kernel gives the memory back later (`forward_deficit`), so
/// Recv-Q is less than what is charged.
#[test]
fn recv_q_leaves_out_what_was_read_and_is_still_charged() {
    let (reader, _sender, port) = five_datagrams("127.0.0.1:0", None);
    reader.recv(&mut [0; 16]).expect("five wait");
    let snapshot = scan::run(&scan::port(port));
    let report = get(&snapshot, inode(&reader));
    let charged = report.footprint.received.charged.expect("known").0;
    let recv_q = report.socket.recv_q.size().expect("told");
    assert!(0 < recv_q && recv_q <= charged, "Recv-Q {recv_q}, charged {charged}");
    ss::assert_agrees(report);
}
