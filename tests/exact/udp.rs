//! Unread datagrams: the kernel tells their memory, and only the walk tells how many they are and how
//! many bytes.

use std::net::UdpSocket;

use rustix::net::{AddressFamily, Protocol as Number, SocketType, ipproto, sockopt};
use skcheck_core::engine::{Limits, Queue};
use skcheck_core::{Direction, Payload, RecvQueue};

use crate::measure::{exact, here, listed, listing, measured, scan, whole};
use crate::support::loopback::send_each;
use crate::support::scan::get;
use crate::support::sockets::{inode, socket_of};
use crate::turn;

const DATAGRAMS: u64 = 50_000;

/// A socket that takes as many datagrams as a test sends, and a sender to it.
fn sockets(protocol: Option<Number>) -> (UdpSocket, UdpSocket) {
    let address = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0);
    let [reader, sender] = [(); 2].map(|()| {
        let socket = socket_of(AddressFamily::INET, SocketType::DGRAM, protocol);
        rustix::net::bind(&socket, &address).expect("a free port");
        UdpSocket::from(socket)
    });
    sockopt::set_socket_recv_buffer_size_force(&reader, 256 << 20).expect("root may");
    sender.connect(reader.local_addr().expect("bound")).expect("loopback");
    (reader, sender)
}

/// No two neighbours are alike, and some are empty.
fn length(datagram: u64) -> usize {
    (datagram % 301).try_into().expect("small")
}

fn send(sender: &UdpSocket, datagrams: std::ops::Range<u64>) -> u64 {
    let bytes = [b'x'; 301];
    let mut sent = 0;
    send_each(datagrams, |at| {
        sent += sender.send(&bytes[..length(at)]).expect("loopback takes it") as u64;
    });
    sent
}

/// What is in the queue is exactly this, and all that is charged belongs to it.
fn assert_unread(reader: &UdpSocket, packets: u64, bytes: u64) {
    let (listed, (report, exact)) = (listed(reader), measured(reader));
    let receive = whole(&exact, Queue::Receive);
    assert_eq!((receive.packets, receive.bytes), (packets, Payload(bytes)));
    assert_eq!(receive.truesize, exact.counters.rmem_alloc);
    assert_eq!(listed.socket.recv_q, RecvQueue::Truesize(receive.truesize));
    assert_eq!(exact.queues.len(), 1, "{:?}", exact.queues);
    // The walk replaces what the table does not tell.
    assert_eq!(report.footprint.received.payload, Some(Payload(bytes)));
    assert_eq!(exact.not_counted, 0);
}

#[test]
fn fifty_thousand_datagrams() {
    let Some(_turn) = turn::alone("udp::fifty_thousand_datagrams") else { return };
    let (reader, sender) = sockets(None);
    let bytes = send(&sender, 0..DATAGRAMS);
    assert_unread(&reader, DATAGRAMS, bytes);

    // A reader takes all of them off the queue that others fill, and gives memory back late.
    for at in 0..1000 {
        assert_eq!(reader.recv(&mut [0; 400]).expect("they wait"), length(at));
    }
    let read: u64 = (0..1000).map(|at| length(at) as u64).sum();
    assert_unread(&reader, DATAGRAMS - 1000, bytes - read);
    let more = send(&sender, 0..77);
    assert_unread(&reader, DATAGRAMS - 1000 + 77, bytes - read + more);
}

/// In the order in which they are read, those that the reader has taken off the queue first.
#[test]
fn datagrams_are_listed() {
    let Some(_turn) = turn::beside_others("udp::datagrams_are_listed") else { return };
    let (reader, sender) = sockets(None);
    send(&sender, 1..21);
    reader.recv(&mut [0; 400]).expect("they wait");
    send(&sender, 100..103);
    let listing = listing(&reader);
    let mut lengths: Vec<u64> = listing.packets.iter().map(|packet| packet.len.0).collect();
    let mut sent: Vec<u64> = (2..21).chain(100..103).collect();
    lengths.sort_unstable();
    sent.sort_unstable();
    assert_eq!(lengths, sent);
    assert!(listing.queues.iter().all(|end| end.complete && end.steady), "{:?}", listing.queues);
}

/// Datagrams above what a head takes lie in fragments of the sender's chunks.
#[test]
fn large_datagrams_lie_in_fragments() {
    let Some(_turn) = turn::beside_others("udp::large_datagrams_lie_in_fragments") else { return };
    let (reader, sender) = sockets(None);
    send_each(0..50, |_| {
        sender.send(&[b'x'; 60_000]).expect("loopback takes it");
    });
    assert_unread(&reader, 50, 3_000_000);
    let (_, exact) = measured(&reader);
    // Each byte lies in a page of its own socket, and no block is there for nothing.
    assert!(exact.pinned.0 + exact.slab.0 >= 3_000_000, "{exact:?}");
    assert!(exact.pinned.0 <= exact.truesize(Direction::Received).0 + 64 * 1024, "{exact:?}");
}

#[test]
fn more_datagrams_than_the_limit() {
    let Some(_turn) = turn::alone("udp::more_datagrams_than_the_limit") else { return };
    let (reader, sender) = sockets(None);
    let bytes = send(&sender, 0..DATAGRAMS);
    let snapshot = scan(&here(), &Limits::default());
    let report = get(&snapshot, inode(&reader));
    let exact = exact(report);
    let receive = exact.queue(Queue::Receive).expect("begun");
    assert!(!receive.complete && !exact.is_complete());
    assert_eq!(receive.packets, u64::from(Limits::PACKETS));
    assert_eq!(receive.bytes.0, (0..10_000).map(|at| length(at) as u64).sum::<u64>());
    assert!(receive.bytes.0 < bytes && receive.truesize < exact.counters.rmem_alloc);
    // A floor is no payload.
    assert_eq!(report.footprint.received.payload, None);
    let [of_one_less, of_all] = [DATAGRAMS - 1, DATAGRAMS].map(|packets| {
        let limits = Limits::new(packets.try_into().expect("small"), None);
        get(&scan(&here(), &limits), inode(&reader)).exact.as_ref().expect("walked").is_complete()
    });
    assert!(!of_one_less && of_all);
}

#[test]
fn udp_lite() {
    if !std::path::Path::new("/proc/net/udplite").exists() {
        return; // removed with Linux 7.0
    }
    let Some(_turn) = turn::beside_others("udp::udp_lite") else { return };
    let (reader, sender) = sockets(Some(ipproto::UDPLITE));
    let bytes = send(&sender, 0..500);
    assert_unread(&reader, 500, bytes);
    reader.recv(&mut [0; 400]).expect("they wait");
    assert_unread(&reader, 499, bytes);
}
