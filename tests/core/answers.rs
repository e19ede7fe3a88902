//! Whole scans of kernels whose answers are broken, cut, late, repeated, or somebody else's.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use skcheck_core::{
    Bytes, ErrorKind, Holder, Holding, Missing, Payload, Place, Query, RecvQueue, Table, Truesize, scan,
};

use crate::made_up::{count, inode, inodes, tcp_only, tcp4};
use crate::support::made_up::{Answer, MadeUp, Request};
use crate::support::messages::{self, DUMP_INTR, INFO, Inet, MULTI, SKMEMINFO, done, message, words};
use crate::support::scan::{everything, get};

/// The kernel marks a dump that a change disturbed: once is asked again, always is a gap.
#[test]
fn interrupted_dumps() {
    for disturbed in [1, u32::MAX] {
        let dumps = AtomicU32::new(0);
        let host = tcp4(move |sequence| {
            dumps.fetch_add(1, Ordering::Relaxed);
            let flags = if dumps.load(Ordering::Relaxed) <= disturbed { MULTI | DUMP_INTR } else { MULTI };
            let socket = Inet::numbered(1).recv_q(10).payload();
            vec![message(messages::BY_FAMILY, flags, sequence, &socket), done(sequence, 0)]
        });
        let snapshot = scan(&host, &tcp_only()).expect("it answers");
        assert_eq!(inodes(&snapshot), [1], "counted once");
        let expected = (disturbed == u32::MAX).then_some(None);
        assert_eq!(count(&snapshot, Missing::Consistency), expected);
        assert!(host.asked.lock().expect("no panic").iter().filter(|request| request.is_tcp4()).count() <= 6);
    }
}

/// A datagram that was larger than the buffer ends the answer: asked again, and then a gap.
#[test]
fn cut_answers() {
    let host = MadeUp::new().kernel(|request| {
        let datagrams = vec![Inet::numbered(1).recv_q(10).dumped(request.sequence)];
        request.is_tcp4().then_some(Answer { datagrams, end: io::ErrorKind::InvalidData })
    });
    let snapshot = scan(&host, &tcp_only()).expect("what came is reported");
    assert_eq!(inodes(&snapshot), [1], "counted once");
    assert_eq!(count(&snapshot, Missing::Consistency), Some(None));
    assert_eq!(count(&snapshot, Missing::ClosedHeldUnknown), Some(None));
    assert_eq!(snapshot.unlisted_tcp_mem, None);
    assert_eq!(host.asked.lock().expect("no panic").iter().filter(|request| request.is_tcp4()).count(), 3);
}

/// A kernel that falls silent in one table costs that table.
#[test]
fn silent_answers() {
    let host = MadeUp::new().kernel(|request| {
        let n = request.sequence;
        if request.is_unix() {
            return Some(Answer::of([message(messages::BY_FAMILY, MULTI, n, &messages::unix(1, 1, 5, &[]))]));
        }
        request.is_tcp4().then(|| Answer::of([Inet::numbered(1).recv_q(10).dumped(n), done(n, 0)]))
    });
    let snapshot = scan(&host, &everything()).expect("tcp answers");
    assert!(inodes(&snapshot).contains(&1));
    let gap = snapshot.gaps.iter().find(|gap| gap.what == Missing::Table).expect("a gap");
    assert_eq!(gap.place, Place::Table(Table::Unix));
    // Silent in the very first: there is no table, and nothing to fall back to.
    let host = MadeUp::new().kernel(|_| Some(Answer::of([])));
    assert_eq!(scan(&host, &everything()).expect_err("no table").kind(), ErrorKind::NoTables);
    assert!(
        host.asked.lock().expect("no panic").len() <= 3,
        "asked {} times",
        host.asked.lock().expect("no panic").len()
    );
}

