//! Processes that do not read because they cannot write: who is at the end.

use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;

use nix::libc::{SYS_clock_nanosleep, SYS_sendto, SYS_write};
use rustix::net::SocketType;
use skcheck_core::watch::cause::{CauseCode, End, Fact};
use skcheck_core::watch::evidence::Call;
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::{Holder, Inode, NetnsChoice, Protocols, Query, State};

use crate::kernel;
use crate::look::{LONG, SHORT, ends_at, engine, here, stands_on, watch, watch_by, watch_counting};
use crate::pairs::{Pair, fill_tcp};
use crate::role::Role;
use crate::support::namespaces::run;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::sockets::inode;

const KIB: usize = 1 << 10;

fn small_tcp() -> Pair {
    Pair::tcp(32 * KIB, 32 * KIB)
}

/// The descriptor that a role cannot write to.
fn blocked_writing(role: &Role) -> Holder {
    let fd = kernel::sleeps_in(role.pid(), &[SYS_sendto, SYS_write]);
    Holder::new(role.pid(), fd.try_into().expect("a descriptor"))
}

/// One relay, and a sink that reads nothing.
#[test]
fn of_two() {
    if !in_own_netns("chain::of_two") {
        return;
    }
    let (first, second) = (small_tcp(), small_tcp());
    let (unread, sunk) = (inode(&first.reader), inode(&second.reader));
    let relay = Role::start("relay", vec![first.reader, second.writer]);
    let sink = Role::start("sleep", vec![second.reader]);
    let client = fill_tcp(first.writer);
    let writer = blocked_writing(&relay);
    let seen = watch(SHORT);
    let cause = seen.stalled_by(unread, CauseCode::Backpressure);
    stands_on(
        cause,
        relay.pid(),
        |fact| matches!(fact, Fact::UnsentAt(holder, unsent) if *holder == writer && unsent.0 > 0),
    );
    let root = seen.root(unread);
    ends_at(root, sink.holder(sunk), CauseCode::Blocked);
    let [link] = &root.links[..] else { panic!("one link: {root:#?}") };
    assert_eq!((link.writer, link.reader), (writer, Some(sink.holder(sunk))));
    // The sink itself waits for no other.
    seen.stalled_by(sunk, CauseCode::Blocked);
    assert!(seen.socket(sunk).root.is_none());
    assert_eq!(seen.writing(inode(&client)), Writing::Stalled);
}

/// Three relays and a sink: over TCP, a unix pair, TCP again, and a cable to another network namespace.
#[test]
fn of_four() {
    const PORT: u16 = 7002;
    if !in_own_netns("chain::of_four") {
        return;
    }
    let sink = elsewhere(PORT);
    let cable = TcpStream::connect((Ipv4Addr::new(10, 77, 0, 2), PORT)).expect("it listens");
    sink.wait();
    // Its channel to this test, its listener, and what it has accepted.
    let [_, _, accepted] = kernel::sockets(sink.pid())[..] else { panic!("three sockets") };
    let (first, second, third) = (small_tcp(), Pair::unix(SocketType::STREAM, 32 * KIB), small_tcp());
    let unread = [&first.reader, &second.reader, &third.reader].map(inode);
    let relays = [
        Role::start("relay", vec![first.reader, second.writer]),
        Role::start("relay", vec![second.reader, third.writer]),
        Role::start("relay", vec![third.reader, OwnedFd::from(cable)]),
    ];
    let _client = fill_tcp(first.writer);
    let writers = [0, 1, 2].map(|place| blocked_writing(&relays[place]));

    // What was asked for is in this namespace, and the end is not.
    let seen = watch(SHORT);
    let cause = seen.stalled_by(unread[0], CauseCode::Backpressure);
    stands_on(cause, relays[0].pid(), |fact| matches!(fact, Fact::UnsentAt(at, _) if *at == writers[0]));
    let root = seen.root(unread[0]);
    let end = Holder::new(sink.pid(), accepted);
    ends_at(root, end, CauseCode::Blocked);
    let on_the_way: Vec<Holder> = root.links.iter().map(|link| link.writer).collect();
    assert_eq!(on_the_way, writers);
    let readers: Vec<Option<Holder>> = root.links.iter().map(|link| link.reader).collect();
    let expected = [relays[1].holder(unread[1]), relays[2].holder(unread[2]), end];
    assert_eq!(readers, expected.map(Some));
}

