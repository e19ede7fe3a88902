//! Sockets that no table of a process has: each is found with who has it, and how.

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;

use skcheck_core::{Holder, Holding, Missing, Payload, RecvQueue, Snapshot, SocketEntry};

use crate::support::hidden::{send, to_message, to_ring, to_thread};
use crate::support::scan::{self, get};
use crate::support::skip::{Skip, is_root, kernel, skip};
use crate::support::sockets::{inode, tcp_pair, unix_socket};

/// Who holds it, without those that other tests have on their way meanwhile.
fn check(snapshot: &Snapshot, report: &SocketEntry, holding: Holding, holder: Holder) {
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(10)));
    if !is_root() && matches!(holding, Holding::InFlight { .. }) {
        // Other processes may not be looked at: one of them may have it as well.
        let unseen = if snapshot.scanned.unreadable > 0 { Holding::Hidden } else { holding };
        assert_eq!(report.holding, unseen);
        return;
    }
    assert_eq!(report.holding, holding);
    match holding {
        Holding::InFlight { ambiguous: true } => {
            assert!(report.holders.contains(&holder), "{:?}", report.holders);
        }
        _ => assert_eq!(report.holders, [holder]),
    }
    assert!(snapshot.process(holder.pid).is_some(), "it has a name");
}

/// A connection with ten bytes to read at its server.
fn pair() -> (TcpStream, TcpStream, u16) {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(10);
    (pair.client, pair.server, pair.port)
}

#[test]
fn a_thread_with_a_table_of_its_own() {
    let (client, server, port) = pair();
    let number = inode(&server);
    let (holder, _child) = to_thread("watch_evidence::a_child", server);
    let snapshot = scan::run(&scan::port(port));
    check(&snapshot, get(&snapshot, number), Holding::Descriptors, holder);
    assert_eq!(get(&snapshot, inode(&client)).peer_holders, [holder]);
}

#[test]
fn registered_with_io_uring() {
    let (_client, server, port) = pair();
    let number = inode(&server);
    let (holder, _ring) = to_ring(server);
    let snapshot = scan::run(&scan::port(port));
    let report = get(&snapshot, number);
    if kernel() < [6, 14] {
        // Which file is registered, such a kernel does not tell.
        let is_told = snapshot.gaps.iter().any(|gap| gap.what == Missing::RingFiles && gap.count >= Some(1));
        assert!(is_told, "{:?}", snapshot.gaps);
        assert_ne!((report.holding, &report.holders[..]), (Holding::Descriptors, &[holder][..]));
        return;
    }
    check(&snapshot, report, Holding::IoUring, holder);
}

/// A ring of which nothing is listed has no files, or is busy: that is said where a socket has nobody, and
/// only there.
#[test]
fn a_ring_that_lists_nothing() {
    let (client, server, port) = pair();
    let silent = io_uring::IoUring::new(8).expect("this kernel has io_uring");
    silent.submitter().register_files(&[-1; 4]).expect("room for them");
    let is_told = |snapshot: &Snapshot| {
        snapshot.gaps.iter().any(|gap| gap.what == Missing::RingFiles && gap.count.is_none())
    };
    let mut query = scan::port(port);
    query.netns = skcheck_core::NetnsChoice::Current;
    let number = inode(&server);
    assert!(!is_told(&scan::run(&query)), "everybody is known");
    let (_holder, _message) = to_message(server);
    let snapshot = scan::run(&query);
    assert!(get(&snapshot, number).holding != Holding::Descriptors);
    // Older kernels list empty ones too.
    assert_eq!(is_told(&snapshot), kernel() >= [6, 14]);
    drop((client, silent));
}

/// The kernel tells how many descriptors wait at a unix socket, and not which.
#[test]
fn in_a_message() {
    let (_client, server, port) = pair();
    let number = inode(&server);
    let (holder, _message) = to_message(server);
    let snapshot = scan::run(&scan::port(port));
    check(&snapshot, get(&snapshot, number), Holding::InFlight { ambiguous: true }, holder);
}