/// One message of a wrong family and one that is too short, between good ones.
#[test]
fn bad_messages_cost_themselves_alone() {
    let host = tcp4(|n| {
        let mut foreign = Inet::numbered(3).payload();
        foreign[0] = 77;
        let bad = [
            message(messages::BY_FAMILY, MULTI, n, &foreign),
            message(messages::BY_FAMILY, MULTI, n, &[2, 1]),
        ];
        let unknown = message(99, MULTI, n, b"what is this");
        let good = |number| Inet::numbered(number).dumped(n);
        let first = [good(1), bad[0].clone(), good(2), bad[1].clone(), unknown, good(4)].concat();
        vec![first, good(5), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(inodes(&snapshot), [1, 2, 4, 5]);
    assert_eq!(count(&snapshot, Missing::Messages), Some(Some(3)));
}

/// A datagram is cut in its last message: what stands before it and behind it is read.
#[test]
fn a_cut_datagram_costs_its_last_message() {
    let host = tcp4(|n| {
        let mut cut = [Inet::numbered(1).dumped(n), Inet::numbered(2).dumped(n)].concat();
        cut.truncate(cut.len() - 8);
        vec![cut, Inet::numbered(3).dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(inodes(&snapshot), [1, 3]);
    assert_eq!(count(&snapshot, Missing::Messages), Some(Some(1)));
}

#[test]
fn a_bad_attribute_costs_itself_alone() {
    let host = tcp4(|n| {
        let memory = words(&[4096, 1, 2, 3, 4, 5, 6, 7, 8]);
        let mut socket = Inet::numbered(1).recv_q(9).with(SKMEMINFO, &memory);
        socket.attributes.extend([0xff, 0xff, 7, 0]); // a length beyond the message
        vec![socket.dumped(n), Inet::numbered(2).dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(get(&snapshot, inode(1)).socket.skmem.drops, Some(8));
    assert_eq!(inodes(&snapshot), [1, 2]);
    assert_eq!(count(&snapshot, Missing::Attributes), Some(Some(1)));
}

#[test]
fn repeats_are_counted_once() {
    let host = tcp4(|n| {
        let one = Inet::numbered(1).recv_q(5).dumped(n);
        vec![[one.clone(), Inet::numbered(2).recv_q(5).dumped(n), one.clone()].concat(), one, done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    assert_eq!(inodes(&snapshot), [1, 2]);
    assert_eq!(snapshot.totals().unread, Payload(10));
}

/// A unix writer that is dumped twice is charged once.
#[test]
fn repeated_writers_are_charged_once() {
    let host = MadeUp::new().kernel(|request| {
        let n = request.sequence;
        let memory =
            |charge| messages::attribute(messages::UNIX_MEMINFO, &words(&[0, 1, charge, 1, 0, 0, 0, 0, 0]));
        let peer = |number| messages::attribute(messages::UNIX_PEER, &words(&[number]));
        let queue = |bytes| messages::attribute(messages::UNIX_RQLEN, &words(&[bytes, 0]));
        let writer = messages::unix(1, 1, 10, &[memory(768), peer(11), queue(0)]);
        let reader = messages::unix(1, 1, 11, &[memory(0), peer(10), queue(5)]);
        let dumped =
            [&writer, &reader, &writer].map(|payload| message(messages::BY_FAMILY, MULTI, n, payload));
        request.is_unix().then(|| Answer::of([dumped.concat(), done(n, 0)]))
    });
    let snapshot = scan(&host, &Query::default()).expect("it answers");
    assert_eq!(inodes(&snapshot), [11]);
    assert_eq!(get(&snapshot, inode(11)).footprint.received.charged, Some(Truesize(768)));
}

/// Accepted between the look at descriptors and the dump: one more look finds the holder.
#[test]
fn a_socket_that_was_opened_during_the_scan() {
    let host = tcp4(|n| vec![Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]);
    let snapshot = scan(&host.late_process(6, "late", &[1]), &Query::default()).expect("it answers");
    let report = get(&snapshot, inode(1));
    assert_eq!((report.holding, &report.holders[..]), (Holding::Descriptors, &[Holder::new(6, 3)][..]));
}

/// A half-open connection over IPv4 at a dual-stack listener shows as IPv4; it waits all the same.
#[test]
fn a_half_open_connection_waits_at_a_dual_stack_listener() {
    use std::net::{IpAddr, Ipv6Addr};
    for (v6only, state, holding) in [
        (0, 12, Holding::AwaitingAccept { ambiguous: false }),
        (0, 3, Holding::AwaitingAccept { ambiguous: false }),
        (1, 12, Holding::Orphan),
        (0, 4, Holding::Orphan),
    ] {
        let host = MadeUp::new().process(5, "server", &[70]).kernel(move |request| {
            let n = request.sequence;
            let any = IpAddr::from(Ipv6Addr::UNSPECIFIED);
            let mut listener = Inet::numbered(70).with(messages::SKV6ONLY, &[v6only]);
            (listener.state, listener.local, listener.peer) = (10, (any, 1001), (any, 0));
            let mut half_open = Inet::numbered(1).recv_q(1);
            (half_open.state, half_open.inode) = (state, 0);
            let socket = if request.family == 10 { listener } else { half_open };
            let asked = request.dump && request.protocol == Request::TCP;
            let is_for_listeners = request.states == 1 << 10;
            let found = (request.family == 10 || !is_for_listeners).then(|| socket.dumped(n));
            asked.then(|| Answer::of(found.into_iter().chain([done(n, 0)])))
        });
        let snapshot = scan(&host, &tcp_only()).expect("it answers");
        let report = snapshot.sockets.iter().find(|report| report.socket.inode.is_none()).expect("reported");
        assert_eq!(report.holding, holding, "v6only {v6only}, state {state}");
    }
}

/// An older kernel sends seven memory numbers, a newer one eleven.
#[test]
fn short_and_long_memory_numbers() {
    let host = tcp4(|n| {
        let numbers: Vec<u32> = (1..=11).map(|number| number * 1000).collect();
        let with = |number, count: usize| Inet::numbered(number).with(SKMEMINFO, &words(&numbers[..count]));
        vec![with(1, 7).dumped(n), with(2, 11).dumped(n), done(n, 0)]
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    let old = get(&snapshot, inode(1));
    assert_eq!(
        (old.socket.skmem.optmem, old.socket.skmem.backlog, old.socket.skmem.drops),
        (Some(7000), None, None)
    );
    assert_eq!(old.footprint.received.charged, Some(Truesize(1000)));
    let new = get(&snapshot, inode(2));
    assert_eq!((new.socket.skmem.backlog, new.socket.skmem.drops), (Some(8000), Some(9000)));
    assert_eq!(new.footprint.received.charged, Some(Truesize(9000)));
}

#[test]
fn answers_to_somebody_else_are_passed_over() {
    let host = tcp4(|n| {
        let stale = n.wrapping_sub(1);
        let late = [Inet::numbered(9).dumped(stale), done(stale, 0), messages::refused(stale, 2)].concat();
        vec![late, Inet::numbered(1).dumped(n), done(n, 0)]
    });
    assert_eq!(inodes(&scan(&host, &tcp_only()).expect("it answers")), [1]);
}

/// Asked for a connection that is gone, the kernel answers with the listener on its address; and a
/// new connection can have the same addresses.
#[test]
fn an_exact_answer_of_another_socket_is_ignored() {
    let mut listener = Inet::numbered(50).recv_q(3);
    (listener.state, listener.local, listener.peer.1) = (10, Inet::numbered(1).local, 0);
    let mut successor = Inet::numbered(1).recv_q(7777);
    (successor.cookie, successor.inode) = (99, 99);
    for other in [listener, successor] {
        let host = MadeUp::new().process(5, "reader", &[1]).kernel(move |request| {
            let n = request.sequence;
            if request.is_tcp4() {
                return Some(Answer::of([Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]));
            }
            (!request.dump && request.port == 1001).then(|| Answer::of([other.exact(n)]))
        });
        let snapshot = scan(&host, &tcp_only()).expect("it answers");
        let report = get(&snapshot, inode(1));
        assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(5)));
        assert_eq!(report.holders, [Holder::new(5, 3)]);
        assert_eq!(report.peer_holders, []);
        assert_eq!(inodes(&snapshot), [1]);
    }
}

/// The exact answer is the socket itself, a moment later: all numbers are of that moment.
#[test]
fn an_exact_answer_renews_the_record() {
    let host = MadeUp::new().kernel(|request| {
        let n = request.sequence;
        if request.is_tcp4() {
            return Some(Answer::of([Inet::numbered(1).recv_q(5).dumped(n), done(n, 0)]));
        }
        let info = [vec![0; 224], words(&[0])].concat();
        let memory = words(&[5760, 0, 0, 0, 0, 0, 0, 0, 0]);
        let now = Inet::numbered(1).recv_q(2).with(SKMEMINFO, &memory).with(INFO, &info);
        (!request.dump && request.port == 1001).then(|| Answer::of([now.exact(n)]))
    });
    let snapshot = scan(&host, &tcp_only()).expect("it answers");
    let report = get(&snapshot, inode(1));
    assert_eq!(report.footprint.received.payload, Some(Payload(2)));
    // R + (n + f) · C: 10 packets by truesize, but 3 by payload, and 2 + 17 fragments.
    let worst = report.footprint.received.worst.expect("known");
    assert_eq!(worst.bytes, Bytes(5760 + (3 + 19) * 32_768));
    assert_eq!(report.holding, Holding::Kernel, "every process was read");
}