/// A sink in a network namespace of its own, joined to this one by a cable: 10.77.0.1 and 10.77.0.2.
fn elsewhere(port: u16) -> Role {
    let mut command = Command::new("unshare");
    command.arg("--net").arg(std::env::current_exe().expect("the test binary has a path"));
    let sink = Role::start_by(&mut command, &format!("accept-one {port}"), Vec::new());
    let pid = sink.pid().to_string();
    run("ip", &["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &pid]);
    run("ip", &["addr", "add", "10.77.0.1/24", "dev", "near"]);
    run("ip", &["link", "set", "near", "up"]);
    let there = |words: &[&str]| run("nsenter", &[&["--net", "--target", &pid, "ip"], words].concat());
    there(&["addr", "add", "10.77.0.2/24", "dev", "far"]);
    there(&["link", "set", "far", "up"]);
    sink
}

/// Whatever was asked for of a chain, it is followed to its end; and only what was asked for is told.
#[test]
fn with_filters() {
    if !in_own_netns("chain::with_filters") {
        return;
    }
    let pairs = [small_tcp(), Pair::unix(SocketType::STREAM, 32 * KIB), small_tcp()];
    let unread = pairs.each_ref().map(|pair| inode(&pair.reader));
    let sent = pairs.each_ref().map(|pair| inode(&pair.writer));
    let ports = [&pairs[0], &pairs[2]].map(|pair| {
        let reader = TcpStream::from(pair.reader.try_clone().expect("a descriptor"));
        reader.local_addr().expect("connected").port()
    });
    let [first, second, third] = pairs;
    let relays = [
        Role::start("relay", vec![first.reader, second.writer]),
        Role::start("relay", vec![second.reader, third.writer]),
    ];
    let sink = Role::start("sleep", vec![third.reader]);
    let _client = fill_tcp(first.writer);
    let writers = [0, 1].map(|place| blocked_writing(&relays[place]));
    let end = sink.holder(unread[2]);
    // Windows open in steps: full for some time is full.
    eventually("nothing moves any more", || {
        let seen = watch_by(engine(), &here(), || std::thread::sleep(LONG));
        // Without an engine nothing tells of unix sockets.
        let told = sent.iter().filter(|inode| **inode != sent[1] || engine().is_some());
        told.copied().all(|inode| seen.writing(inode) == Writing::Stalled).then_some(())
    });
    let check = |change: &dyn Fn(&mut Query), asked: &[Inode]| {
        let mut query = here();
        // Other programs that ask the kernel at the same time have one for a moment.
        query.protocols -= Protocols::NETLINK;
        change(&mut query);
        let seen = watch_by(engine(), &query, || std::thread::sleep(SHORT));
        let mut found = seen.asked_for();
        let mut expected: Vec<Inode> = asked.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{query:?}");
        if engine().is_none() {
            // Nothing tells that the reader of a unix socket stands still.
            return;
        }
        seen.stalled_by(unread[0], CauseCode::Backpressure);
        let root = seen.root(unread[0]);
        ends_at(root, end, CauseCode::Blocked);
        let links: Vec<Holder> = root.links.iter().map(|link| link.writer).collect();
        assert_eq!(links, writers);
        seen.stalled_by(unread[1], CauseCode::Backpressure);
        ends_at(seen.root(unread[1]), end, CauseCode::Blocked);
        seen.stalled_by(unread[2], CauseCode::Blocked);
        ends_at(seen.root(sent[0]), end, CauseCode::Blocked);
    };
    check(&|query| query.pids = vec![relays[0].pid()], &[unread[0], sent[1]]);
    check(&|query| query.pids = vec![relays[1].pid()], &[unread[1], sent[2]]);
    check(&|query| query.pids = vec![sink.pid()], &[unread[2]]);
    check(&|query| query.pids = vec![std::process::id()], &[sent[0]]);
    check(&|query| query.port = Some(ports[0]), &[sent[0], unread[0]]);
    check(&|query| query.port = Some(ports[1]), &[sent[2], unread[2]]);
    check(&|query| query.protocols -= Protocols::UNIX, &[sent[0], unread[0], sent[2], unread[2]]);
    check(&|query| query.protocols -= Protocols::TCP, &[sent[1], unread[1]]);
    check(&|query| query.min_recv_q = Some(1 << 30), &[]);
    check(&|query| query.states = vec![State::CloseWait], &[]);
    check(&|query| query.netns = NetnsChoice::OfProcess(sink.pid()), &[&sent[..], &unread[..]].concat());
}

/// A relay that cannot write because the reader at its other end is slow.
#[test]
fn of_a_slow_reader() {
    const RATE: u64 = 20_000;
    if !in_own_netns("chain::of_a_slow_reader") {
        return;
    }
    let (first, second) = (small_tcp(), small_tcp());
    let (unread, read) = (inode(&first.reader), inode(&second.reader));
    let relay = Role::start("relay", vec![first.reader, second.writer]);
    let sink = Role::start("sleep", vec![second.reader.try_clone().expect("a descriptor")]);
    let client = fill_tcp(first.writer);
    let writer = blocked_writing(&relay);
    // From here on it is read.
    let reader = Role::start(&format!("read {RATE}"), vec![second.reader]);
    drop(sink);
    let _client = Role::start("pour", vec![client]);
    let slow = || {
        let seen = watch_counting(LONG, [&reader]);
        let judged = seen.socket(unread);
        assert!(judged.reading != Reading::Idle, "{judged:#?}");
        let slow = seen.socket(read);
        seen.is_rate(slow.consumed, slow, 0);
        assert!(slow.until.is_none() && slow.root.is_none(), "{slow:#?}");
        // At the moment that it is looked at the relay may be about to read.
        let root = judged.root.clone()?;
        assert_eq!(judged.cause.as_ref().map(|cause| cause.code), Some(CauseCode::Backpressure));
        Some((root, slow.consumed))
    };
    let (root, consumed) =
        std::iter::repeat_with(slow).take(3).flatten().next().expect("the relay is seen writing");
    let End::Slow(end, pace, _) = root.end else { panic!("a slow reader: {root:#?}") };
    assert_eq!(end, reader.holder(read));
    assert_eq!(pace.consumed, consumed, "{root:#?}");
    assert!(!pace.at_least);
    let [link] = &root.links[..] else { panic!("one link: {root:#?}") };
    assert_eq!((link.writer, link.reader), (writer, Some(end)));
}

/// Two processes that write to each other, and neither reads before it has written.
fn wait_for_each_other(pair: Pair) {
    let (here, there) = pair.inodes();
    let roles = [Role::start("pour", vec![pair.writer]), Role::start("pour", vec![pair.reader])];
    let writers = [blocked_writing(&roles[0]), blocked_writing(&roles[1])];
    let seen = watch(SHORT);
    for (place, socket) in [here, there].into_iter().enumerate() {
        let cause = seen.stalled_by(socket, CauseCode::Deadlock);
        stands_on(
            cause,
            roles[place].pid(),
            |fact| matches!(fact, Fact::UnsentAt(at, _) if *at == writers[place]),
        );
        let root = seen.root(socket);
        assert!(root.is_circle(), "{root:#?}");
        let mut on_the_way: Vec<u32> = root.links.iter().map(|link| link.writer.pid).collect();
        on_the_way.sort_unstable();
        let mut both = [roles[0].pid(), roles[1].pid()];
        both.sort_unstable();
        assert_eq!(on_the_way, both);
    }
}

/// One that writes to itself, and has nobody else to read.
#[test]
fn deadlock_with_itself() {
    if !in_own_netns("chain::deadlock_with_itself") {
        return;
    }
    let pair = small_tcp();
    let (_, unread) = pair.inodes();
    let role = Role::start("pour-to-itself", vec![pair.writer, pair.reader]);
    let writer = blocked_writing(&role);
    let seen = watch(SHORT);
    let cause = seen.stalled_by(unread, CauseCode::Deadlock);
    stands_on(cause, role.pid(), |fact| matches!(fact, Fact::UnsentAt(at, _) if *at == writer));
    assert!(seen.root(unread).is_circle());
}

/// The same with a thread that sleeps, and may read when it wakes: what is known is that all are blocked.
#[test]
fn no_deadlock() {
    if !in_own_netns("chain::no_deadlock") {
        return;
    }
    let pair = small_tcp();
    let (_, unread) = pair.inodes();
    let role = Role::start("pour-beside", vec![pair.writer, pair.reader]);
    let writer = blocked_writing(&role);
    let [_, other] = kernel::threads(role.pid())[..] else { panic!("two threads") };
    kernel::sleeps_in_thread(role.pid(), other, &[SYS_clock_nanosleep]);
    let seen = watch(SHORT);
    let cause = seen.stalled_by(unread, CauseCode::Blocked);
    let thread = |wanted: u32, call| {
        stands_on(
            cause,
            role.pid(),
            |fact| matches!(fact, Fact::Thread { tid, call: is, .. } if *tid == wanted && *is == Some(call)),
        );
    };
    thread(role.pid(), (Call::Write, Some(writer.fd)));
    thread(other, (Call::Sleep, None));
    assert!(seen.socket(unread).root.is_none());
}

#[test]
fn deadlock_over_tcp() {
    if in_own_netns("chain::deadlock_over_tcp") {
        wait_for_each_other(small_tcp());
    }
}

#[test]
fn deadlock_over_unix() {
    if in_own_netns("chain::deadlock_over_unix") && engine().is_some() {
        wait_for_each_other(Pair::unix(SocketType::STREAM, 32 * KIB));
    }
}
