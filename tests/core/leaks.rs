//! Sockets that are never released: in the tables of the kernel or not, and counted for whom.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use rustix::net::{AddressFamily, SocketType};
use seccompiler::SeccompAction;
use skcheck_core::leaks::{self, Leaked, Leaks, Thresholds};
use skcheck_core::{Holder, Live, Missing, Place, Protocol, State, Table};

use crate::support::child::{Sleeper, no_child_is_born};
use crate::support::doing::Doing;
use crate::support::made_up::{Answer, MadeUp};
use crate::support::messages::{self, Inet};
use crate::support::netns::in_own_netns;
use crate::support::sandbox;
use crate::support::scan::{eventually, mine};
use crate::support::sockets::{inode, socket_of, tcp_pair, unix_pair};

const MANY: u64 = 600;

/// Looks twice; in between, something happens.
fn twice(thresholds: Thresholds, in_between: impl FnOnce()) -> Leaks {
    let host = Live::new();
    let first = {
        let _quiet = no_child_is_born();
        leaks::look(&host, thresholds).expect("tables can be read")
    };
    in_between();
    let _quiet = no_child_is_born();
    first.again()
}

fn of(leaks: &Leaks, pid: u32) -> Vec<(&'static str, u64, u64)> {
    let rows = leaks.leaked.iter().filter(|leaked| leaked.pid == pid);
    rows.map(|Leaked { table, sockets, shared, .. }| (*table, *sockets, *shared)).collect()
}

