//! Unix sockets with data: queues in their own units, memory at the sender's row.

use std::os::fd::OwnedFd;

use rustix::net::SocketType;
use skcheck_core::{
    Bytes, Certainty, Endpoint, Family, Payload, Protocol, Query, RecvQueue, SendQueue, SocketEntry, State,
    Truesize, WorstBasis,
};

use crate::support::child::Sleeper;
use crate::support::scan::{self, bound_by_truesize, find, get, mine};
use crate::support::sockets::{abstract_name, inode, send_unix, unix_pair, unix_pair_state, unix_socket};
use crate::support::ss;

/// A writer that has sent three times 100 bytes to its peer, and a scan of both.
fn three_messages(kind: SocketType) -> (OwnedFd, OwnedFd, skcheck_core::Snapshot) {
    let (writer, reader) = unix_pair(kind);
    for _ in 0..3 {
        send_unix(&writer, 100);
    }
    let snapshot = scan::run(&scan::unix_only());
    (writer, reader, snapshot)
}

fn charge_of(report: &SocketEntry) -> Truesize {
    Truesize(report.socket.skmem.wmem_alloc.expect("told").into())
}

fn check(kind: SocketType, protocol: Protocol, recv_q: RecvQueue, unread: Option<Payload>) {
    let (writer, reader, snapshot) = three_messages(kind);
    let (sender, receiver) = (get(&snapshot, inode(&writer)), get(&snapshot, inode(&reader)));
    assert_eq!((receiver.socket.family, receiver.socket.protocol), (Family::Unix, protocol));
    assert_eq!(receiver.socket.state, unix_pair_state(protocol));
    assert_eq!(receiver.socket.recv_q, recv_q);
    assert_eq!(receiver.socket.peer_inode, Some(inode(&writer)));
    assert_eq!(receiver.socket.uid, Some(rustix::process::geteuid().as_raw()));
    ss::assert_agrees(receiver);
    ss::assert_agrees(sender);

    // Three packets, charged to the sender, are carried by the reader's row.
    let charge = charge_of(sender);
    assert!(charge >= Truesize(3 * 576), "{charge:?} is too little for three packets");
    assert_eq!(sender.socket.send_q, SendQueue::Truesize(charge));
    assert_eq!(receiver.socket.skmem.rmem_alloc, Some(0));
    let received = &receiver.footprint.received;
    assert_eq!((received.payload, received.charged), (unread, Some(charge)));
    let certainty = match protocol {
        Protocol::UnixDatagram => Certainty::Estimate,
        _ => Certainty::Floor,
    };
    assert_eq!(receiver.footprint.certainty, certainty);
    assert_eq!(sender.footprint.sent.charged, Some(charge));
    let worst = received.worst.expect("known");
    match protocol {
        Protocol::UnixStream => assert!(worst.bytes.0 <= bound_by_truesize(charge, &snapshot.host)),
        _ => {
            assert_eq!(worst.basis, WorstBasis::Truesize);
            assert_eq!(worst.bytes, Bytes(bound_by_truesize(charge, &snapshot.host)));
        }
    }
    assert_eq!(
        (&receiver.holders[..], &receiver.peer_holders[..]),
        (&[mine(&reader)][..], &[mine(&writer)][..])
    );
    assert_eq!((&sender.holders[..], &sender.peer_holders[..]), (&[mine(&writer)][..], &[mine(&reader)][..]));
    // What waits at the reader is not the writer's to read.
    assert_ne!(sender.footprint.received.charged, Some(charge));
}

#[test]
fn stream() {
    let unread = Payload(300);
    check(SocketType::STREAM, Protocol::UnixStream, RecvQueue::Payload(unread), Some(unread));
}

#[test]
fn seqpacket() {
    let unread = Payload(300);
    check(SocketType::SEQPACKET, Protocol::UnixSeqpacket, RecvQueue::Payload(unread), Some(unread));
}

