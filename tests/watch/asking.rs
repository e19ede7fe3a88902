//! Processes that wait for an answer, or for a connection, before they read on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};

use nix::libc::{SYS_connect, SYS_poll, SYS_ppoll, SYS_read, SYS_recvfrom};
use nix::sys::signal::Signal;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use skcheck_core::Inode;
use skcheck_core::watch::cause::{CauseCode, End, Over, Wait};

use crate::kernel;
use crate::look::{SHORT, Seen, ends_at, watch};
use crate::pairs::{Pair, fill_tcp};
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::sockets::{inode, socket_of};

/// A role that does something else before it reads a socket with unread data, and the client of that.
fn held_up(role: &str, more: Vec<OwnedFd>) -> (Role, Inode, OwnedFd) {
    let pair = Pair::tcp(32 << 10, 32 << 10);
    let unread = inode(&pair.reader);
    let sockets = std::iter::once(pair.reader).chain(more).collect();
    let client = fill_tcp(pair.writer);
    (Role::start(role, sockets), unread, client)
}

/// Who has a listener, and is stopped.
fn stopped(listener: impl Into<OwnedFd>) -> Role {
    let upstream = Role::start("sleep", vec![listener.into()]);
    upstream.signal(Signal::SIGSTOP);
    kernel::is_in_state(upstream.pid(), b'T');
    upstream
}

/// A TCP listener, and its address.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

/// Who is not read waits for this, over one link.
fn waits(seen: &Seen, unread: Inode, (role, fd): (&Role, u64), wait: Wait) -> Over {
    let root = seen.root(unread);
    let [link] = &root.links[..] else { panic!("one link: {root:#?}") };
    let writer = (link.writer.pid, u64::from(link.writer.fd));
    assert_eq!((writer, link.wait), ((role.pid(), fd), wait), "{root:#?}");
    link.over
}

/// It has asked a server that does not accept: seen from the client's side, in recv and in poll.
#[test]
fn a_server_that_does_not_accept() {
    if !in_own_netns("asking::a_server_that_does_not_accept") {
        return;
    }
    for (role, calls, wait, code) in [
        ("await-answer", &[SYS_recvfrom, SYS_read][..], Wait::Blocked, CauseCode::Blocked),
        ("poll-for-answer", &[SYS_poll, SYS_ppoll][..], Wait::Poll, CauseCode::NotPolled),
    ] {
        let (listener, address) = listener();
        let upstream = TcpStream::connect(address).expect("it listens");
        let listening = inode(&listener);
        let server = stopped(listener);
        let asked = inode(&upstream);
        let (app, unread, _client) = held_up(role, vec![upstream.into()]);
        kernel::sleeps_in(app.pid(), calls);
        let seen = watch(SHORT);
        seen.stalled_by(unread, code);
        ends_at(seen.root(unread), server.holder(listening), CauseCode::Stopped);
        let over = waits(&seen, unread, (&app, app.holder(asked).fd.into()), wait);
        let Over::Answer(at) = over else { panic!("{over:?}") };
        assert_eq!(seen.now.snapshot.sockets[at].socket.recv_q.size(), Some(10));
    }
}

/// It has asked nothing, but waits for a server to say something first, as databases and mail servers do. The
/// connection holds nothing.
#[test]
fn a_server_that_should_greet() {
    if !in_own_netns("asking::a_server_that_should_greet") {
        return;
    }
    let (listener, address) = listener();
    let upstream = TcpStream::connect(address).expect("it listens");
    let (listening, asked) = (inode(&listener), inode(&upstream));
    let server = stopped(listener);
    let (app, unread, _client) = held_up("await-greeting", vec![upstream.into()]);
    kernel::sleeps_in(app.pid(), &[SYS_recvfrom, SYS_read]);
    let seen = watch(SHORT);
    seen.stalled_by(unread, CauseCode::Blocked);
    ends_at(seen.root(unread), server.holder(listening), CauseCode::Stopped);
    let over = waits(&seen, unread, (&app, app.holder(asked).fd.into()), Wait::Blocked);
    let Over::Answer(at) = over else { panic!("{over:?}") };
    assert_eq!(seen.now.snapshot.sockets[at].socket.inode, Some(listening));
}

/// It has been accepted, and the server is stopped before it has greeted: who waits for whom to speak is not
/// known then. The listener, at which another connection waits, is innocent.
#[test]
fn a_server_that_has_accepted() {
    if !in_own_netns("asking::a_server_that_has_accepted") {
        return;
    }
    let (listener, address) = listener();
    let upstream = TcpStream::connect(address).expect("it listens");
    let (taken, _) = listener.accept().expect("it has connected");
    let _server = stopped(taken);
    let _other_client = TcpStream::connect(address).expect("it listens");
    let _other = stopped(listener);
    let (app, unread, _client) = held_up("await-greeting", vec![upstream.into()]);
    kernel::sleeps_in(app.pid(), &[SYS_recvfrom, SYS_read]);
    let seen = watch(SHORT);
    seen.stalled_by(unread, CauseCode::Blocked);
    assert!(seen.socket(unread).root.is_none());
}

