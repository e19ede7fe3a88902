//! Connections that nobody accepts.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::sys::signal::Signal;
use rustix::net::{AddressFamily, SocketAddrV4, SocketType};
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::evidence::Call;
use skcheck_core::watch::progress::Reading;
use skcheck_core::{Connections, Holding, Inode, RecvQueue, SendQueue, SocketEntry};

use crate::kernel;
use crate::look::{LONG, SHORT, Seen, stands_on, watch, watch_counting};
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually, get};
use crate::support::sockets::{abstract_name, inode, socket_of};

/// The accept queue is full, which follows from that the listener's holder is blocked; what has come waits
/// unread.
#[test]
fn full() {
    if !in_own_netns("accept::full") {
        return;
    }
    const PORT: u16 = 7001;
    let listener = listener(PORT, 1);
    let listening = inode(&listener);
    let holder = Role::start("sleep", vec![listener]);
    // One more than the limit fits in.
    let mut clients = [connect(PORT), connect(PORT)];
    clients[0].write_all(&[b'x'; 5000]).expect("the window is open");
    let from = clients[0].local_addr().expect("connected").port();
    let waits =
        |report: &SocketEntry| report.socket.inode.is_none() && report.socket.peer.port() == Some(from);
    eventually("the queue is full, with data", || {
        let snapshot = scan::run(&scan::port(PORT));
        let queue = get(&snapshot, listening);
        let is_full = queue.socket.recv_q == RecvQueue::Connections(Connections(2));
        let has_data = snapshot.sockets.iter().any(|it| waits(it) && it.socket.recv_q.size() == Some(5000));
        assert_eq!(queue.socket.send_q, SendQueue::BacklogLimit(Connections(1)));
        (is_full && has_data).then_some(())
    });

    let seen = watch(SHORT);
    let judged = seen.that(waits).expect("it has unread data");
    assert_eq!(judged.reading, Reading::Stalled, "{judged:#?}");
    let report = &seen.now.snapshot.sockets[judged.now.expect("it still has")];
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: false });
    let cause = judged.cause.as_ref().expect("nobody accepts it");
    assert_eq!(cause.code, CauseCode::Blocked, "{cause:#?}");
    stands_on(cause, holder.pid(), |fact| *fact == Fact::AcceptQueue { waiting: 2, limit: Some(1) });
    nobody_accepts(&seen, listening, &holder, CauseCode::Blocked);
}

/// Connections wait in both samples, none was accepted, and this is why.
fn nobody_accepts(seen: &Seen, listening: Inode, holder: &Role, code: CauseCode) {
    let judged = seen.socket(listening);
    assert_eq!((judged.reading, judged.accepted), (Reading::Stalled, Some(0)), "{judged:#?}");
    let cause = seen.stalled_by(listening, code);
    stands_on(cause, holder.pid(), |fact| matches!(fact, Fact::AcceptQueue { waiting: 2, .. }));
}

/// A listener at this port whose accept queue has room for one more than the limit.
fn listener(port: u16, limit: i32) -> OwnedFd {
    let listener = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    rustix::net::bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    rustix::net::listen(&listener, limit).expect("bound");
    listener
}

fn connect(port: u16) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens")
}

/// Clients that have said nothing: only the listener shows them. Its holder sleeps, and is stopped; its queue
/// is full, and not full.
#[test]
fn silent_clients() {
    if !in_own_netns("accept::silent_clients") {
        return;
    }
    for (port, limit) in [(7003, 1), (7004, 5)] {
        let listener = listener(port, limit);
        let listening = inode(&listener);
        let holder = Role::start("sleep", vec![listener]);
        let _clients = [connect(port), connect(port)];
        let seen = watch(SHORT);
        nobody_accepts(&seen, listening, &holder, CauseCode::Blocked);
        stands_on(seen.stalled_by(listening, CauseCode::Blocked), holder.pid(), |fact| {
            matches!(fact, Fact::Thread { call: Some((Call::Sleep, None)), .. })
        });
        holder.signal(Signal::SIGSTOP);
        kernel::is_in_state(holder.pid(), b'T');
        nobody_accepts(&watch(SHORT), listening, &holder, CauseCode::Stopped);
    }
}

/// Clients connect all the time, and are accepted at once: whatever waits when one looks is gone the next
/// time.
#[test]
fn busy() {
    if !in_own_netns("accept::busy") {
        return;
    }
    const PORT: u16 = 7005;
    let listener = listener(PORT, 1);
    let listening = inode(&listener);
    let _holder = Role::start("accept 1000000", vec![listener]);
    let _clients = [(); 4].map(|()| Role::start(&format!("connect {PORT}"), Vec::new()));
    for _ in 0..5 {
        let seen = watch(Duration::from_millis(300));
        if let Some(judged) = seen.that(|report| report.socket.inode == Some(listening)) {
            assert_ne!(judged.reading, Reading::Stalled, "{judged:#?}");
            // Where it gets too little of the CPU they come faster than it accepts.
            let code = judged.cause.as_ref().map(|cause| cause.code);
            let is_busy = judged.reading == Reading::Slow && code == Some(CauseCode::Busy);
            assert!(code.is_none() || is_busy, "{judged:#?}");
        }
    }
}

/// Clients connect faster than they are accepted: the queue is always full, and moves.
#[test]
fn slow() {
    if !in_own_netns("accept::slow") {
        return;
    }
    const PORT: u16 = 7006;
    let listener = listener(PORT, 3);
    let listening = inode(&listener);
    let holder = Role::start("accept 10", vec![listener]);
    let _clients = [(); 8].map(|()| Role::start(&format!("connect {PORT}"), Vec::new()));
    eventually("the queue is full", || {
        let queue = get(&scan::run(&scan::port(PORT)), listening).socket.recv_q;
        (queue == RecvQueue::Connections(Connections(4))).then_some(())
    });
    let seen = watch_counting(LONG, [&holder]);
    let judged = seen.socket(listening);
    assert_eq!(judged.reading, Reading::Slow, "{judged:#?}");
    // Who was let in and out again in between cannot be told.
    let moved = seen.moved(0);
    assert!(judged.accepted.is_some_and(|some| some > 0 && some <= moved.most), "{moved:?}: {judged:#?}");
    assert!(judged.cause.is_none(), "{judged:#?}");
}

/// The same of a unix listener: its clients are named by their own sockets.
#[test]
fn unix() {
    let (name, address) = abstract_name("accept::unix");
    let listener = socket_of(AddressFamily::UNIX, SocketType::STREAM, None);
    rustix::net::bind(&listener, &address).expect("a free name");
    rustix::net::listen(&listener, 1).expect("bound");
    let listening = inode(&listener);
    let holder = Role::start("sleep", vec![listener]);
    let clients = [(); 2].map(|()| {
        let client = socket_of(AddressFamily::UNIX, SocketType::STREAM, None);
        rustix::net::connect(&client, &address).expect("there is room");
        client
    });
    let seen = watch(SHORT);
    nobody_accepts(&seen, listening, &holder, CauseCode::Blocked);
    drop((clients, name));
}
