//! Processes that do not read because they cannot write.

use crate::model::endpoint::Endpoint;
use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;
use crate::model::netns::{Netns, NetnsId};
use crate::model::place::Place;
use crate::model::protocol::Protocol;
use crate::model::socket::Shutdown;
use crate::model::table::{IpVersion, Table};
use crate::model::units::Payload;
use crate::snapshot::contents::Snapshot;
use crate::watch::evidence::process::{Call, Interest, ProcessEvidence, ThreadEvidence, UnreadablePart};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::code::CauseCode::{Backpressure, Blocked, Deadlock, EdgeNotRead, Stopped};
use crate::watch::judge::cause::fact::Fact;
use crate::watch::judge::cause::link::{Link, Over, Wait};
use crate::watch::judge::cause::root::End;
use crate::watch::judge::judgement::Judged;
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::tests::made::{Sock, of, process, samples, set, sleeps};

const FULL: u32 = 2_800_000;

/// Who has an end of a connection: process and descriptor.
pub(crate) type At = (u32, u32);

/// A TCP connection over which the one side cannot write, because the other does not read. Its sockets have
/// the numbers `number` and `number + 1`.
pub(crate) fn stuck(number: u32, (pid, fd): At, (reader, reader_fd): At) -> [Sock; 2] {
    let (from, to) = (10_000 + u16::try_from(number).unwrap(), 80);
    let writer = Sock::tcp(number).ports(from, to).unsent(FULL).acked(77).window(0, 5);
    let writer = writer.send_memory(2_900_000, 3_000_000).held(pid, fd).peer_held(reader, reader_fd);
    let other = Sock::tcp(number + 1).ports(to, from).received(44_000).unread(44_000);
    [writer, other.held(reader, reader_fd).peer_held(pid, fd)]
}

/// The same over a pair of unix sockets.
fn stuck_pair(number: u32, (pid, fd): At, (reader, reader_fd): At) -> [Sock; 2] {
    let writer = Sock::stream(number).peer(number + 1).unsent(200_000).send_memory(200_000, 212_992);
    let shut = Some(Shutdown { receive: true, send: false });
    let other = Sock::stream(number + 1).peer(number).unread(90_000).with(|it| it.shutdown = shut);
    [writer.held(pid, fd).peer_held(reader, reader_fd), other.held(reader, reader_fd).peer_held(pid, fd)]
}

fn judged(sockets: &[Sock], processes: &[ProcessEvidence]) -> Vec<Judged> {
    let both = samples(sockets, sockets, processes);
    judge(&both.0, &both.1).sockets
}

pub(crate) fn writes(pid: u32, fd: u32) -> ProcessEvidence {
    process(pid, sleeps(Call::Write, fd))
}

pub(crate) fn asleep(pid: u32) -> ProcessEvidence {
    process(pid, sleeps(Call::Sleep, 0))
}

/// A code, the descriptors of the links, and the process at the end with its own cause.
pub(crate) type Expected<'a> = (CauseCode, &'a [(At, Option<At>)], Option<(u32, CauseCode)>);

pub(crate) fn check(judged: &Judged, (code, links, end): Expected<'_>) {
    assert_eq!(judged.reading, Reading::Stalled);
    assert_eq!(judged.cause.as_ref().map(|cause| cause.code), Some(code), "{:?}", judged.cause);
    let root = judged.root.as_ref();
    let at = |holder: Holder| (holder.pid, holder.fd);
    let found: Vec<(At, Option<At>)> = root
        .map(|root| root.links.iter().map(|link| (at(link.writer), link.reader.map(at))).collect())
        .unwrap_or_default();
    assert_eq!(found, links);
    let found = root.and_then(|root| Some((root.reader()?.pid, root.cause()?.code)));
    assert_eq!(found, end);
}

