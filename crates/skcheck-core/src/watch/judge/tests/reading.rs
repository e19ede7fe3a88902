//! Readers of each protocol.

use std::time::Duration;

use crate::model::protocol::Protocol;
use crate::model::ring::{Fill, Oldest, Ring, Rings, Unit};
use crate::model::socket::Shutdown;
use crate::model::state::State;
use crate::watch::evidence::process::Call;
use crate::watch::evidence::sample::FirstPacket;
use crate::watch::judge;
use crate::watch::judge::judgement::Judged;
use crate::watch::judge::progress::state::Reading::{Draining, Idle, Slow, Stalled, Unknown};
use crate::watch::judge::tests::made::{
    Sock, WINDOW, first_packet, of, one, payload, process, samples, silent, sleeps,
};

fn ms(milliseconds: u64) -> Option<Duration> {
    Some(Duration::from_millis(milliseconds))
}

#[test]
fn tcp() {
    // (received, Recv-Q) before and now, and what follows: verdict, consumed, arriving.
    let cases = [
        ((5000, 5000), (5000, 5000), (Stalled, 0, 0)),
        ((5000, 5000), (9000, 9000), (Stalled, 0, 4000)),
        ((5000, 3000), (9000, 3000), (Draining, 4000, 4000)),
        ((5000, 3000), (9000, 5000), (Slow, 2000, 4000)),
        ((5000, 3000), (9000, 1000), (Draining, 6000, 4000)),
        ((5000, 3000), (9000, 0), (Idle, 7000, 4000)),
        ((5000, 0), (9000, 1000), (Slow, 3000, 4000)),
        ((5000, 0), (5000, 0), (Idle, 0, 0)),
    ];
    for (before, now, (reading, consumed, arriving)) in cases {
        let sock = |(received, unread)| Sock::tcp(1).received(received).unread(unread);
        let judged = one(&sock(before), &sock(now));
        let expected = (reading, (Some(consumed), Some(arriving)));
        assert_eq!((judged.reading, payload(&judged)), expected, "{before:?} {now:?}");
        assert!(!judged.consumed_at_least && judged.cause.is_some() == (reading == Stalled));
    }
}

/// A FIN counts in both numbers, and is neither data that arrives nor data to be read.
#[test]
fn tcp_fin() {
    let open = Sock::tcp(1).received(5000).unread(5000);
    let shut = |received, unread| Sock::tcp(1).state(State::CloseWait).received(received).unread(unread);
    let cases: [(&Sock, &Sock, _); 5] = [
        (&open, &shut(5001, 5001), (Stalled, Some(0), Some(0))),
        (&shut(5001, 5001), &shut(5001, 5001), (Stalled, Some(0), Some(0))),
        (&shut(5001, 5001), &shut(5001, 2001), (Draining, Some(3000), Some(0))),
        (&open, &shut(5001, 1), (Idle, Some(5000), Some(0))),
        (&open, &shut(5001, 0), (Idle, Some(5000), Some(0))),
    ];
    for (before, now, (reading, consumed, arriving)) in cases {
        let judged = one(before, now);
        assert_eq!((judged.reading, payload(&judged)), (reading, (consumed, arriving)), "{:?}", now.socket);
    }
}

#[test]
fn times() {
    let slow = |received, unread, rmem| Sock::tcp(1).received(received).unread(unread).memory(rmem, 10_000);
    // 2000 bytes more a second, and 5000 left, whatever memory they take now.
    for memory in [(4000, 6000), (6000, 6000), (6000, 4000), (4000, 10_001)] {
        assert_eq!(one(&slow(5000, 3000, memory.0), &slow(9000, 5000, memory.1)).until, ms(2500));
    }
    assert_eq!(one(&slow(5000, 9000, 9000), &slow(9000, 11_000, 11_500)).until, ms(0));
    // 2000 bytes a second, and 1000 left.
    assert_eq!(one(&slow(5000, 3000, 0), &slow(9000, 1000, 0)).until, ms(500));
    assert_eq!(one(&slow(5000, 3000, 0), &slow(9000, 3000, 0)).until, None);
    assert_eq!(one(&slow(5000, 3000, 0), &slow(5000, 3000, 0)).until, None);
}

