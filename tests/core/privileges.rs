//! What a user without privileges, a sandbox and another network namespace see, and what they are told.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use rustix::net::{AddressFamily, SocketType};
use seccompiler::{SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
use skcheck_core::{
    Connections, ErrorKind, Holder, Holding, Live, Missing, NetnsChoice, Payload, Place, Protocols, Query,
    RecvQueue, SendQueue, SkMem, Snapshot, SocketEntry, Source, State, Truesize, scan as library_scan,
};

use crate::support::child::{Sleeper, spawn};
use crate::support::loopback::settle;
use crate::support::netns::in_own_netns;
use crate::support::nobody::{NOBODY, runs_as_nobody};
use crate::support::sandbox;
use crate::support::scan::{self, eventually, find, get, mine};
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::{inode, socket_of, tcp_pair, unix_pair};

const PORT: &str = "SKCHECK_TEST_PORT";

fn gap(snapshot: &Snapshot, what: Missing) -> Option<Option<u64>> {
    snapshot.gaps.iter().find(|gap| gap.what == what).map(|gap| gap.count)
}

/// Root's sockets as nobody sees them: all numbers, no holder, and a gap that says so.
#[test]
fn an_unprivileged_user() {
    if let Ok(port) = std::env::var(PORT) {
        return as_nobody(port.parse().expect("a number"));
    }
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(777);
    runs_as_nobody("privileges::an_unprivileged_user", (PORT, &pair.port.to_string()));
}

fn as_nobody(port: u16) {
    assert_eq!(rustix::process::geteuid().as_raw(), NOBODY);
    let snapshot = scan::run(&scan::port(port));
    let unread = RecvQueue::Payload(Payload(777));
    let report = snapshot.sockets.iter().find(|report| report.socket.recv_q == unread);
    let report = report.expect("anyone sees all sockets");
    assert_eq!((report.holding, &report.holders[..]), (Holding::Hidden, &[][..]));
    assert!(report.footprint.received.charged >= Some(Truesize(777)));
    assert_eq!(report.socket.uid, Some(0));
    let unreadable = gap(&snapshot, Missing::Processes).flatten();
    assert!(unreadable >= Some(2), "{:?}", snapshot.gaps);
    assert_eq!(unreadable, Some(snapshot.scanned.unreadable));
    assert!(!snapshot.scanned.all_processes);
    let remedy = &snapshot.gaps.iter().find(|gap| gap.what == Missing::Processes).expect("above").remedy;
    assert!(remedy.contains("CAP_SYS_PTRACE") && remedy.contains("root"), "{remedy}");

    // What is the user's own has its holder.
    let own = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let snapshot = scan::run(&scan::port(own.local_addr().expect("bound").port()));
    assert_eq!(get(&snapshot, inode(&own)).holders, [mine(&own)]);
}

/// Runs `inside` on a thread that may not open netlink sockets.
fn without_netlink<T: Send>(inside: impl FnOnce() -> T + Send) -> T {
    let netlink = u64::from(AddressFamily::NETLINK.as_raw());
    let first_argument =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, netlink).expect("a condition");
    let rule = SeccompRule::new(vec![first_argument]).expect("a rule");
    let socket = if cfg!(target_arch = "x86_64") { 41 } else { 198 };
    sandbox::within(&sandbox::filter(socket, vec![rule], SeccompAction::Errno(13)), inside)
}

