//! Unix sockets: what waits at the reader, all of it, and what senders are charged for it.

use std::os::fd::OwnedFd;

use rustix::net::{RecvFlags, SendFlags, SocketType, sockopt};
use skcheck_core::engine::Queue;
use skcheck_core::{Certainty, Payload, SocketEntry};

use crate::measure::{ALL_PACKETS, exact, here, listed, listing, measured, scan, whole};
use crate::support::scan::{find, get};
use crate::support::sockets::{abstract_name, inode, send_unix, unix_pair, unix_socket};
use crate::turn;

/// What the kernel charges a sender.
fn charged(sender: &OwnedFd) -> u64 {
    listed(sender).socket.skmem.wmem_alloc.expect("told").into()
}

fn read(reader: &OwnedFd, bytes: usize) {
    let (read, _) = rustix::net::recv(reader, &mut vec![0; bytes], RecvFlags::empty()).expect("they wait");
    assert_eq!(read, bytes);
}

/// So many packets and bytes wait at the reader, and all that the senders are charged is for them.
fn assert_unread(reader: &OwnedFd, senders: &[&OwnedFd], packets: u64, bytes: u64) -> SocketEntry {
    let charged: u64 = senders.iter().map(|sender| charged(sender)).sum();
    let (report, exact) = measured(reader);
    let receive = whole(&exact, Queue::Receive);
    assert_eq!((receive.packets, receive.bytes), (packets, Payload(bytes)));
    assert_eq!(receive.truesize.0, charged);
    let received = &report.footprint.received;
    assert_eq!(received.payload, Some(Payload(bytes)));
    assert_eq!(received.charged, Some(receive.truesize));
    assert_eq!(report.footprint.certainty, Certainty::Exact);
    assert_eq!(exact.queues.len(), 1, "{:?}", exact.queues);
    report
}

#[test]
fn a_stream_read_in_part() {
    let Some(_turn) = turn::beside_others("unix::a_stream_read_in_part") else { return };
    let (writer, reader) = unix_pair(SocketType::STREAM);
    for bytes in [100, 20_000, 1] {
        send_unix(&writer, bytes);
    }
    assert_unread(&reader, &[&writer], 3, 20_101);
    read(&reader, 60);
    assert_unread(&reader, &[&writer], 3, 20_041);
    read(&reader, 10_040);
    assert_unread(&reader, &[&writer], 2, 10_001);
    let lengths: Vec<u64> = listing(&reader).packets.iter().map(|packet| packet.len.0).collect();
    assert_eq!(lengths, [10_000, 1]);
}

/// A large write lies in pages of its own, and is a packet for each 32 KiB or so.
#[test]
fn a_stream_of_large_writes() {
    let Some(_turn) = turn::beside_others("unix::a_stream_of_large_writes") else { return };
    let (writer, reader) = unix_pair(SocketType::STREAM);
    sockopt::set_socket_send_buffer_size_force(&writer, 8 << 20).expect("root may");
    send_unix(&writer, 3_000_000);
    let (report, exact) = measured(&reader);
    let receive = whole(&exact, Queue::Receive);
    assert_eq!(receive.bytes, Payload(3_000_000));
    assert_eq!(receive.truesize.0, charged(&writer));
    assert!(exact.pinned.0 + exact.slab.0 >= 3_000_000, "{exact:?}");
    assert!(exact.pinned <= report.footprint.received.worst.expect("known").bytes);
}

#[test]
fn a_seqpacket_read_in_part() {
    let Some(_turn) = turn::beside_others("unix::a_seqpacket_read_in_part") else { return };
    let (writer, reader) = unix_pair(SocketType::SEQPACKET);
    for bytes in [1, 1000, 70_000] {
        send_unix(&writer, bytes);
    }
    assert_unread(&reader, &[&writer], 3, 71_001);
    read(&reader, 1);
    // What does not fit is lost, and its packet with it.
    read(&reader, 10);
    assert_unread(&reader, &[&writer], 1, 70_000);
}

