//! A raw socket that never reads.

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto};
use skcheck_core::Protocols;
use skcheck_core::{
    Endpoint, Family, Missing, Payload, Protocol, RecvQueue, SendQueue, State, Truesize, WorstBasis,
};

use crate::support::loopback::send_each;
use crate::support::netns::in_own_netns;
use crate::support::scan::{self, get, mine};
use crate::support::sockets::{inode, socket_of};
use crate::support::ss;

/// An echo request of 64 bytes.
fn echo_request() -> [u8; 64] {
    let mut message = [b'x'; 64];
    message[..8].copy_from_slice(&[8, 0, 0, 0, 0, 1, 0, 1]);
    let words = message.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum = words.sum::<u32>();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).expect("folded");
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// It gets its own requests and the answers, until it is full.
#[test]
fn icmp_that_nobody_reads() {
    if !in_own_netns("raw::icmp_that_nobody_reads") {
        return;
    }
    let idle = socket_of(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6));
    let socket = socket_of(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP));
    let to = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    send_each(0..2000, |_| {
        rustix::net::sendto(&socket, &echo_request(), SendFlags::empty(), &to).expect("loopback takes it");
    });
    let mut query = scan::here();
    let snapshot = scan::run(&query);
    let report = get(&snapshot, inode(&socket));
    let found = &report.socket;
    assert_eq!((found.family, found.protocol, found.state), (Family::Ipv4, Protocol::Raw, State::Close));
    assert_eq!(found.local, Endpoint::Raw { addr: [0, 0, 0, 0].into(), protocol: 1 });
    let charged = report.footprint.received.charged.expect("told");
    assert!(charged >= Truesize(100_000), "{charged:?} is not a full queue");
    assert_eq!(found.recv_q, RecvQueue::Truesize(charged));
    assert_eq!(found.send_q, SendQueue::Truesize(Truesize(0)));
    let received = &report.footprint.received;
    assert_eq!((received.payload, received.worst.expect("bounded").basis), (None, WorstBasis::Truesize));
    assert_eq!(report.holders, [mine(&socket)]);
    let six = get(&snapshot, inode(&idle));
    assert_eq!(
        six.socket.local,
        Endpoint::Raw { addr: std::net::Ipv6Addr::UNSPECIFIED.into(), protocol: 58 }
    );
    assert_eq!(six.footprint.received.payload, Some(Payload(0)));
    ss::assert_queues(report, &["-w", "-4"], "0.0.0.0:icmp");
    ss::assert_queues(six, &["-w", "-6"], "*:ipv6-icmp");

    // Without its module /proc/net tells of them, and that is said.
    let has_module = found.cookie.is_some();
    let details: Vec<_> = snapshot.gaps.iter().filter(|gap| gap.what == Missing::TableDetail).collect();
    let of_raw =
        |version: &str| details.iter().any(|gap| gap.place.to_string() == format!("raw over {version}"));
    assert_eq!((of_raw("IPv4"), of_raw("IPv6")), (!has_module, !has_module), "{details:?}");
    assert_eq!(found.skmem.rcvbuf.is_some(), has_module);
    query.ipv6 = false;
    assert!(scan::find(&scan::run(&query), inode(&idle)).is_none());
    query.protocols -= Protocols::RAW;
    assert!(scan::find(&scan::run(&query), inode(&socket)).is_none());
}