/// A client that writes, an nginx that has stopped reading because it cannot write, and an upstream that
/// reads nothing: with all events registered, and without EPOLLIN.
#[test]
fn a_proxy() {
    let (client, proxy, upstream) = (10, 20, 30);
    let sockets = [stuck(1, (client, 3), (proxy, 5)), stuck(3, (proxy, 9), (upstream, 4))].concat();
    for events in [Interest::IN | Interest::OUT | Interest::EDGE, Interest::OUT] {
        let waits = process(proxy, sleeps(Call::EpollWait, 7));
        let nginx = ProcessEvidence { epolls: vec![set(7, 5, 2, events)], ..waits };
        let all = judged(&sockets, &[writes(client, 3), nginx, asleep(upstream)]);
        let link = ((proxy, 9), Some((upstream, 4)));
        let end = Some((upstream, Blocked));
        check(of(&all, 2), (Backpressure, &[link], end));
        check(of(&all, 4), (Blocked, &[], None));
        let evidence = &of(&all, 2).cause.as_ref().unwrap().evidence;
        let unsent = Fact::UnsentAt(Holder::new(proxy, 9), Payload(FULL.into()));
        assert_eq!(evidence[..2], [unsent, Fact::Epoll { set: 7, events }]);
        // From the client's writer on.
        let root = of(&all, 1).root.clone().unwrap();
        assert_eq!(root.links.len(), 2);
        assert_eq!(root.links[0].reader, Some(Holder::new(proxy, 5)));
        assert_eq!(root.links[1].over, Over::Socket(2));
        assert_eq!(root.reader(), Some(Holder::new(upstream, 4)));
        assert_eq!(of(&all, 1).window_closed, Some(true));
    }
}

#[test]
fn four_processes() {
    let sockets =
        [stuck(1, (1, 3), (2, 4)), stuck_pair(3, (2, 5), (3, 4)), stuck(5, (3, 5), (4, 4))].concat();
    let stopped = process(4, ThreadEvidence { state: Some(b'T'), ..sleeps(Call::Read, 4) });
    let all = judged(&sockets, &[writes(1, 3), writes(2, 5), writes(3, 5), stopped]);
    let (second, third) = (((2, 5), Some((3, 4))), ((3, 5), Some((4, 4))));
    check(of(&all, 2), (Backpressure, &[second, third], Some((4, Stopped))));
    check(of(&all, 4), (Backpressure, &[third], Some((4, Stopped))));
    check(of(&all, 6), (Stopped, &[], None));
    let root = of(&all, 1).root.clone().unwrap();
    assert_eq!((root.links.len(), root.is_circle()), (3, false));
    let Link { unsent, .. } = root.links[1];
    assert_eq!(unsent, Some(Payload(90_000)));
}

#[test]
fn deadlocks() {
    let two = [stuck(1, (1, 3), (2, 3)), stuck(3, (2, 4), (1, 4))].concat();
    let all = judged(&two, &[writes(1, 3), writes(2, 4)]);
    let (there, back) = (((1, 3), Some((2, 3))), ((2, 4), Some((1, 4))));
    check(of(&all, 4), (Deadlock, &[there, back], None));
    check(of(&all, 2), (Deadlock, &[back, there], None));
    assert!(of(&all, 2).root.as_ref().unwrap().is_circle());
    // Over one connection, and over a pair of unix sockets.
    let shut = Some(Shutdown { receive: true, send: false });
    let end = |number, peer, pid, other| {
        let sock =
            Sock::stream(number).peer(peer).unread(90_000).unsent(200_000).held(pid, 3).peer_held(other, 3);
        sock.send_memory(200_000, 212_992).with(|it| it.shutdown = shut)
    };
    let all = judged(&[end(1, 2, 1, 2), end(2, 1, 2, 1)], &[writes(1, 3), writes(2, 3)]);
    check(of(&all, 1), (Deadlock, &[((1, 3), Some((2, 3))), ((2, 3), Some((1, 3)))], None));
    // Of three; and one that waits for these, but is no part of it.
    let three = [
        stuck(1, (1, 3), (2, 4)),
        stuck(3, (2, 3), (3, 4)),
        stuck(5, (3, 3), (1, 4)),
        stuck(7, (9, 3), (8, 4)),
        stuck(9, (8, 3), (1, 5)),
    ]
    .concat();
    let all = judged(&three, &[writes(1, 3), writes(2, 3), writes(3, 3), writes(8, 3)]);
    let circle = [((1, 3), Some((2, 4))), ((2, 3), Some((3, 4))), ((3, 3), Some((1, 4)))];
    check(of(&all, 6), (Deadlock, &circle, None));
    let into = [&[((8, 3), Some((1, 5)))], &circle[..]].concat();
    check(of(&all, 8), (Backpressure, &into, None));
    assert!(of(&all, 8).root.as_ref().unwrap().is_circle());
    // With itself.
    let all = judged(&stuck_pair(1, (1, 3), (1, 4)), &[writes(1, 3)]);
    check(of(&all, 2), (Deadlock, &[((1, 3), Some((1, 4)))], None));
}