/// The kernel tells the first datagram's length alone: how much is unread, nobody knows.
#[test]
fn datagram() {
    let first = RecvQueue::FirstDatagram(Payload(100));
    check(SocketType::DGRAM, Protocol::UnixDatagram, first, None);
}

#[test]
fn an_idle_stream_holds_nothing() {
    let (one, _other) = unix_pair(SocketType::STREAM);
    let snapshot = scan::run(&scan::unix_only());
    let report = get(&snapshot, inode(&one));
    let received = &report.footprint.received;
    assert_eq!((received.payload, received.charged), (Some(Payload(0)), Some(Truesize(0))));
    assert_eq!(report.footprint.certainty, Certainty::Exact);
    assert!(find(&scan::run(&Query::default()), inode(&one)).is_none());
}

/// Connected datagram writers, several to one bound reader: the reader's row carries the sum.
#[test]
fn many_writers_to_one_reader() {
    let (name, address) = abstract_name("many-writers");
    let reader = unix_socket(SocketType::DGRAM);
    rustix::net::bind(&reader, &address).expect("the name is free");
    let writers: Vec<OwnedFd> = (1..=4)
        .map(|bytes| {
            let writer = unix_socket(SocketType::DGRAM);
            rustix::net::connect(&writer, &address).expect("bound");
            send_unix(&writer, bytes * 1000);
            writer
        })
        .collect();
    let snapshot = scan::run(&Query::default());
    let charges: Vec<Truesize> = writers.iter().map(|w| charge_of(get(&snapshot, inode(w)))).collect();
    assert!(charges.iter().all(|charge| charge.0 > 1000), "{charges:?}");
    let report = get(&snapshot, inode(&reader));
    assert_eq!(report.socket.recv_q, RecvQueue::FirstDatagram(Payload(1000)));
    assert_eq!(report.footprint.received.charged, Some(Truesize(charges.iter().map(|c| c.0).sum())));
    assert_eq!(report.footprint.certainty, Certainty::Estimate);
    assert_eq!(report.socket.local, Endpoint::Abstract(name.clone()));
    for writer in &writers {
        assert_eq!(get(&snapshot, inode(writer)).socket.peer, Endpoint::Abstract(name.clone()));
        assert_eq!(get(&snapshot, inode(writer)).peer_holders, [mine(&reader)]);
    }

    // `--min-charged` finds the reader by what its writers are charged.
    let mut query = scan::unix_only();
    query.min_charged = report.footprint.received.charged.map(|charge| charge.0);
    let snapshot = scan::run(&query);
    assert!(find(&snapshot, inode(&reader)).is_some());
    assert!(find(&snapshot, inode(&writers[0])).is_none());
}

/// A writer that was connected elsewhere before is charged for what it left there too: the sum at the
/// reader that it is connected to now is more than that one's queue, so it is no floor.
#[test]
fn a_datagram_writer_that_has_moved_on() {
    let [first, second] = ["moved-from", "moved-to"].map(|test| {
        let (_, address) = abstract_name(test);
        let reader = unix_socket(SocketType::DGRAM);
        rustix::net::bind(&reader, &address).expect("the name is free");
        (reader, address)
    });
    let writer = unix_socket(SocketType::DGRAM);
    rustix::net::connect(&writer, &first.1).expect("bound");
    for _ in 0..5 {
        send_unix(&writer, 1000);
    }
    rustix::net::connect(&writer, &second.1).expect("bound");
    send_unix(&writer, 1);
    let snapshot = scan::run(&Query::default());
    let charged = charge_of(get(&snapshot, inode(&writer)));
    assert!(charged > Truesize(5000), "{charged:?}");
    let report = get(&snapshot, inode(&second.0));
    assert_eq!(report.socket.recv_q, RecvQueue::FirstDatagram(Payload(1)));
    assert_eq!(report.footprint.received.charged, Some(charged));
    assert_eq!(report.footprint.certainty, Certainty::Estimate);
    let report = get(&snapshot, inode(&first.0));
    assert_eq!(report.socket.recv_q, RecvQueue::FirstDatagram(Payload(1000)));
    assert_eq!(report.footprint.received.charged, None, "nobody is known to be charged for it");
}