/// Never more than what is certain.
#[test]
fn ages() {
    let sock = |received, unread, last| Sock::tcp(1).received(received).unread(unread).last(last);
    let age = |before: &Sock, now: &Sock| one(before, now).unread_age;
    // Waited for 300 ms already when the window began.
    assert_eq!(age(&sock(10, 10, 300), &sock(10, 10, 1300)), ms(1300));
    assert_eq!(age(&sock(10, 10, 300), &sock(90, 90, 20)), ms(1300));
    // Some of what waited then still does.
    assert_eq!(age(&sock(10, 10, 300), &sock(90, 85, 20)), ms(1300));
    // All of it may be gone.
    assert_eq!(age(&sock(10, 10, 300), &sock(90, 80, 20)), ms(20));
    assert_eq!(age(&sock(10, 10, 300), &sock(90, 0, 20)), None);
    let stream = |unread| {
        Sock::stream(1).unread(unread).with(|it| {
            it.shutdown = Some(Shutdown { receive: true, send: false });
        })
    };
    assert_eq!(age(&stream(10), &stream(10)), Some(WINDOW));
    assert_eq!(age(&stream(10), &stream(9)), Some(WINDOW));
    assert_eq!(age(&Sock::stream(1).unread(10), &Sock::stream(1).unread(9)), None);
}

/// With the first packets of both samples.
fn with_first_packets(before: &Sock, now: &Sock, first_packets: (FirstPacket, FirstPacket)) -> Judged {
    let mut both = samples(std::slice::from_ref(before), std::slice::from_ref(now), &[]);
    both.0.first_packets.insert(before.key(), first_packets.0);
    both.1.first_packets.insert(now.key(), first_packets.1);
    of(&judge(&both.0, &both.1).sockets, 1).clone()
}

#[test]
fn unix_streams_by_their_first_packet() {
    let same = (first_packet(1, 0, 100), first_packet(1, 0, 100));
    let partly = (first_packet(1, 0, 100), first_packet(1, 0, 60));
    let moved = (first_packet(1, 0, 100), first_packet(2, 0, 100));
    let cases = [
        (900, 900, same, (Stalled, Some(0), Some(0))),
        (900, 1500, same, (Stalled, Some(0), Some(600))),
        (900, 860, partly, (Draining, Some(40), Some(0))),
        (900, 1500, partly, (Slow, Some(40), Some(640))),
        (900, 1500, moved, (Slow, None, None)),
        (900, 900, moved, (Draining, None, None)),
        (900, 500, moved, (Draining, Some(400), None)),
        (900, 0, moved, (Idle, Some(900), None)),
        // Less waits: it cannot be the same packet, whatever its address.
        (900, 500, same, (Draining, Some(400), None)),
        // The only one: the next has the same address, like as not. With a time stamp it is certain.
        (100, 100, same, (Unknown, None, None)),
        (100, 100, (first_packet(1, 5, 100), first_packet(1, 5, 100)), (Stalled, Some(0), Some(0))),
        (100, 100, (first_packet(1, 5, 100), first_packet(1, 6, 100)), (Draining, None, None)),
    ];
    for (before, now, first_packets, (reading, consumed, arriving)) in cases {
        let judged =
            with_first_packets(&Sock::stream(1).unread(before), &Sock::stream(1).unread(now), first_packets);
        let expected = (reading, (consumed, arriving));
        assert_eq!((judged.reading, payload(&judged)), expected, "{before} {now} {first_packets:?}");
    }
    // Only a stream is read in parts.
    let seqpacket = |bytes| Sock::new(Protocol::UnixSeqpacket, 1).unread(bytes);
    assert_eq!(with_first_packets(&seqpacket(900), &seqpacket(1500), partly).reading, Slow);
    assert_eq!(with_first_packets(&seqpacket(900), &seqpacket(1500), same).reading, Stalled);
}

#[test]
fn unix_streams_without() {
    let stream = |bytes| Sock::stream(1).unread(bytes).peer(2);
    let judged = one(&stream(900), &stream(500));
    assert_eq!((judged.reading, payload(&judged)), (Draining, (Some(400), None)));
    assert!(judged.consumed_at_least);
    assert_eq!(judged.until, ms(1250));
    for now in [900, 1500] {
        assert_eq!(one(&stream(900), &stream(now)).reading, Unknown, "{now}");
    }
    // Nothing arrives any more.
    let shut = |bytes| stream(bytes).with(|it| it.shutdown = Some(Shutdown { receive: true, send: true }));
    for (now, expected) in [(900, Stalled), (500, Draining), (0, Idle)] {
        assert_eq!(one(&shut(900), &shut(now)).reading, expected, "{now}");
    }
}

