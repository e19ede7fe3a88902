//! Writers, drops, and trends.

use std::time::Duration;

use crate::memory::ledger::Ledger;
use crate::model::protocol::Protocol;
use crate::model::socket::{Mptcp, Shutdown};
use crate::model::state::State;
use crate::model::units::{Bytes, Pages, Payload};
use crate::occupancy::would_block;
use crate::watch::judge;
use crate::watch::judge::progress::state::Writing;
use crate::watch::judge::progress::state::Writing::{Draining, Idle, Slow, Stalled, Unknown};
use crate::watch::judge::tests::made::{Sock, of, one, sample, samples};

#[test]
fn tcp() {
    let cases = [
        ((5000, 100), (5000, 100), Stalled),
        ((5000, 100), (9000, 100), Stalled),
        ((5000, 100), (9000, 200), Slow),
        ((5000, 100), (5000, 200), Draining),
        ((5000, 100), (3000, 2100), Draining),
        ((5000, 100), (0, 5100), Idle),
        ((0, 100), (500, 100), Unknown),
    ];
    for (before, now, expected) in cases {
        let sock = |(unsent, acked)| Sock::tcp(1).unsent(unsent).acked(acked).off_host();
        assert_eq!(one(&sock(before), &sock(now)).writing, expected, "{before:?} {now:?}");
    }
    // Our own FIN is no data.
    let last = Sock::tcp(1).state(State::FinWait1).unsent(1).acked(100);
    assert_eq!(one(&last, &last).writing, Idle);
    let without = Sock::tcp(1).unsent(5000);
    assert_eq!(one(&without, &without).writing, Unknown);
}

/// A writer's rate, too, is over the time between two reads of its socket.
#[test]
fn rates() {
    let sock = |acked| Sock::tcp(1).unsent(5000).acked(acked).off_host();
    let mut both = samples(&[sock(0)], &[sock(6000)], &[]);
    both.0.snapshot.sockets[0].read_after = Duration::from_millis(100);
    both.1.snapshot.sockets[0].read_after = Duration::from_millis(300);
    assert_eq!(of(&judge(&both.0, &both.1).sockets, 1).taken, Some(5000));
}

/// Whether the peer holds it up, or the network.
#[test]
fn windows() {
    let sock = |window, limited| Sock::tcp(1).unsent(500).acked(1).window(window, limited).off_host();
    assert_eq!(one(&sock(0, 5), &sock(0, 5)).window_closed, Some(true));
    assert_eq!(one(&sock(900, 5), &sock(900, 105)).window_closed, Some(true));
    assert_eq!(one(&sock(900, 5), &sock(900, 5)).window_closed, Some(false));
    let old = Sock::tcp(1).unsent(500).acked(1);
    assert_eq!(one(&old, &old).window_closed, None);
}

/// Whether it is the reader for which a writer waits, or what lies between the two.
#[test]
fn what_does_not_arrive() {
    let writer = |window, retransmits, probes| {
        let sock = Sock::tcp(1).unsent(500).acked(1).window(window, 5).tries(retransmits, probes);
        sock.ports(1001, 9000)
    };
    let shown = |writer: &Sock, other: Option<(Sock, Sock)>| {
        let (mut before, mut now) = (vec![writer.clone()], vec![writer.clone()]);
        if let Some((earlier, later)) = other {
            before.push(earlier);
            now.push(later);
        }
        let both = samples(&before, &now, &[]);
        let told = of(&judge(&both.0, &both.1).sockets, 1).not_arriving;
        told.map(|it| (it.retransmits, it.probes, it.reader_is_empty, it.is_tried_again()))
    };
    let reader = |received, unread| Sock::tcp(2).received(received).unread(unread).ports(9000, 1001);
    let holds = |unread| Some((reader(900, unread), reader(900, unread)));
    // Sent again and again: the reader has nothing to take, or it has.
    assert_eq!(shown(&writer(900, 4, 0), holds(0)), Some((Some(4), None, true, true)));
    assert_eq!(shown(&writer(900, 4, 0), holds(100)), None);
    // It took everything that came meanwhile.
    assert_eq!(shown(&writer(900, 4, 0), Some((reader(900, 0), reader(1900, 0)))), None);
    // What its owner keeps from the queue has arrived.
    let kept = |sock: Sock| sock.with(|it| it.skmem.backlog = Some(2304));
    assert_eq!(shown(&writer(900, 4, 0), Some((kept(reader(900, 0)), kept(reader(900, 0))))), None);
    // It was not tried again so far.
    assert_eq!(shown(&writer(900, 0, 0), holds(0)), Some((Some(0), None, true, false)));
    // A reader that holds nothing is in no sample: who has it tells that it is here.
    let known = writer(900, 4, 0).peer_held(7, 3);
    assert_eq!(shown(&known, None), Some((Some(4), None, true, true)));
    // Nothing is known of the other end.
    assert_eq!(shown(&writer(900, 4, 0), None), Some((Some(4), None, false, true)));
    assert_eq!(shown(&writer(900, 0, 0), None), None);
    // A shut window is probed, and a peer that is there answers: one probe can be on its way.
    assert_eq!(shown(&writer(0, 0, 1), None), None);
    assert_eq!(shown(&writer(0, 0, 2), None), Some((None, Some(2), false, true)));
    assert_eq!(shown(&writer(0, 4, 0), None), None);
    assert_eq!(shown(&writer(0, 0, 1), holds(0)), Some((None, Some(1), true, false)));
    // Without an engine nothing is told of it.
    let bare = Sock::tcp(1).unsent(500).acked(1).off_host();
    assert_eq!(shown(&bare, None), None);
}