/// Every datagram, of every sender: also of one that is connected nowhere, and of one that is gone.
#[test]
fn datagrams_of_many_senders() {
    let Some(_turn) = turn::beside_others("unix::datagrams_of_many_senders") else { return };
    let (_, address) = abstract_name("exact-datagrams");
    let reader = unix_socket(SocketType::DGRAM);
    rustix::net::bind(&reader, &address).expect("the name is free");
    let [connected, stranger, gone] = [(); 3].map(|()| unix_socket(SocketType::DGRAM));
    [&connected, &gone].into_iter().for_each(|it| rustix::net::connect(it, &address).expect("bound"));
    send_unix(&connected, 0);
    send_unix(&connected, 5000);
    let sent = rustix::net::sendto(&stranger, &[b'x'; 300], SendFlags::empty(), &address);
    assert_eq!(sent.expect("bound"), 300);
    assert_unread(&reader, &[&connected, &stranger], 3, 5300);

    send_unix(&gone, 40_000);
    let with_all = charged(&connected) + charged(&stranger) + charged(&gone);
    drop(gone);
    let (report, exact) = measured(&reader);
    let receive = whole(&exact, Queue::Receive);
    assert_eq!((receive.packets, receive.bytes.0, receive.truesize.0), (4, 45_300, with_all));
    assert_eq!(report.footprint.received.charged, Some(receive.truesize));
    assert_eq!(report.footprint.certainty, Certainty::Exact);
}

/// A sender that is charged for several readers is counted at each for what waits there.
#[test]
fn one_sender_to_two_readers() {
    let Some(_turn) = turn::beside_others("unix::one_sender_to_two_readers") else { return };
    let sender = unix_socket(SocketType::DGRAM);
    let readers = ["exact-first", "exact-second"].map(|test| {
        let (_, address) = abstract_name(test);
        let reader = unix_socket(SocketType::DGRAM);
        rustix::net::bind(&reader, &address).expect("the name is free");
        (reader, address)
    });
    for ((_, address), bytes) in readers.iter().zip([1000, 2000]) {
        rustix::net::connect(&sender, address).expect("bound");
        send_unix(&sender, bytes);
    }
    let [first, second] = [&readers[0].0, &readers[1].0].map(measured);
    let [first, second] = [first.1, second.1].map(|exact| whole(&exact, Queue::Receive).clone());
    assert_eq!((first.bytes.0, second.bytes.0), (1000, 2000));
    assert_eq!(first.truesize.0 + second.truesize.0, charged(&sender));
    assert!(first.truesize < second.truesize);
}

/// Nothing to read, and memory all the same.
#[test]
fn empty_datagrams() {
    let Some(_turn) = turn::beside_others("unix::empty_datagrams") else { return };
    for kind in [SocketType::DGRAM, SocketType::SEQPACKET] {
        let (writer, reader) = unix_pair(kind);
        for _ in 0..7 {
            send_unix(&writer, 0);
        }
        let report = assert_unread(&reader, &[&writer], 7, 0);
        assert!(report.footprint.received.charged.expect("known").0 >= 7 * 576);
    }
}

/// Nothing in any table tells of these: the first datagram, which is what the table shows, has no payload,
/// and nobody is charged.
#[test]
fn behind_empty_datagrams_of_a_sender_that_is_gone() {
    let Some(_turn) = turn::beside_others("unix::behind_empty_datagrams_of_a_sender_that_is_gone") else {
        return;
    };
    let (writer, reader) = unix_pair(SocketType::DGRAM);
    for _ in 0..3 {
        send_unix(&writer, 0);
    }
    send_unix(&writer, 50_000);
    let charged = charged(&writer);
    drop(writer);
    // By default, as holding something; and by its size.
    let mut query = here();
    query.include_idle = false;
    query.min_charged = Some(charged);
    let snapshot = scan(&query, &ALL_PACKETS);
    let report = get(&snapshot, inode(&reader));
    let receive = whole(exact(report), Queue::Receive);
    assert_eq!((receive.packets, receive.bytes.0, receive.truesize.0), (4, 50_000, charged));
    assert_eq!(report.footprint.received.payload, Some(Payload(50_000)));
    query.min_charged = Some(charged + 1);
    assert!(find(&scan(&query, &ALL_PACKETS), inode(&reader)).is_none());
}
