//! Processes with several readers and several writers: which of them waits for which.

use crate::watch::evidence::process::{Call, EpollEvidence, Interest, ProcessEvidence, ThreadEvidence};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode::{Backpressure, Blocked, NoEpollin};
use crate::watch::judge::cause::link::{Pairing, Wait};
use crate::watch::judge::cause::root::{End, Root};
use crate::watch::judge::judgement::Judged;
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::tests::chains::{asleep, check, stuck};
use crate::watch::judge::tests::made::{Sock, of, process, samples, set, sleeps};

const MIB: u64 = 1 << 20;
const PROXY: u32 = 20;

/// An event loop that asks for no data of these: descriptor and inode.
fn paused(readers: &[(u32, u64)]) -> ProcessEvidence {
    let sets = readers.iter().map(|(fd, inode)| set(7, *fd, *inode, Interest::OUT));
    let interests = sets.flat_map(|set| set.interests).collect();
    ProcessEvidence {
        epolls: vec![EpollEvidence { fd: 7, interests, ..EpollEvidence::default() }],
        ..process(PROXY, sleeps(Call::EpollWait, 7))
    }
}

/// What the proxy reads from a server, at this descriptor: so much was received, and 44,000 bytes wait.
fn from_server(number: u32, fd: u32, received: u64) -> [Sock; 2] {
    let [writer, reader] = stuck(number, (100 + number, 3), (PROXY, fd));
    [writer, reader.received(received).last(1000)]
}

/// What it writes to a client, at this descriptor: so much was taken.
fn to_client(number: u32, fd: u32, acked: u64) -> [Sock; 2] {
    let [writer, reader] = stuck(number, (PROXY, fd), (100 + number, 4));
    [writer.acked(acked), reader]
}

fn judged(before: &[[Sock; 2]], now: &[[Sock; 2]], readers: &[(u32, u64)]) -> Vec<Judged> {
    let processes: Vec<ProcessEvidence> = (100..120).map(asleep).chain([paused(readers)]).collect();
    let both = samples(&before.concat(), &now.concat(), &processes);
    judge(&both.0, &both.1).sockets
}

fn still(sockets: &[[Sock; 2]], readers: &[(u32, u64)]) -> Vec<Judged> {
    judged(sockets, sockets, readers)
}

/// The writer that this reader waits for, and what singles it out.
#[track_caller]
fn waits_for(judged: &Judged, fd: u32, client: u32, pairing: Pairing) {
    check(judged, (Backpressure, &[((PROXY, fd), Some((client, 4)))], Some((client, Blocked))));
    assert_eq!(judged.root.as_ref().map(|root| root.links[0].pairing), Some(pairing));
}

/// The descriptors of which it may be one, and the hints.
fn one_of(judged: &Judged) -> Vec<(u32, Pairing)> {
    assert_eq!(judged.cause.as_ref().map(|cause| cause.code), Some(Backpressure));
    let Some(Root { links, end: End::OneOf(candidates) }) = &judged.root else {
        panic!("{:?}", judged.root);
    };
    assert!(links.is_empty() && judged.root.as_ref().and_then(Root::reader).is_none());
    candidates.iter().map(|link| (link.writer.fd, link.pairing)).collect()
}

/// Two servers, two clients that take nothing, and nothing that tells them apart.
#[test]
fn it_cannot_be_told() {
    let sockets =
        [from_server(1, 11, 90_000), from_server(3, 30, 90_000), to_client(5, 9, 77), to_client(7, 19, 77)];
    let all = still(&sockets, &[(11, 2), (30, 4)]);
    let both = [(9, Pairing::Only), (19, Pairing::Only)];
    assert_eq!(one_of(of(&all, 2)), both);
    assert_eq!(one_of(of(&all, 4)), both);
    // The client's own writer waits for the proxy, and from there on it cannot be told.
    let root = of(&all, 1).root.as_ref().unwrap();
    assert_eq!(root.links.len(), 1);
    assert!(matches!(&root.end, End::OneOf(links) if links.len() == 2), "{root:?}");
    // A hint: the next descriptor.
    let sockets =
        [from_server(1, 10, 90_000), from_server(3, 30, 90_000), to_client(5, 19, 77), to_client(7, 9, 77)];
    let all = still(&sockets, &[(10, 2), (30, 4)]);
    assert_eq!(one_of(of(&all, 2)), [(9, Pairing::Neighbours), (19, Pairing::Only)]);
    // Both are the same process's: then it is that one.
    let sockets =
        [from_server(1, 11, 90_000), stuck(5, (PROXY, 9), (105, 4)), stuck(7, (PROXY, 19), (105, 6))];
    let all = still(&sockets, &[(11, 2)]);
    waits_for(of(&all, 2), 9, 105, Pairing::Only);
}