#[test]
fn a_sandbox_that_refuses_netlink() {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(4321);
    let mut six = tcp_pair("::1");
    six.send(99);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let _waits = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    udp.send_to(b"to itself", udp.local_addr().expect("bound")).expect("loopback takes it");
    settle();
    let normal = scan::run(&scan::everything());
    let snapshot = without_netlink(|| scan::run(&scan::everything()));

    assert_eq!((normal.source, snapshot.source), (Source::SockDiag, Source::ProcNet));
    for socket in [inode(&pair.server), inode(&pair.client), inode(&six.server), inode(&udp)] {
        let (known, report) = (get(&normal, socket), get(&snapshot, socket));
        assert_eq!(report.socket.local, known.socket.local);
        assert_eq!(report.socket.peer, known.socket.peer);
        assert_eq!(report.socket.state, known.socket.state);
        assert_eq!(report.socket.recv_q, known.socket.recv_q);
        assert_eq!(report.socket.send_q, known.socket.send_q);
        assert_eq!(report.socket.uid, known.socket.uid);
        assert_eq!(report.holders, known.holders);
        // What is dropped is all that /proc/net tells of memory, and not for TCP.
        let mut skmem = report.socket.skmem;
        skmem.drops = None;
        assert_eq!((skmem, report.socket.cookie), (SkMem::default(), None));
    }
    let report = get(&snapshot, inode(&pair.server));
    assert_eq!(report.footprint.received.payload, Some(Payload(4321)));
    assert_eq!((report.footprint.received.charged, report.footprint.received.worst), (None, None));
    let report = get(&snapshot, inode(&listener));
    assert_eq!(report.socket.recv_q, RecvQueue::Connections(Connections(1)));
    assert_eq!(report.socket.send_q, SendQueue::Unknown);

    let refused = snapshot.gaps.iter().find(|gap| gap.what == Missing::SockDiag).expect("it is said");
    assert!(refused.place == Place::SockDiag, "{refused:?}");
    let unseen: Vec<&str> =
        snapshot.gaps.iter().filter(|gap| gap.what == Missing::Table).map(scan::place).collect();
    assert!(unseen.iter().all(|table| table.starts_with("mptcp")), "{unseen:?}");
}

/// Without netlink too, a connection that nobody has accepted is its listener's.
#[test]
fn a_sandbox_and_who_has_yet_to_accept() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    client.write_all(b"hello").expect("it is buffered");
    let sleeper = Sleeper::holding(listener);
    let there = Holder::new(sleeper.pid(), Sleeper::FD).leading(skcheck_core::Via::AcceptQueue);
    let waiting = |snapshot: &Snapshot| {
        let is_it =
            |report: &&SocketEntry| report.socket.inode.is_none() && report.socket.local.port() == Some(port);
        let mut found = snapshot.sockets.iter().filter(is_it);
        let report = found.next()?.clone();
        assert!(found.next().is_none(), "it is reported twice");
        (report.socket.recv_q == RecvQueue::Payload(Payload(5))).then_some(report)
    };
    let (snapshot, report) = eventually("it waits, with data", || {
        let snapshot = without_netlink(|| scan::run(&scan::port(port)));
        let report = waiting(&snapshot)?;
        Some((snapshot, report))
    });
    assert_eq!(snapshot.source, Source::ProcNet);
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!((&report.holders[..], &report.peer_holders[..]), (&[there][..], &[mine(&client)][..]));
    assert_eq!(get(&snapshot, inode(&client)).peer_holders, [there]);
}

/// Both ends of a connection are on this host, and nobody counted the memory of all sockets.
#[test]
fn a_sandbox_and_both_ends_of_a_connection() {
    for address in ["127.0.0.1", "::1"] {
        let mut pair = tcp_pair(address);
        pair.send(10);
        let (server, port) = (inode(&pair.server), pair.port);
        let sleeper = Sleeper::holding(pair.server);
        let there = Holder::new(sleeper.pid(), Sleeper::FD);
        let snapshot = without_netlink(|| scan::run(&scan::port(port)));
        let report = get(&snapshot, server);
        assert_eq!(
            (&report.holders[..], &report.peer_holders[..]),
            (&[there][..], &[mine(&pair.client)][..])
        );
        let report = get(&snapshot, inode(&pair.client));
        assert_eq!(
            (&report.holders[..], &report.peer_holders[..]),
            (&[mine(&pair.client)][..], &[there][..])
        );
        assert_eq!(snapshot.unlisted_tcp_mem, None);
    }
    let snapshot = without_netlink(|| scan::run(&scan::everything()));
    assert_eq!((snapshot.source, snapshot.unlisted_tcp_mem), (Source::ProcNet, None));
}

