//! Processes that do not read because they cannot write: who is at the end.

use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;

use nix::libc::{SYS_sendto, SYS_write};
use rustix::net::SocketType;
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::progress::Writing;
use skcheck_core::{Holder, NetnsChoice};

use crate::kernel;
use crate::look::{SHORT, ends_at, engine, here, stands_on, watch, watch_by};
use crate::pairs::{Pair, fill_tcp};
use crate::role::Role;
use crate::support::namespaces::run;
use crate::support::netns::in_own_netns;
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

    let mut query = here();
    query.netns = NetnsChoice::All;
    let seen = watch_by(engine(), &query, || std::thread::sleep(SHORT));
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
        assert!(root.is_circle && root.end.is_none(), "{root:#?}");
        let mut on_the_way: Vec<u32> = root.links.iter().map(|link| link.writer.pid).collect();
        on_the_way.sort_unstable();
        let mut both = [roles[0].pid(), roles[1].pid()];
        both.sort_unstable();
        assert_eq!(on_the_way, both);
    }
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
