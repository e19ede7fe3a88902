//! Every queue of every family: a scan and `packets` say the same of it, under the same name.

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{TimestampingFlag, setsockopt, sockopt};
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto};
use skcheck_core::engine::Queue;
use skcheck_core::{Direction, Exact, HostFacts, PageSize, Payload, SocketEntry};

use crate::measure::{listing, measured};
use crate::out_of_order::with_holes;
use crate::packet_sockets::{packet_socket, send, veth};
use crate::sending::{cut_off, measured_at};
use crate::support::loopback::send_each;
use crate::support::scan::eventually;
use crate::support::sockets::{self, send_unix, socket_of, tcp_pair, unix_pair};
use crate::turn;

/// Whether a listing of this socket's packets says what a scan says of it, and has packets in these queues
/// and no others. What is acknowledged, probed or sent again between the two is another's business: they are
/// compared where a scan says the same before and after.
fn check_by(fd: &impl AsRawFd, scan: impl Fn() -> (SocketEntry, Exact), queues: &[Queue]) {
    let (report, exact, listing) = eventually("it has these queues, and nothing moves", || {
        let ((_, before), listing, (report, after)) = (scan(), listing(fd), scan());
        let names = after.queues.iter().map(|queue| queue.queue);
        let is_still = before.queues == after.queues && names.eq(queues.iter().copied());
        is_still.then_some((report, after, listing))
    });
    let page = PageSize(rustix::param::page_size() as u64);
    let (sums, _) = listing.sums(page);
    assert_eq!(sums.queues, exact.queues);
    for queue in Queue::ALL {
        let packets: Vec<_> = listing.of_queue(queue).filter(|packet| !packet.is_part).collect();
        let walked = exact.queue(queue);
        assert_eq!(packets.len() as u64, walked.map_or(0, |walked| walked.packets), "{queue:?}");
        let bytes: u64 = packets.iter().map(|packet| packet.len.0).sum();
        assert_eq!(bytes, walked.map_or(0, |walked| walked.bytes.0), "{queue:?}");
    }
    assert_eq!((sums.pinned, sums.send_pinned), (exact.pinned, exact.send_pinned));
    assert_eq!((sums.slab, sums.send_slab), (exact.slab, exact.send_slab));
    assert_eq!(sums.counters.errors, exact.counters.errors);
    // What is unread, unsent and charged comes from the same numbers.
    let footprint = listing.footprint(&sums, &HostFacts::assumed(page));
    let told = |of: &skcheck_core::Footprint| {
        (of.received.payload, of.received.charged, of.sent.payload, of.sent.charged)
    };
    assert_eq!(told(&footprint), told(&report.footprint));
    // Nothing but the receive queue is unread, whatever else is there.
    let unread = exact.queue(Queue::Receive).map_or(Payload(0), |queue| queue.bytes);
    assert_eq!(report.footprint.received.payload, Some(unread));
    assert!(exact.is_whole(&report.socket), "{exact:?}");
}

fn check(fd: &(impl AsFd + AsRawFd), queues: &[Queue]) {
    check_by(fd, || measured(fd), queues);
}

#[test]
fn of_tcp() {
    let Some(_turn) = turn::beside_others("queues::of_tcp") else { return };
    let mut read = tcp_pair("127.0.0.1");
    read.send(5000);
    check(&read.server, &[Queue::Receive]);
    let holes = with_holes(3, 100);
    check(&holes.server, &[Queue::Receive, Queue::OutOfOrder]);
    let written = tcp_pair("::1");
    sockets::fill(&written.client);
    check(&written.client, &[Queue::Write]);
    check(&written.server, &[Queue::Receive]);
    let ([here, _there], client, _server) = cut_off("queues", 5000);
    let is_sent = || measured_at(&client, &here).1.queue(Queue::Write).is_none();
    eventually("all is sent", || is_sent().then_some(()));
    check_by(&client, || measured_at(&client, &here), &[Queue::Retransmit]);
}

/// Time stamps beside data to read and data that is not taken.
#[test]
fn errors_of_tcp() {
    let Some(_turn) = turn::beside_others("queues::errors_of_tcp") else { return };
    let pair = tcp_pair("127.0.0.1");
    let wanted = TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    setsockopt(&pair.client, sockopt::Timestamping, &wanted).expect("it is a socket");
    (&pair.server).write_all(&[b'x'; 300]).expect("the window is open");
    sockets::arrived(&pair.client, 300);
    (&pair.client).write_all(&[b'x'; 100]).expect("the window is open");
    eventually("it is acknowledged", || {
        let listed = crate::measure::listed(&pair.client);
        (listed.socket.send_q.size() == Some(0)).then_some(())
    });
    check(&pair.client, &[Queue::Receive, Queue::Error]);
    sockets::fill(&pair.client);
    check(&pair.client, &[Queue::Receive, Queue::Error, Queue::Write]);
}