/// Of a ring its oldest block tells: one that stays where there is no room, that is a reader that stands
/// still.
#[test]
fn rings() {
    let ring = |full: u32, number: u64, drops: u32| {
        let mut fill = Fill::empty(Unit::Block, 16);
        (fill.full, fill.packets, fill.drops) = (full, full.into(), Some(drops));
        fill.oldest = (full > 0).then_some(Oldest { address: 4096 * number, stamp: number });
        let rx = Some(Ring { block_size: 4096, blocks: 16, frames: 16 });
        let rings = Rings { rx, tx: None, fill: Some(fill) };
        Sock::new(Protocol::Packet, 1).unread(0).memory(0, 10_000).with(|it| it.rings = Some(rings))
    };
    let untold = |ring: Sock| ring.with(|it| it.rings = it.rings.map(|rings| Rings { fill: None, ..rings }));
    for (at, (before, now, expected)) in [
        (ring(16, 1, 5), ring(16, 1, 9), (Stalled, Some(4))),
        (ring(16, 1, 5), ring(16, 1, 5), (Stalled, Some(0))),
        // The program has asked for the number meanwhile.
        (ring(16, 1, 5), ring(16, 1, 2), (Stalled, None)),
        // There is room: it may be in the middle of a block.
        (ring(3, 1, 0), ring(15, 1, 0), (Unknown, Some(0))),
        (ring(16, 1, 5), ring(16, 4, 9), (Slow, Some(4))),
        (ring(16, 1, 5), ring(9, 8, 5), (Draining, Some(0))),
        (ring(16, 1, 5), ring(0, 0, 5), (Idle, Some(0))),
        (ring(0, 0, 0), ring(0, 0, 0), (Idle, Some(0))),
        (ring(0, 0, 0), ring(16, 1, 9), (Unknown, Some(9))),
        (untold(ring(16, 1, 5)), untold(ring(16, 1, 5)), (Unknown, None)),
    ]
    .into_iter()
    .enumerate()
    {
        let judged = one(&before, &now);
        assert_eq!((judged.reading, judged.drops), expected, "case {at}");
        assert_eq!(judged.consumed, (expected.0 == Stalled).then_some(0), "case {at}");
        assert_eq!(judged.unread_age.is_some(), expected.0 == Stalled, "case {at}");
    }
    // What its queue holds comes first.
    let queued = |charge| ring(16, 1, 5).unread(charge).memory(charge, 10_000);
    assert_eq!(one(&queued(9000), &queued(8000)).reading, Draining);
}

/// Of these the kernel counts memory alone, of one queue, which only a reader makes less.
#[test]
fn udp_raw_packet_and_netlink() {
    let protocols = [Protocol::Udp, Protocol::Raw, Protocol::Ping, Protocol::Packet, Protocol::Netlink];
    protocols.iter().for_each(|it| counted(*it));
}

fn counted(protocol: Protocol) {
    let udp = |charge, drops| Sock::new(protocol, 1).unread(charge).memory(charge, 10_000).drops(drops);
    let same = Some((first_packet(1, 0, 100), first_packet(1, 0, 100)));
    let on = (first_packet(1, 0, 100), first_packet(2, 0, 100));
    let moved = Some(on);
    let cases = [
        (udp(9000, 0), udp(9000, 50), same, Stalled),
        (udp(9000, 0), udp(9500, 0), same, Stalled),
        (udp(9000, 0), udp(9000, 50), moved, Slow),
        (udp(9000, 0), udp(9500, 0), moved, Slow),
        (udp(9000, 0), udp(9000, 0), moved, Draining),
        (udp(9000, 0), udp(8000, 0), moved, Draining),
        (udp(9000, 0), udp(8000, 0), same, Draining),
        (udp(9000, 0), udp(8000, 0), None, Draining),
        (udp(9000, 0), udp(0, 0), None, Idle),
        // An overflowing queue is as full each time that one looks, read or not.
        (udp(9000, 0), udp(9000, 50), None, Unknown),
        (udp(9000, 0), udp(9000, 0), None, Unknown),
        (udp(768, 0), udp(768, 0), same, Unknown),
    ];
    for (at, (before, now, first_packets, reading)) in cases.into_iter().enumerate() {
        let judged = match first_packets {
            Some(first_packets) => with_first_packets(&before, &now, first_packets),
            None => one(&before, &now),
        };
        assert_eq!(judged.reading, reading, "{protocol:?} {at}");
        assert_eq!(judged.consumed, (reading == Stalled).then_some(0), "{protocol:?} {at}");
    }
    // It is full already.
    assert_eq!(with_first_packets(&udp(9000, 0), &udp(9000, 50), on).until, ms(0));
    // 500 bytes of memory a second, and 500 left; 1000 a second, and 8000 left.
    assert_eq!(with_first_packets(&udp(9000, 0), &udp(9500, 0), on).until, ms(1000));
    assert_eq!(one(&udp(9000, 0), &udp(8000, 0)).until, ms(8000));
}