/// The first datagram is empty, so the reader's own record shows nothing at all.
#[test]
fn a_reader_behind_an_empty_datagram_is_reported() {
    let (writer, reader) = unix_pair(SocketType::DGRAM);
    send_unix(&writer, 0);
    send_unix(&writer, 5000);
    let snapshot = scan::run(&Query::default());
    let report = get(&snapshot, inode(&reader));
    assert_eq!(report.socket.recv_q, RecvQueue::FirstDatagram(Payload(0)));
    assert_eq!(report.footprint.received.payload, None);
    assert_eq!(report.footprint.received.charged, Some(charge_of(get(&snapshot, inode(&writer)))));
}

/// Who was charged is gone: the charge is unknown, and not 0.
#[test]
fn the_sender_has_closed() {
    for kind in [SocketType::STREAM, SocketType::DGRAM, SocketType::SEQPACKET] {
        let (writer, reader) = unix_pair(kind);
        send_unix(&writer, 100);
        drop(writer);
        let snapshot = scan::run(&Query::default());
        let report = get(&snapshot, inode(&reader));
        assert_eq!(report.socket.recv_q.size(), Some(100), "{kind:?}");
        let received = &report.footprint.received;
        assert_eq!((received.charged, received.worst), (None, None), "{kind:?}");
        assert_eq!((&report.peer_holders[..], report.socket.peer_inode), (&[][..], None), "{kind:?}");
        ss::assert_agrees(report);
    }
}

/// A writer that never connected leaves no trace of where its datagrams went.
#[test]
fn the_sender_never_connected() {
    let (_, address) = abstract_name("never-connected");
    let reader = unix_socket(SocketType::DGRAM);
    rustix::net::bind(&reader, &address).expect("the name is free");
    let writer = unix_socket(SocketType::DGRAM);
    rustix::net::sendto(&writer, &[b'x'; 100], rustix::net::SendFlags::empty(), &address).expect("bound");
    let snapshot = scan::run(&Query::default());
    let report = get(&snapshot, inode(&reader));
    assert_eq!(report.socket.recv_q, RecvQueue::FirstDatagram(Payload(100)));
    assert_eq!(report.footprint.received.charged, None);
    // The writer, unbound and unconnected, is in the table and shows its charge.
    let report = get(&snapshot, inode(&writer));
    assert_eq!((report.socket.state, &report.socket.local), (State::Close, &Endpoint::Unnamed));
    assert!(charge_of(report) >= Truesize(576));
    ss::assert_agrees(report);
}

#[test]
fn both_ends_name_each_others_process() {
    let (here, there) = unix_pair(SocketType::STREAM);
    send_unix(&here, 10);
    let reader = inode(&there);
    let sleeper = Sleeper::holding(there);
    let snapshot = scan::run(&Query::default());
    let theirs = skcheck_core::Holder::new(sleeper.pid(), Sleeper::FD);
    assert_eq!(get(&snapshot, reader).holders, [theirs]);
    assert_eq!(get(&snapshot, reader).peer_holders, [mine(&here)]);
    assert_eq!(get(&snapshot, inode(&here)).peer_holders, [theirs]);
    let process = snapshot.process(sleeper.pid()).expect("holders are described");
    assert_eq!(process.comm.as_deref(), Some(&b"sleep"[..]));
    assert_eq!(process.cmdline, Some(vec![b"sleep".to_vec(), b"300".to_vec()]));
    assert_eq!(process.uid, Some(rustix::process::getuid().as_raw()));
    assert!(process.start_time.is_some());
}