/// With a thread that does something else, and might come to read: nobody is known to wait for himself.
#[test]
fn no_deadlock() {
    let also = |process: ProcessEvidence, call| {
        let mut process = process;
        process.threads.push(ThreadEvidence { tid: 900 + process.pid, ..sleeps(call, 99) });
        process
    };
    let alone = judged(&stuck_pair(1, (1, 3), (1, 4)), &[also(writes(1, 3), Call::Sleep)]);
    check(of(&alone, 2), (Blocked, &[], None));
    let root = of(&alone, 1).root.as_ref().unwrap();
    assert_eq!((root.links[0].wait, root.is_circle()), (Wait::OneThread, false));
    let two = [stuck(1, (1, 3), (2, 3)), stuck(3, (2, 4), (1, 4))].concat();
    let all = judged(&two, &[writes(1, 3), also(writes(2, 4), Call::Futex)]);
    check(of(&all, 4), (Backpressure, &[((1, 3), Some((2, 3)))], Some((2, Blocked))));
    check(of(&all, 2), (Blocked, &[], None));
    for (writer, reader) in [(1, 2), (3, 1)] {
        let root = of(&all, writer).root.as_ref().unwrap();
        let end = root.reader().map(|holder| holder.pid);
        assert_eq!((root.links.len(), end, root.is_circle()), (1, Some(reader), false), "{writer}");
    }
    // All of its threads write: none can read before that is taken.
    let all = judged(&two, &[writes(1, 3), also(writes(2, 4), Call::Write)]);
    assert_eq!(of(&all, 2).cause.as_ref().unwrap().code, Deadlock);
    // Two event loops.
    let paused = |pid, fd, inode| ProcessEvidence {
        epolls: vec![set(7, fd, inode, Interest::OUT)],
        ..process(pid, sleeps(Call::EpollWait, 7))
    };
    let all = judged(&two, &[paused(1, 4, 4), paused(2, 3, 2)]);
    assert_eq!(of(&all, 2).cause.as_ref().unwrap().code, Deadlock);
    let root = of(&all, 2).root.as_ref().unwrap();
    assert!(root.is_circle() && root.links.iter().all(|link| link.wait == Wait::EventLoop), "{root:?}");
}