/// As much was read as was written, less what lies in buffers.
#[test]
fn by_totals() {
    let full = 2_800_000;
    let sockets = [
        from_server(1, 11, 50 * MIB),
        from_server(3, 13, 9 * MIB),
        to_client(5, 9, 9 * MIB - full - 30_000),
        to_client(7, 19, 50 * MIB - full + 1000),
    ];
    let all = still(&sockets, &[(11, 2), (13, 4)]);
    waits_for(of(&all, 2), 19, 107, Pairing::Totals);
    waits_for(of(&all, 4), 9, 105, Pairing::Totals);
    // Two that are alike are not told apart, and the third is.
    let sockets = [
        from_server(1, 11, 50 * MIB),
        from_server(3, 13, 9 * MIB),
        to_client(5, 9, 9 * MIB - full),
        to_client(7, 19, 50 * MIB - full),
        to_client(9, 29, 50 * MIB - full + 5000),
    ];
    let all = still(&sockets, &[(11, 2), (13, 4)]);
    assert_eq!(one_of(of(&all, 2)).len(), 2);
    waits_for(of(&all, 4), 9, 105, Pairing::Totals);
}

/// One writer does not explain all that its process does not read.
#[test]
fn one_writer_and_two_readers() {
    let sockets = [from_server(1, 11, 90_000), from_server(3, 13, 90_000), to_client(5, 9, 77)];
    let all = still(&sockets, &[(11, 2), (13, 4)]);
    for number in [2, 4] {
        let judged = of(&all, number);
        assert_eq!(judged.cause.as_ref().map(|cause| cause.code), Some(NoEpollin));
        let root = judged.root.as_ref().unwrap();
        assert!(root.is_unsure() && root.links[0].wait == Wait::EventLoop, "{root:?}");
    }
    // Unless numbers tell which.
    let sockets =
        [from_server(1, 11, 50 * MIB), from_server(3, 13, 90_000), to_client(5, 9, 50 * MIB - 2_800_000)];
    let all = still(&sockets, &[(11, 2), (13, 4)]);
    waits_for(of(&all, 2), 9, 105, Pairing::Totals);
    assert_eq!(of(&all, 4).cause.as_ref().map(|cause| cause.code), Some(NoEpollin));
    assert_eq!(of(&all, 4).root, None);
    // A request of the client that takes nothing waits for its own connection.
    let [writer, reader] = to_client(5, 9, 77);
    let sockets = [from_server(1, 11, 90_000), [writer.received(90_000).unread(100).last(1000), reader]];
    let all = still(&sockets, &[(11, 2), (9, 5)]);
    waits_for(of(&all, 2), 9, 105, Pairing::Only);
    waits_for(of(&all, 5), 9, 105, Pairing::Only);
}

/// A server that answers on the connection on which it was asked.
#[test]
fn the_same_connection() {
    let asked = |number, fd| {
        let [writer, reader] = to_client(number, fd, 77);
        [writer.received(90_000).unread(100).last(1000), reader]
    };
    let all = still(&[asked(1, 9), asked(3, 19)], &[(9, 1), (19, 3)]);
    waits_for(of(&all, 1), 9, 101, Pairing::SameConnection);
    waits_for(of(&all, 3), 19, 103, Pairing::SameConnection);
}