#[test]
fn a_sandbox_and_unix_sockets_alone() {
    let (one, _other) = UnixStream::pair().expect("a pair");
    let snapshot = without_netlink(|| scan::run(&scan::unix_only()));
    let report = get(&snapshot, inode(&one));
    assert_eq!((report.socket.recv_q, &report.holders[..]), (RecvQueue::Unknown, &[mine(&one)][..]));
    assert_eq!(snapshot.source, Source::ProcNet);
}

#[test]
fn a_sandbox_and_what_has_no_file() {
    let query = Query::of(Protocols::MPTCP);
    let error = without_netlink(|| library_scan(&Live::new(), &query).expect_err("no table"));
    assert_eq!(error.kind(), ErrorKind::NoTables);
    assert!(error.gaps().iter().any(|gap| gap.what == Missing::SockDiag), "{:?}", error.gaps());
}

/// A process in another network namespace holds sockets of every kind: none of them is in this
/// namespace's tables, and none of them is closed.
#[test]
fn sockets_of_another_network_namespace() {
    if !in_own_netns("privileges::sockets_of_another_network_namespace") {
        return;
    }
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(1000);
    let server = inode(&pair.server);
    // A process that lives in yet another namespace, and holds a fresh socket of that one: unshare
    // makes no socket, so a shell opens one by /dev/tcp, which only bash has.
    let mut command = Command::new("unshare");
    command.args(["--net", "sleep", "300"]).stdin(Stdio::from(std::os::fd::OwnedFd::from(pair.server)));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut elsewhere = spawn(&mut command);
    drop(command); // it still has the descriptor
    let own = std::fs::read_link("/proc/self/ns/net").expect("/proc is mounted");
    let theirs = format!("/proc/{}/ns/net", elsewhere.id());
    eventually("it has its own namespace", || (std::fs::read_link(&theirs).ok()? != own).then_some(()));

    // A socket keeps the namespace that it was made in: this one is in the table, with its holder.
    let snapshot = scan::run(&scan::everything());
    let report = get(&snapshot, server);
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(1000)));
    assert_eq!(report.holders[0].pid, elsewhere.id());

    // Closed and held by a process elsewhere: it is in no table of any namespace.
    crate::support::sockets::reset(pair.client);
    let closed = eventually("it is reset", || {
        let snapshot = scan::run(&scan::everything());
        find(&snapshot, server).filter(|report| report.socket.state == State::ClosedHeld).cloned()
    });
    assert_eq!(closed.holders[0].pid, elsewhere.id());
    // Where only this namespace is asked, the process's own is not, and it may belong there.
    let mut here = scan::everything();
    here.netns = NetnsChoice::Current;
    let snapshot = scan::run(&here);
    elsewhere.kill().expect("it runs");
    elsewhere.wait().expect("it ends");
    assert!(find(&snapshot, server).is_none());
}

/// The sockets of the host's namespace, seen from one of its own.
#[test]
fn the_hosts_sockets_from_a_namespace() {
    if !in_own_netns("privileges::the_hosts_sockets_from_a_namespace") {
        return;
    }
    let fresh = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let mut here = Query::default();
    here.netns = NetnsChoice::Current;
    let snapshot = scan::run(&here);
    // This process holds this namespace's only TCP socket.
    let closed: Vec<_> =
        snapshot.sockets.iter().filter(|report| report.socket.state == State::ClosedHeld).collect();
    assert_eq!(closed.len(), 1, "{closed:?}");
    assert_eq!(closed[0].socket.inode, Some(inode(&fresh)));
}

/// A child of another user id is still one holder among others.
#[test]
fn a_pair_shared_with_a_child_counts_both() {
    let (here, there) = unix_pair(SocketType::STREAM);
    let child = Sleeper::holding(here.try_clone().expect("a free descriptor"));
    let snapshot = scan::run(&scan::unix_only());
    let pids: Vec<u32> = get(&snapshot, inode(&here)).pids().collect();
    let mut expected = [std::process::id(), child.pid()];
    expected.sort_unstable();
    assert_eq!(pids, expected);
    assert_eq!(get(&snapshot, inode(&there)).peer_holders.len(), 2);
}