#[test]
fn off_this_host() {
    let away = |unsent| {
        let sock = Sock::tcp(3).unsent(unsent).acked(77).off_host().held(2, 5);
        sock.send_memory(2_900_000, 3_000_000)
    };
    let sockets = [&stuck(1, (1, 3), (2, 4))[..], &[away(FULL)]].concat();
    let end = |sockets: &[Sock], change: &dyn Fn(&mut Snapshot)| {
        let mut both = samples(sockets, sockets, &[writes(2, 5)]);
        change(&mut both.1.snapshot);
        let all = judge(&both.0, &both.1).sockets;
        check(of(&all, 2), (Backpressure, &[((2, 5), None)], None));
        assert_eq!(of(&all, 3).root.as_ref().map(|root| root.links.len()), Some(1));
        (of(&all, 2).root.clone().unwrap().end, of(&all, 2).cause.clone().unwrap().evidence)
    };
    assert_eq!(end(&sockets, &|_| ()).0, End::OffHost);
    // Where it cannot be told: a namespace that was not looked at can have it.
    for what in [Missing::Namespaces, Missing::Processes, Missing::Peers] {
        let gap = Gap::uncounted(what, Place::Host, "run as root");
        assert_eq!(end(&sockets, &|snapshot| snapshot.gaps.push(gap.clone())).0, End::NotFound);
    }
    let gap = |table: Table| Gap::uncounted(Missing::Table, table, "load it");
    assert_eq!(end(&sockets, &|it| it.gaps.push(gap(Table::Tcp(IpVersion::V6)))).0, End::NotFound);
    assert_eq!(end(&sockets, &|it| it.gaps.push(gap(Table::UdpLite(IpVersion::V6)))).0, End::OffHost);
    let without_way = Netns { own: false, ..Netns::own(Some(NetnsId(2))) };
    assert_eq!(end(&sockets, &|it| it.namespaces.push(without_way.clone())).0, End::NotFound);
    // A full loopback connection is on this host, whoever has it; and so is an address of its own.
    let hidden = away(FULL).ports(5, 6);
    let (found, evidence) = end(&[&stuck(1, (1, 3), (2, 4))[..], &[hidden]].concat(), &|_| ());
    assert_eq!((found, evidence.last()), (End::Hidden, Some(&Fact::Missing(UnreadablePart::Descriptors))));
    let own = Sock::tcp(9).off_host().with(|it| std::mem::swap(&mut it.local, &mut it.peer)).unread(1);
    let own = own.with(|it| it.peer = Endpoint::Ip { addr: [192, 0, 2, 9].into(), port: 1 });
    assert_eq!(end(&[&sockets[..], &[own]].concat(), &|_| ()).0, End::Hidden);
}

/// A sample has all that hold something: what is not in it has nothing to read, and keeps nobody waiting.
#[test]
fn readers_that_have_nothing_to_read() {
    let [writer, _] = stuck(3, (2, 5), (3, 4));
    let sockets = [&stuck(1, (1, 3), (2, 4))[..], &[writer]].concat();
    let all = judged(&sockets, &[writes(2, 5), asleep(3)]);
    check(of(&all, 2), (Blocked, &[], None));
    assert_eq!(of(&all, 3).root, None);
    // What it writes does not arrive: that is what it waits for, and nobody is at the end.
    let lost = [&sockets[..2], &[sockets[2].clone().window(65_536, 0).tries(4, 0).peer_held(3, 4)]].concat();
    let all = judged(&lost, &[writes(2, 5), asleep(3)]);
    check(of(&all, 2), (Backpressure, &[((2, 5), Some((3, 4)))], None));
    for number in [2, 3] {
        let root = of(&all, number).root.as_ref().expect("it waits");
        assert!(matches!(root.end, End::NotArriving(shown) if shown.reader_is_empty), "{root:?}");
    }
}

/// What does not keep a process from reading.
#[test]
fn no_link() {
    let sockets = [stuck(1, (1, 3), (2, 4)), stuck(3, (2, 5), (3, 4))].concat();
    let own = |sockets: &[Sock], second: ProcessEvidence, code| {
        let all = judged(sockets, &[second, asleep(3)]);
        check(of(&all, 2), (code, &[], None));
    };
    let edge = |thread| ProcessEvidence {
        epolls: vec![set(7, 4, 2, Interest::IN | Interest::EDGE)],
        ..process(2, thread)
    };
    // It sleeps, writes elsewhere, or is stopped.
    own(&sockets, asleep(2), Blocked);
    own(&sockets, writes(2, 99), Blocked);
    own(&sockets, process(2, ThreadEvidence { state: Some(b'T'), ..sleeps(Call::Write, 5) }), Stopped);
    own(&sockets, edge(sleeps(Call::Futex, 0)), Blocked);
    // There is room to write.
    let mut roomy = sockets.clone();
    roomy[2] = roomy[2].clone().send_memory(1_000_000, 3_000_000);
    own(&roomy, edge(sleeps(Call::EpollWait, 7)), EdgeNotRead);
    // The reader does read: what is lost is lost on the way.
    let mut lost = sockets;
    lost[3] = lost[3].clone().unread(0);
    own(&lost, edge(sleeps(Call::EpollWait, 7)), EdgeNotRead);
}