/// The message is at a connection that nobody has accepted: its listener tells.
#[test]
fn in_a_message_that_waits_for_accept() {
    let (_client, server, port) = pair();
    let number = inode(&server);
    let (_, address) = crate::support::sockets::abstract_name("message-at-listener");
    let listener = unix_socket(rustix::net::SocketType::STREAM);
    rustix::net::bind(&listener, &address).expect("the name is free");
    rustix::net::listen(&listener, 1).expect("a listener");
    let sender = unix_socket(rustix::net::SocketType::STREAM);
    rustix::net::connect(&sender, &address).expect("it listens");
    send(&sender, &server);
    drop(server);
    let told =
        std::fs::read_to_string(format!("/proc/self/fdinfo/{}", listener.as_raw_fd())).expect("it is open");
    if !told.contains("scm_fds:\t1") && !told.contains("scm_fds: 1") {
        return skip(Skip::NeedsKernel([6, 3], "what waits at a listener in /proc/PID/fdinfo"));
    }
    let snapshot = scan::run(&scan::port(port));
    let holder = scan::mine(&listener).leading(skcheck_core::Via::InFlight);
    check(&snapshot, get(&snapshot, number), Holding::InFlight { ambiguous: true }, holder);
}

/// An idle one is looked for only where that is asked for.
#[test]
fn idle_and_in_a_message() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (number, port) = (inode(&listener), listener.local_addr().expect("bound").port());
    let (holder, _message) = to_message(listener);
    let mut query = scan::port(port);
    let snapshot = scan::run(&query);
    let report = get(&snapshot, number);
    let unseen = if snapshot.scanned.all_processes { Holding::Kernel } else { Holding::Hidden };
    assert_eq!((report.holding, &report.holders[..]), (unseen, &[][..]));
    query.deep = true;
    let snapshot = scan::run(&query);
    let report = get(&snapshot, number);
    if is_root() {
        assert_eq!(report.holding, Holding::InFlight { ambiguous: true });
        assert!(report.holders.contains(&holder), "{:?}", report.holders);
    }
}

/// A message on its way says nothing of sockets that are not looked for: an idle one, and the kernel's own.
#[test]
fn guesses_are_made_of_what_is_looked_for() {
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let (_client, server, _) = pair();
    let number = inode(&server);
    let (holder, _message) = to_message(server);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let idle = inode(&listener);
    let (_, _child) = to_thread("watch_evidence::a_child", listener);
    for deep in [false, true] {
        let mut query = scan::here();
        query.deep = deep;
        let snapshot = scan::run(&query);
        check(&snapshot, get(&snapshot, number), Holding::InFlight { ambiguous: true }, holder);
        let of_kernel: Vec<_> = snapshot.sockets.iter().filter(|it| it.socket.is_of_kernel()).collect();
        assert!(!of_kernel.is_empty());
        assert!(of_kernel.iter().all(|it| it.holding == Holding::Kernel && it.holders.is_empty()));
        let is_guess = matches!(get(&snapshot, idle).holding, Holding::InFlight { .. });
        assert!(!is_guess, "deep: {deep}");
    }
}

/// A socket that a process and one of its threads hold is the process's, and the thread's as well where that
/// is asked for.
#[test]
fn everybody_where_everything_is_asked_for() {
    let (_client, server, port) = pair();
    let (number, here) = (inode(&server), scan::mine(&server));
    let copy = server.try_clone().expect("a free descriptor");
    let (holder, _child) = to_thread("watch_evidence::a_child", copy);
    let mut query = scan::port(port);
    assert_eq!(get(&scan::run(&query), number).holders, [here]);
    query.deep = true;
    let mut both = [here, holder];
    both.sort_unstable();
    assert_eq!(get(&scan::run(&query), number).holders, both);
}