/// Who moves goes with who moves, and who stands with who stands.
#[test]
fn by_rates() {
    let before =
        [from_server(1, 11, 90_000), from_server(3, 13, 90_000), to_client(5, 9, 77), to_client(7, 19, 77)];
    let mut now = before.clone();
    // 986 bytes a second: the second of each.
    let [writer, reader] = from_server(3, 13, 90_986);
    now[1] = [writer.acked(77 + 986), reader];
    let [writer, reader] = to_client(7, 19, 77 + 986);
    now[3] = [writer, reader.received(44_986)];
    let all = judged(&before, &now, &[(11, 2), (13, 4)]);
    waits_for(of(&all, 2), 9, 105, Pairing::Left);
    let slow = of(&all, 4);
    assert_eq!((slow.reading, slow.consumed), (Reading::Draining, Some(986)));
    let root = slow.root.as_ref().unwrap();
    assert_eq!((root.links[0].writer.fd, root.links[0].pairing), (19, Pairing::Rates));
    assert!(matches!(root.end, End::Slow(reader, ..) if reader.pid == 107), "{root:?}");
    // Whoever reads is not held up by one that takes nothing.
    let mut now = before.clone();
    let [writer, reader] = from_server(3, 13, 90_986);
    now[1] = [writer.acked(77 + 986), reader];
    let all = judged(&before, &now, &[(11, 2), (13, 4)]);
    assert_eq!((of(&all, 4).reading, &of(&all, 4).root), (Reading::Draining, &None));
}

/// Who takes a whole buffer in the window is not the one that a reader waits for which took nothing in it.
#[test]
fn by_what_was_written_meanwhile() {
    let sockets = |taken: u64, received: u64| {
        let [writer, reader] = to_client(5, 9, 77 + taken);
        [from_server(1, 11, 90_000), [writer, reader.received(44_000 + received)]]
    };
    let still = |taken| {
        let all = judged(&sockets(0, 0), &sockets(taken, taken), &[(11, 2)]);
        of(&all, 2).clone()
    };
    // It has 2.8 MB unsent.
    assert_eq!(still(30_000_000).root, None);
    let slow = still(20_000).root.unwrap();
    assert!(matches!(slow.end, End::Slow(reader, ..) if reader.pid == 105), "{slow:?}");
}

/// One thread of several that waits in poll does not make a process a loop that stops asking.
#[test]
fn a_thread_beside_is_no_event_loop() {
    let sockets = [from_server(1, 11, 90_000), to_client(5, 9, 77)];
    let judged = |threads: &[Call]| {
        let mut process = process(PROXY, sleeps(Call::Poll, 0));
        let others = (PROXY + 1..).zip(threads);
        process.threads.extend(others.map(|(tid, call)| ThreadEvidence { tid, ..sleeps(*call, 4) }));
        let processes: Vec<ProcessEvidence> = (100..120).map(asleep).chain([process]).collect();
        let both = samples(&sockets.concat(), &sockets.concat(), &processes);
        of(&judge(&both.0, &both.1).sockets, 2).clone()
    };
    waits_for(&judged(&[]), 9, 105, Pairing::Only);
    waits_for(&judged(&[Call::EpollWait]), 9, 105, Pairing::Only);
    assert_eq!(judged(&[Call::Futex]).root, None);
}

/// A cause is not younger than its effect.
#[test]
fn by_time() {
    let age = |sock: [Sock; 2], milliseconds| {
        sock.map(|it| if it.has_unread() { it.last(milliseconds) } else { it })
    };
    let sent = |[writer, reader]: [Sock; 2], milliseconds| [writer.last_sent(milliseconds), reader];
    let sockets = |later| {
        [
            age(from_server(1, 11, 90_000), 60_000),
            sent(to_client(5, 9, 77), later),
            sent(to_client(7, 19, 77), 61_000),
        ]
    };
    waits_for(of(&still(&sockets(20_000), &[(11, 2)]), 2), 19, 107, Pairing::Left);
    // Hardly later.
    assert_eq!(one_of(of(&still(&sockets(58_000), &[(11, 2)]), 2)).len(), 2);
    // Both later: then nothing is known of it.
    let both = [
        age(from_server(1, 11, 90_000), 60_000),
        sent(to_client(5, 9, 77), 9),
        sent(to_client(7, 19, 77), 8),
    ];
    assert_eq!(one_of(of(&still(&both, &[(11, 2)]), 2)).len(), 2);
    // Nor where its reader reads: what that takes comes out of a buffer.
    let before = sockets(20_000);
    let mut now = before.clone();
    let [writer, reader] = sent(to_client(5, 9, 77), 20_000);
    now[1] = [writer, reader.unread(43_000)];
    assert_eq!(one_of(of(&judged(&before, &now, &[(11, 2)]), 2)).len(), 2);
}