/// One that leads nowhere leaves the others.
#[test]
fn the_one_that_is_left() {
    let edge = || ProcessEvidence {
        epolls: vec![set(7, 4, 2, Interest::IN | Interest::EDGE)],
        ..process(2, sleeps(Call::EpollWait, 7))
    };
    // The second's reader has nothing to read; 4 and 5 wait for each other.
    let [idle, _] = stuck(11, (2, 8), (6, 4));
    let sockets = [&stuck(1, (1, 3), (2, 4))[..], &stuck(3, (2, 5), (3, 4)), &[idle]].concat();
    let all = judged(&sockets, &[edge(), asleep(3)]);
    check(of(&all, 2), (Backpressure, &[((2, 5), Some((3, 4)))], Some((3, Blocked))));
    let circle = [stuck(5, (2, 6), (4, 4)), stuck(7, (4, 5), (5, 4)), stuck(9, (5, 5), (4, 6))].concat();
    let sockets = [sockets, circle].concat();
    let all = judged(&sockets, &[edge(), asleep(3), writes(4, 5), writes(5, 5)]);
    check(of(&all, 2), (Backpressure, &[((2, 5), Some((3, 4)))], Some((3, Blocked))));
}

/// Over a veth pair the other end is in another namespace, and found by its addresses.
#[test]
fn another_namespace() {
    let [writer, reader] = stuck(3, (2, 5), (3, 4));
    let sockets = [&stuck(1, (1, 3), (2, 4))[..], &[writer, reader]].concat();
    let mut both = samples(&sockets, &sockets, &[writes(2, 5), asleep(3)]);
    for sample in [&mut both.0, &mut both.1] {
        sample.snapshot.sockets[2].peer_inferred = true;
        sample.snapshot.sockets[3].netns = Some(crate::model::netns::NetnsId(2));
    }
    let all = judge(&both.0, &both.1).sockets;
    check(of(&all, 2), (Backpressure, &[((2, 5), Some((3, 4)))], Some((3, Blocked))));
}

/// Datagrams, too, where their reader is known to stand still.
#[test]
fn datagrams() {
    let writer = Sock::new(Protocol::UnixDatagram, 3).peer(4).unsent(200_000).send_memory(200_000, 212_992);
    let reader = Sock::new(Protocol::UnixDatagram, 4).unread(100).charged(200_000).held(3, 4);
    let sockets = [&stuck(1, (1, 3), (2, 4))[..], &[writer.held(2, 5).peer_held(3, 4), reader]].concat();
    // The third has not run in between.
    let all = judged(&sockets, &[writes(2, 5), asleep(3)]);
    check(of(&all, 2), (Backpressure, &[((2, 5), Some((3, 4)))], Some((3, Blocked))));
    assert_eq!(of(&all, 2).root.as_ref().unwrap().links[0].unsent, Some(Payload(100)));
}

/// Many, all waiting for all: it ends.
#[test]
fn everybody_waits_for_everybody() {
    let count = 24;
    let mut sockets = Vec::new();
    for (at, (from, to)) in (1..=count).flat_map(|a| (1..=count).map(move |b| (a, b))).enumerate() {
        let number = 2 * u32::try_from(at).unwrap() + 1;
        sockets.extend(stuck(number, (from, 100 + to), (to, 200 + from)));
    }
    let thread = |pid| {
        let mut blocked = writes(pid, 101);
        blocked
            .threads
            .extend((2..=count).map(|to| ThreadEvidence { tid: 1000 + to, ..sleeps(Call::Write, 100 + to) }));
        blocked
    };
    let processes: Vec<ProcessEvidence> = (1..=count).map(thread).collect();
    let all = judged(&sockets, &processes);
    assert_eq!(all.len(), sockets.len());
    assert!(all.iter().filter_map(|it| it.cause.as_ref()).all(|cause| cause.code == Deadlock));
}