/// A unix writer goes as the reader of its peer does.
#[test]
fn unix() {
    let shut = Some(Shutdown { receive: true, send: false });
    let reader = |unread| Sock::stream(1).unread(unread).with(|it| it.shutdown = shut);
    let check = |unread, sent, expected: Writing| {
        let writer = |sent| Sock::stream(2).unsent(sent).peer(1);
        let both = samples(&[reader(900), writer(5000)], &[reader(unread), writer(sent)], &[]);
        assert_eq!(of(&judge(&both.0, &both.1).sockets, 2).writing, expected, "{unread} {sent}");
    };
    check(900, 5000, Stalled);
    check(500, 5000, Draining);
    check(0, 0, Idle);
    // The reader is not known.
    let alone = |sent| Sock::stream(2).unsent(sent);
    assert_eq!(one(&alone(5000), &alone(5000)).writing, Unknown);
    assert_eq!(one(&alone(5000), &alone(4000)).writing, Draining);
}

/// What these send waits for nobody but the device.
#[test]
fn packets() {
    for protocol in [Protocol::Udp, Protocol::Raw, Protocol::Ping, Protocol::Packet, Protocol::Netlink] {
        let sends = |bytes| Sock::new(protocol, 3).unsent(bytes);
        assert_eq!(one(&sends(500), &sends(500)).writing, Unknown, "{protocol:?}");
        assert_eq!(one(&sends(500), &sends(0)).writing, Idle, "{protocol:?}");
    }
}

/// Its Send-Q leaves out what no subflow carries yet.
fn mptcp_socket(number: u32, unsent: Option<u64>, snd_una: Option<u64>) -> Sock {
    let mptcp = Mptcp { unsent: unsent.map(Payload), snd_una, ..Mptcp::default() };
    Sock::new(Protocol::Mptcp, number).unsent(0).with(|it| it.mptcp = Some(mptcp))
}

#[test]
fn mptcp() {
    let check = |before: (u64, u64), now: (u64, u64), (writing, taken)| {
        let sock = |(unsent, una)| mptcp_socket(4, Some(unsent), Some(una));
        let judged = one(&sock(before), &sock(now));
        assert_eq!((judged.writing, judged.taken), (writing, taken), "{before:?} {now:?}");
    };
    check((5000, 100), (4000, 1100), (Draining, Some(1000)));
    check((5000, 100), (5000, 100), (Stalled, Some(0)));
    check((5000, 100), (9000, 200), (Slow, Some(100)));
    check((5000, u64::MAX), (4000, 999), (Draining, Some(1000)));
    check((0, 100), (500, 100), (Unknown, Some(0)));
    check((5000, 100), (0, 5100), (Idle, Some(5000)));
    let old = mptcp_socket(4, None, None);
    assert_eq!(one(&old, &old).writing, Unknown);
}