#[allow(unsafe_code)] // no library that the tests have knows SO_ZEROCOPY
fn allow_zero_copy(socket: &impl AsRawFd) {
    let (on, length) = (1i32, size_of::<i32>().try_into().expect("small"));
    // SAFETY: the value is as long as is said.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ZEROCOPY,
            (&raw const on).cast(),
            length,
        )
    };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// A note that the pages of MSG_ZEROCOPY are given back is charged to option memory, and adds up all the
/// same.
#[test]
fn notes_of_zero_copy() {
    let Some(_turn) = turn::beside_others("queues::notes_of_zero_copy") else { return };
    let pair = tcp_pair("127.0.0.1");
    rustix::net::sockopt::set_socket_recv_buffer_size(&pair.server, 1 << 20).expect("a socket");
    allow_zero_copy(&pair.client);
    let flags = SendFlags::from_bits_retain(libc::MSG_ZEROCOPY.cast_unsigned());
    assert_eq!(rustix::net::send(&pair.client, &[b'x'; 20_000], flags), Ok(20_000));
    sockets::drain(&pair.server, 20_000);
    sockets::fill(&pair.client);
    let (report, exact) = eventually("the pages are given back", || {
        let measured = measured(&pair.client);
        measured.1.queue(Queue::Error).is_some().then_some(measured)
    });
    let notes = exact.queue(Queue::Error).expect("there is one");
    assert!(notes.complete && !notes.approximate, "{exact:?}");
    assert_eq!((notes.packets, notes.in_options), (1, notes.truesize));
    assert_eq!(report.footprint.received.charged, Some(exact.truesize(Direction::Received)));
    check(&pair.client, &[Queue::Error, Queue::Write]);
}

#[test]
fn of_udp() {
    let Some(_turn) = turn::beside_others("queues::of_udp") else { return };
    let [reader, sender] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a free port"));
    send_each(1..4, |bytes| {
        let bytes = usize::try_from(bytes).expect("small");
        sender.send_to(&vec![b'x'; bytes], reader.local_addr().expect("bound")).expect("loopback");
    });
    check(&reader, &[Queue::Receive]);
    setsockopt(&reader, sockopt::Ipv4RecvErr, &true).expect("a socket");
    send_each(0..1, |_| {
        reader.send_to(&[b'x'; 500], "127.0.0.1:9").ok();
    });
    check(&reader, &[Queue::Receive, Queue::Error]);
    // More is to come, so it is not sent yet.
    sender.connect(reader.local_addr().expect("bound")).expect("loopback");
    rustix::net::send(&sender, &[b'x'; 700], SendFlags::MORE).expect("it is kept");
    check(&sender, &[Queue::Write]);
}

#[test]
fn of_unix_sockets() {
    let Some(_turn) = turn::beside_others("queues::of_unix_sockets") else { return };
    for kind in [SocketType::STREAM, SocketType::DGRAM, SocketType::SEQPACKET] {
        let (reader, writer) = unix_pair(kind);
        [10, 4000, 1].iter().for_each(|bytes| send_unix(&writer, *bytes));
        check(&reader, &[Queue::Receive]);
    }
}

#[test]
fn of_others() {
    let Some(_turn) = turn::beside_others("queues::of_others") else { return };
    let raw = socket_of(AddressFamily::INET, SocketType::RAW, Some(ipproto::UDP));
    let to = SocketAddr::from(([127, 0, 0, 1], 9));
    send_each(0..3, |_| {
        UdpSocket::bind("127.0.0.1:0").expect("a port").send_to(&[b'x'; 100], to).expect("loopback");
    });
    // Without the kernel's module raw_diag nothing names it to the engine.
    if crate::measure::listed(&raw).socket.cookie.is_some() {
        check(&raw, &[Queue::Receive]);
    }
    let mut netlink = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE).expect("a socket");
    netlink.bind_auto().expect("any address");
    netlink.add_membership(1).expect("RTNLGRP_LINK");
    veth();
    check(&netlink, &[Queue::Receive]);
    let packet = packet_socket("far");
    send(10);
    check(&packet, &[Queue::Receive]);
}