/// How many sockets of a process `ss` lists.
fn listed_by_ss(pid: u32) -> usize {
    let output = Command::new("ss").args(["-Htuaxnp"]).output().expect("ss is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter(|line| line.contains(&format!("pid={pid},"))).count()
}

fn idle_socket() -> std::os::fd::OwnedFd {
    unix_pair(SocketType::STREAM).0
}

/// Who is told to end before the second look knows what the first one saw.
#[test]
fn the_first_look_alone() {
    let host = MadeUp::new().process(7, "opener", &(1..=30).collect::<Vec<u32>>());
    let first = leaks::look(&host.kernel(|_| None), Thresholds::new(30, 1)).map(leaks::FirstLook::alone);
    let alone = first.expect("tables can be read");
    assert_eq!((alone.again_after, &alone.leaked[..], alone.sockets), (None, &[][..], 0));
    let [open] = &alone.open[..] else { panic!("{:?}", alone.open) };
    assert_eq!((open.pid, open.sockets), (7, 30));
    assert_eq!(alone.gaps.iter().filter(|gap| gap.what == Missing::Partial).count(), 1);
}

/// One process has closed 600 connections and keeps them, one has made 600 sockets and never used them: from
/// outside both look the same. A third has as many that do something.
#[test]
fn closed_and_fresh_ones() {
    if !in_own_netns("leaks::closed_and_fresh_ones") {
        return;
    }
    let [closed, fresh, bound] = ["closed sockets", "fresh sockets", "bound sockets"].map(|role| {
        let (child, numbers) = Doing::start(role, idle_socket());
        assert_eq!(numbers, [600]);
        child
    });
    // Their standard input is a unix socket, which is in a table.
    assert_eq!([&closed, &fresh].map(|child| listed_by_ss(child.pid())), [1, 1]);
    assert_eq!(listed_by_ss(bound.pid()) as u64, MANY + 1);
    // Of which /proc/net alone may tell; that is enough here.
    let _raw = socket_of(AddressFamily::INET, SocketType::RAW, Some(rustix::net::ipproto::ICMP));
    let leaks = twice(Thresholds::new(MANY + 1, 500), || {});
    assert!(leaks.gaps.iter().all(|gap| gap.what != Missing::TableDetail), "{:?}", leaks.gaps);
    assert_eq!(of(&leaks, closed.pid()), [("tcp", MANY, 0)]);
    assert_eq!(of(&leaks, fresh.pid()), [("tcp", MANY, 0)]);
    assert_eq!(of(&leaks, bound.pid()), []);
    for child in [&closed, &fresh] {
        let row = leaks.leaked.iter().find(|leaked| leaked.pid == child.pid()).expect("listed above");
        let (number, Holder { fd, .. }) = row.oldest;
        let link = std::fs::read_link(format!("/proc/{}/fd/{fd}", child.pid())).expect("it is open");
        assert_eq!(link.to_str(), Some(format!("socket:[{}]", number.get()).as_str()));
        assert!(leaks.processes.iter().any(|process| process.pid == child.pid()), "it has a name");
    }
    // Each of the three has its standard input too.
    for child in [&closed, &fresh, &bound] {
        let open = leaks.open.iter().find(|open| open.pid == child.pid()).expect("as many");
        assert_eq!(open.sockets, MANY + 1);
        let mut listed = vec![(Protocol::UnixStream, State::Established, 1)];
        if child.pid() == bound.pid() {
            listed.insert(0, (Protocol::Udp, State::Close, MANY));
        }
        assert_eq!(open.listed, listed);
    }
    assert!(leaks.sockets >= 2 * MANY);
}

/// What is on its way when the first look comes is none.
#[test]
fn only_what_was_so_both_times() {
    if !in_own_netns("leaks::only_what_was_so_both_times") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let tcp = || socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let (stays, connects, closes) = (tcp(), tcp(), tcp());
    let six = socket_of(AddressFamily::INET6, SocketType::STREAM, None);
    let unbound = socket_of(AddressFamily::INET, SocketType::DGRAM, None);
    let _listed = (UdpSocket::bind("127.0.0.1:0"), idle_socket(), tcp_pair("127.0.0.1"));
    let netlink = socket_of(AddressFamily::NETLINK, SocketType::RAW, None);
    // A family without a table.
    let xdp = socket_of(AddressFamily::XDP, SocketType::RAW, None);
    let address = listener.local_addr().expect("bound");
    let leaks = twice(Thresholds::new(1, 1), || {
        rustix::net::connect(&connects, &address).expect("it listens");
        drop(closes);
    });
    let own = std::process::id();
    assert_eq!(of(&leaks, own), [("tcp", 2, 0), ("netlink", 1, 0), ("udp", 1, 0)]);
    let row = leaks.leaked.iter().find(|leaked| leaked.pid == own).expect("listed above");
    assert_eq!(row.oldest, (inode(&stays), mine(&stays)));
    assert!(leaks.apart.families.get(b"XDP".as_slice()).is_some_and(|sockets| *sockets > 0));
    assert_eq!((leaks.apart.namespaces, leaks.apart.unnamed), (0, 0));
    drop((six, unbound, netlink, xdp));
}

/// A child that has inherited them leaks the same ones.
#[test]
fn those_that_a_child_has_too() {
    if !in_own_netns("leaks::those_that_a_child_has_too") {
        return;
    }
    let stays = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let copy = stays.try_clone().expect("a free descriptor");
    let child = Sleeper::holding(copy);
    let leaks = twice(Thresholds::new(1, 1), || {});
    for pid in [std::process::id(), child.pid()] {
        assert_eq!(of(&leaks, pid), [("tcp", 1, 1)]);
    }
}

/// Where a namespace may not be entered, what its processes hold may be in its tables.
#[test]
fn those_of_namespaces_that_may_not_be_entered() {
    if !in_own_netns("leaks::those_of_namespaces_that_may_not_be_entered") {
        return;
    }
    let fresh = || socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let own = fresh();
    let mut command = Command::new("unshare");
    let elsewhere = Sleeper::running(command.args(["--net", "sleep", "300"]), fresh());
    drop(command); // it still has the descriptor
    let here = std::fs::read_link("/proc/self/ns/net").expect("/proc");
    let is_there =
        || std::fs::read_link(format!("/proc/{}/ns/net", elsewhere.pid())).is_ok_and(|link| link != here);
    eventually("it has its own namespace", || is_there().then_some(()));
    let everywhere = Thresholds::new(1, 1);
    let leaks = twice(everywhere, || {});
    assert_eq!(of(&leaks, elsewhere.pid()), [("tcp", 1, 0)]);
    let others = leaks.apart.namespaces;
    let leaks = without_setns(|| twice(everywhere, || {}));
    assert_eq!(of(&leaks, elsewhere.pid()), []);
    assert_eq!(of(&leaks, std::process::id()), [("tcp", 1, 0)]);
    assert!(leaks.apart.namespaces > others, "{:?}", leaks.apart);
    assert!(leaks.gaps.iter().any(|gap| gap.what == Missing::Namespaces), "{:?}", leaks.gaps);
    drop(own);
}

/// Runs `inside` on a thread that may not enter namespaces.
fn without_setns<T: Send>(inside: impl FnOnce() -> T + Send) -> T {
    let setns = if cfg!(target_arch = "x86_64") { 308 } else { 268 };
    sandbox::within(&sandbox::filter(setns, Vec::new(), SeccompAction::Errno(1)), inside)
}

/// Connections that are established are in a table, however many there are, and so are raw sockets.
#[test]
fn established_connections_are_none() {
    if !in_own_netns("leaks::established_connections_are_none") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let pairs: Vec<(TcpStream, TcpStream)> = (0..20)
        .map(|_| {
            let client = TcpStream::connect(address).expect("it listens");
            (client, listener.accept().expect("it waits").0)
        })
        .collect();
    // Of which /proc/net alone may tell.
    let raw = || socket_of(AddressFamily::INET, SocketType::RAW, Some(rustix::net::ipproto::ICMP));
    let raw = [raw(), raw(), raw()];
    let leaks = twice(Thresholds::new(1, 1), || {});
    assert_eq!(of(&leaks, std::process::id()), []);
    let open = leaks.open.iter().find(|open| open.pid == std::process::id()).expect("as many");
    assert!(open.listed.contains(&(Protocol::Tcp, State::Established, 2 * pairs.len() as u64)), "{open:?}");
    assert!(open.listed.contains(&(Protocol::Raw, State::Close, raw.len() as u64)), "{open:?}");
}

/// Where a table cannot be read, its sockets are no leaks; those that only the second look shows are none
/// either.
#[test]
fn a_made_up_host() {
    let host = MadeUp::new().process(5, "reader", &[1, 2, 3]).kernel(|request| {
        if request.family == 1 {
            return Some(Answer::of([messages::refused(request.sequence, 2)]));
        }
        let socket = Inet::numbered(1).dumped(request.sequence);
        request.is_tcp4().then(|| Answer::of([socket, messages::done(request.sequence, 0)]))
    });
    let leaks = leaks::look(&host, Thresholds::new(3, 2)).expect("TCP answers").again();
    assert_eq!(of(&leaks, 5), [("tcp", 2, 0)]);
    assert_eq!(leaks.open.iter().map(|open| (open.pid, open.sockets)).collect::<Vec<_>>(), [(5, 3)]);
    assert_eq!(
        leaks.processes.iter().map(|it| it.comm.clone()).collect::<Vec<_>>(),
        [Some(b"reader".to_vec())]
    );
    assert!(
        leaks.gaps.iter().any(|gap| gap.what == Missing::Table && gap.place == Place::Table(Table::Unix)),
        "{:?}",
        leaks.gaps
    );
    // One more is too few.
    let leaks = leaks::look(&host, Thresholds::new(4, 3)).expect("TCP answers").again();
    assert_eq!((leaks.open.len(), leaks.leaked.len(), leaks.sockets), (0, 0, 2));
    assert_eq!((leaks.below.sockets, leaks.below.processes), (2, 1));
}