#[test]
fn unix_datagrams() {
    let datagram = |first, charge| Sock::new(Protocol::UnixDatagram, 1).unread(first).charged(charge);
    let same = (first_packet(1, 0, 100), first_packet(1, 0, 100));
    assert_eq!(with_first_packets(&datagram(100, 9000), &datagram(100, 9000), same).reading, Stalled);
    // Senders that close take their charge with them: that it shrinks shows nothing.
    assert_eq!(one(&datagram(100, 9000), &datagram(100, 8000)).reading, Unknown);
    assert_eq!(one(&datagram(100, 9000), &datagram(90, 9000)).reading, Unknown);
    assert_eq!(one(&datagram(100, 9000), &datagram(0, 0)).reading, Idle);
}

/// A socket's numbers are read some time after its sample begins: what counts is the time between them.
#[test]
fn rates_are_of_the_time_between_two_reads() {
    let sock = |bytes| [Sock::tcp(1).unread(0).received(bytes)];
    let mut both = samples(&sock(1000), &sock(13_000), &[]);
    both.0.snapshot.sockets[0].read_after = Duration::from_millis(100);
    both.1.snapshot.sockets[0].read_after = Duration::from_millis(300);
    let judged = judge(&both.0, &both.1);
    assert_eq!((of(&judged.sockets, 1).consumed, judged.window), (Some(10_000), Duration::from_millis(1000)));
}

/// A process that has not run has read nothing.
#[test]
fn readers_that_have_not_run() {
    use crate::watch::judge::tests::made::process;
    let thread = sleeps(Call::Sleep, 0);
    let woken = |runs, state| {
        let thread =
            crate::watch::evidence::process::ThreadEvidence { runs, state: Some(state), ..thread.clone() };
        process(5, thread)
    };
    let socks = [
        Sock::stream(1).unread(900).peer(2).held(5, 3),
        Sock::udp(1).unread(9000).memory(9000, 10_000).held(5, 3),
        Sock::new(Protocol::UnixDatagram, 1).unread(100).charged(9000).held(5, 3),
    ];
    for sock in socks {
        let read = |change: &dyn Fn(&mut crate::watch::evidence::sample::Sample)| {
            let mut both = samples(
                std::slice::from_ref(&sock),
                std::slice::from_ref(&sock),
                &[process(5, thread.clone())],
            );
            change(&mut both.1);
            of(&judge(&both.0, &both.1).sockets, 1).reading
        };
        assert_eq!(read(&|_| ()), Stalled);
        assert_eq!(read(&|now| drop(now.processes.insert(5, woken(Some(101), b'S')))), Unknown);
        assert_eq!(read(&|now| drop(now.processes.insert(5, woken(Some(100), b'R')))), Unknown);
        assert_eq!(read(&|now| drop(now.processes.insert(5, woken(None, b'S')))), Unknown);
        assert_eq!(read(&|now| now.processes.get_mut(&5).unwrap().start_time = Some(8)), Unknown);
        assert_eq!(read(&|now| now.processes.get_mut(&5).unwrap().more_threads = true), Unknown);
        // Whatever somebody does who may not be looked at, this one has read nothing.
        assert_eq!(read(&|now| now.snapshot.scanned.all_processes = false), Stalled);
        // A ring reads by itself.
        let ring = (4, vec![sock.socket.inode.unwrap()]);
        assert_eq!(read(&|now| now.processes.get_mut(&5).unwrap().rings.push(ring.clone())), Unknown);
    }
}