/// The same over a unix socket: the connection that waits is in no table, only its listener is.
#[test]
fn a_unix_server_that_does_not_accept() {
    if !in_own_netns("asking::a_unix_server_that_does_not_accept") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("server");
    let listener = UnixListener::bind(&path).expect("a free name");
    let upstream = UnixStream::connect(&path).expect("it listens");
    let (listening, asked) = (inode(&listener), inode(&upstream));
    let server = stopped(listener);
    let (app, unread, _client) = held_up("await-answer", vec![upstream.into()]);
    kernel::sleeps_in(app.pid(), &[SYS_recvfrom, SYS_read]);
    let seen = watch(SHORT);
    seen.stalled_by(unread, CauseCode::Blocked);
    ends_at(seen.root(unread), server.holder(listening), CauseCode::Stopped);
    let over = waits(&seen, unread, (&app, app.holder(asked).fd.into()), Wait::Blocked);
    assert!(matches!(over, Over::Answer(_)), "{over:?}");
}

/// The server is stopped, but it has read what was asked: nothing tells that it is waited for. And it is
/// nobody's fault that a listener of another server is not accepted from.
#[test]
fn a_server_that_has_read() {
    if !in_own_netns("asking::a_server_that_has_read") {
        return;
    }
    let (listener, address) = listener();
    let upstream = TcpStream::connect(address).expect("it listens");
    let (taken, _) = listener.accept().expect("it has connected");
    let (app, unread, _client) = held_up("await-answer", vec![upstream.into()]);
    kernel::sleeps_in(app.pid(), &[SYS_recvfrom, SYS_read]);
    rustix::net::recv(&taken, &mut [0; 100], rustix::net::RecvFlags::empty()).expect("it has asked");
    let _server = stopped(taken);
    let _other_client = TcpStream::connect(address).expect("it listens");
    let _other = stopped(listener);
    let seen = watch(SHORT);
    seen.stalled_by(unread, CauseCode::Blocked);
    assert!(seen.socket(unread).root.is_none());
}

/// A unix listener whose queue is full: a path, with the client that fills it.
fn full(path: &std::path::Path) -> (OwnedFd, UnixStream) {
    let listener = socket_of(AddressFamily::UNIX, SocketType::STREAM, None);
    rustix::net::bind(&listener, &SocketAddrUnix::new(path).expect("a path")).expect("a free name");
    rustix::net::listen(&listener, 0).expect("bound");
    (listener, UnixStream::connect(path).expect("it has room for one"))
}

/// It waits in connect for a server whose accept queue is full; with a second such server it cannot be told
/// which of them.
#[test]
fn a_unix_server_that_is_full() {
    if !in_own_netns("asking::a_unix_server_that_is_full") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("server");
    let (listener, _in_the_queue) = full(&path);
    let listening = inode(&listener);
    let server = stopped(listener);
    let (app, unread, _client) = held_up(&format!("connect-to {}", path.display()), Vec::new());
    let fd = kernel::sleeps_in(app.pid(), &[SYS_connect]);
    assert_eq!(
        std::fs::read_to_string(format!("/proc/{}/wchan", app.pid())).expect("root may"),
        "unix_wait_for_peer"
    );
    // Unix sockets of paths are the whole host's: others may be full, too.
    let seen = watch(SHORT);
    let is_other = |report: &skcheck_core::SocketEntry| {
        let is_full = report.socket.recv_q.holds_something() && report.socket.peer_inode.is_none();
        is_full
            && report.socket.state == skcheck_core::State::Listen
            && report.socket.inode != Some(listening)
    };
    if !seen.now.snapshot.sockets.iter().any(|it| is_other(it) && it.socket.protocol.charges_senders()) {
        seen.stalled_by(unread, CauseCode::Blocked);
        ends_at(seen.root(unread), server.holder(listening), CauseCode::Stopped);
        let over = waits(&seen, unread, (&app, fd), Wait::Blocked);
        assert!(matches!(over, Over::Connect(_)), "{over:?}");
    }

    let (second, _in_its_queue) = full(&directory.path().join("another"));
    let _second = stopped(second);
    let seen = watch(SHORT);
    let cause = seen.stalled_by(unread, CauseCode::Blocked);
    assert_eq!(cause.pid, Some(app.pid()));
    let root = seen.root(unread);
    let End::OneOf(links) = &root.end else { panic!("{root:#?}") };
    assert!(links.len() >= 2 && root.reader().is_none(), "{root:#?}");
    assert!(links.iter().any(|link| link.reader == Some(server.holder(listening))), "{root:#?}");
}

/// The same over TCP, where the socket that connects has the address.
#[test]
fn a_server_that_is_full() {
    if !in_own_netns("asking::a_server_that_is_full") {
        return;
    }
    let (listener, address) = listener();
    rustix::net::listen(&listener, 0).expect("bound");
    let _in_the_queue = TcpStream::connect(address).expect("it has room for one");
    let (other, other_address) = self::listener();
    rustix::net::listen(&other, 0).expect("bound");
    let _in_its_queue = TcpStream::connect(other_address).expect("it has room for one");
    let _innocent = stopped(other);
    let listening = inode(&listener);
    let server = stopped(listener);
    let (app, unread, _client) = held_up(&format!("connect-to {}", address.port()), Vec::new());
    let fd = kernel::sleeps_in(app.pid(), &[SYS_connect]);
    let seen = watch(SHORT);
    seen.stalled_by(unread, CauseCode::Blocked);
    ends_at(seen.root(unread), server.holder(listening), CauseCode::Stopped);
    let over = waits(&seen, unread, (&app, fd), Wait::Blocked);
    assert!(matches!(over, Over::Connect(_)), "{over:?}");
}