/// What fills a buffer differs: TCP and MPTCP wait for a third of it, unix sockets for three quarters.
#[test]
fn what_is_clogged() {
    let socks: [(fn() -> Sock, u32); 4] = [
        (|| Sock::tcp(1), 66_666),
        (|| mptcp_socket(1, Some(5000), Some(7)), 66_666),
        (|| Sock::stream(1), 25_000),
        (|| Sock::udp(1), 50_000),
    ];
    for (sock, most) in socks {
        let blocks = |used| would_block(&sock().send_memory(used, 100_000).socket);
        assert_eq!([blocks(most), blocks(most + 1)], [false, true], "{:?}", sock().socket.protocol);
    }
}

#[test]
fn drops() {
    let udp = |drops| Sock::udp(1).unread(9000).drops(drops);
    assert_eq!(one(&udp(5), &udp(55)).drops, Some(50));
    assert_eq!(one(&udp(u32::MAX), &udp(1)).drops, Some(2));
    assert_eq!(one(&Sock::udp(1).unread(9000), &udp(1)).drops, None);
}

#[test]
fn trends() {
    let mut before = sample(10, &[Sock::tcp(1).unread(1000).memory(4000, 0)]);
    let mut now = sample(12, &[Sock::tcp(1).unread(5000).memory(2000, 0)]);
    let ledger = |unaccounted| Some(Ledger { unaccounted, ..Ledger::default() });
    (before.snapshot.ledger, now.snapshot.ledger) = (ledger(-500), ledger(8192));
    (before.tcp_memory, now.tcp_memory) = (Some((Pages(100), None)), Some((Pages(300), Some(Pages(500)))));
    let trend = judge(&before, &now).trend;
    assert_eq!((trend.unread.now, trend.unread.per_second), (Bytes(5000), 2000.0));
    assert_eq!((trend.charged.now, trend.charged.per_second), (Bytes(2000), -1000.0));
    // Nobody's memory caps what sockets can pin, and moves without them.
    let worst = now.snapshot.sockets[0].footprint.received.worst.unwrap().bytes;
    assert!(worst.0 > 2000 + 8192 && trend.worst.now == worst, "{:?}", trend.worst);
    assert_eq!(trend.unaccounted.map(|it| (it.now, it.per_second)), Some((Bytes(8192), 4096.0)));
    assert_eq!(trend.tcp_memory.map(|it| (it.now, it.per_second)), Some((Bytes(1_228_800), 409_600.0)));
    assert_eq!(trend.until_pressure, Some(Duration::from_secs(2)));
    before.tcp_memory = Some((Pages(300), None));
    assert_eq!(judge(&before, &now).trend.until_pressure, None);
    now.tcp_memory = Some((Pages(500), Some(Pages(500))));
    assert_eq!(judge(&before, &now).trend.until_pressure, Some(Duration::ZERO));
    // Of a datagram socket it is not known how much is unread.
    assert_eq!(judge(&before, &now).trend.unread_unknown, 0);
    now.snapshot
        .sockets
        .push(sample(12, &[Sock::udp(2).unread(900).memory(900, 0)]).snapshot.sockets.remove(0));
    now.asked_for += 1;
    assert_eq!(judge(&before, &now).trend.unread_unknown, 1);
    before.snapshot.ledger = None;
    assert_eq!(judge(&before, &now).trend.unaccounted, None);
}

/// What was not asked for is judged, and counts for nothing.
#[test]
fn what_was_asked_for() {
    let sockets = |unread: [u32; 2]| [1, 2].map(|at| Sock::tcp(at).unread(unread[at as usize - 1]));
    let (mut before, mut now) = (sample(10, &sockets([1000, 5000])), sample(11, &sockets([3000, 9000])));
    (before.asked_for, now.asked_for) = (1, 1);
    let judgement = judge(&before, &now);
    assert_eq!(judgement.trend.unread.now, Bytes(3000));
    assert_eq!(judgement.trend.unread.per_second, 2000.0);
    assert_eq!([1, 2].map(|at| of(&judgement.sockets, at).asked_for), [true, false]);
    // One that is gone was asked for if it was.
    now.snapshot.sockets.clear();
    now.asked_for = 0;
    let judged = judge(&before, &now).sockets;
    assert_eq!([1, 2].map(|at| of(&judged, at).asked_for), [true, false]);
}