/// One that is stopped in both samples has not run, where the kernel does not count how often it did.
#[test]
fn stopped_readers() {
    let thread = |runs, state, ticks| crate::watch::evidence::process::ThreadEvidence {
        runs,
        state: Some(state),
        ticks: Some(ticks),
        ..sleeps(Call::Sleep, 0)
    };
    let sock = [Sock::stream(1).unread(900).peer(2).held(5, 3)];
    let reading = |before, now| {
        let mut both = samples(&sock, &sock, &[process(5, before)]);
        both.1.processes.insert(5, process(5, now));
        of(&judge(&both.0, &both.1).sockets, 1).reading
    };
    assert_eq!(reading(thread(None, b'T', 5), thread(None, b'T', 5)), Stalled);
    assert_eq!(reading(thread(Some(9), b'T', 5), thread(Some(9), b'T', 5)), Stalled);
    assert_eq!(reading(thread(None, b'T', 5), thread(None, b'T', 6)), Unknown);
    assert_eq!(reading(thread(Some(9), b'T', 5), thread(Some(10), b'T', 5)), Unknown);
    assert_eq!(reading(thread(None, b'S', 5), thread(None, b'T', 5)), Unknown);
}

/// One message, of which an address is no proof: its reader runs, and its writer does not.
#[test]
fn one_message() {
    let stream = Sock::stream(1).unread(10).peer(2).held(5, 3).peer_held(6, 3);
    let runs = crate::watch::evidence::process::ThreadEvidence { runs: Some(101), ..sleeps(Call::Sleep, 0) };
    let reading = |first_packets: Option<(FirstPacket, FirstPacket)>, all_seen, writer_ran| {
        let both = &mut samples(
            std::slice::from_ref(&stream),
            std::slice::from_ref(&stream),
            &[process(5, sleeps(Call::Sleep, 0)), process(6, sleeps(Call::Sleep, 0))],
        );
        both.1.processes.insert(5, process(5, runs.clone()));
        if writer_ran {
            both.1.processes.insert(6, process(6, runs.clone()));
        }
        if let Some((was, is)) = first_packets {
            both.0.first_packets.insert(stream.key(), was);
            both.1.first_packets.insert(stream.key(), is);
        }
        both.1.snapshot.scanned.all_processes = all_seen;
        of(&judge(&both.0, &both.1).sockets, 1).reading
    };
    let same = Some((first_packet(1, 0, 10), first_packet(1, 0, 10)));
    assert_eq!(reading(same, true, false), Stalled);
    assert_eq!(reading(same, false, false), Stalled);
    assert_eq!(reading(same, false, true), Unknown);
    assert_eq!(reading(None, true, false), Stalled);
    // Somebody else may have sent what waits now.
    assert_eq!(reading(None, false, false), Unknown);
    assert_ne!(reading(Some((first_packet(1, 0, 10), first_packet(2, 0, 10))), false, false), Stalled);
}

/// A writer that has not run has written nothing: what waits tells what was read.
#[test]
fn writers_that_have_not_run() {
    let stream = |bytes| Sock::stream(1).unread(bytes).peer(2).held(5, 3).peer_held(6, 3);
    for (now, expected) in [(900, (Stalled, Some(0))), (500, (Draining, Some(400)))] {
        let both = samples(&[stream(900)], &[stream(now)], &[process(6, sleeps(Call::Write, 3))]);
        let judged = of(&judge(&both.0, &both.1).sockets, 1).clone();
        assert_eq!((judged.reading, judged.consumed), expected);
        assert!(!judged.consumed_at_least);
    }
}

/// What the kernel keeps of a connection that was reset.
#[test]
fn closed_and_held() {
    let closed = |unread| Sock::tcp(1).state(State::ClosedHeld).unread(unread).with(|it| it.tcp_info = None);
    for (now, expected) in [(900, Stalled), (500, Draining), (0, Idle)] {
        assert_eq!(one(&closed(900), &closed(now)).reading, expected, "{now}");
    }
    let open = Sock::tcp(1).received(900).unread(900);
    assert_eq!(one(&open, &closed(900)).reading, Unknown);
    assert_eq!(one(&open, &closed(500)).reading, Draining);
    assert_eq!(one(&silent(closed(0)), &silent(closed(0))).reading, Unknown);
    // Without its numbers it has lost its cookie, too.
    let bare = silent(closed(0)).with(|it| it.cookie = None);
    let both = samples(std::slice::from_ref(&open), std::slice::from_ref(&bare), &[]);
    let judged = judge(&both.0, &both.1).sockets;
    assert_eq!(judged.len(), 1);
    assert_eq!((judged[0].reading, judged[0].before, judged[0].now), (Unknown, Some(0), Some(0)));
}
