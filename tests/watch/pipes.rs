//! Processes that do not read a socket because they cannot write to a pipe, a FIFO or a terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write, pipe};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use nix::libc::{SYS_clock_nanosleep, SYS_epoll_pwait, SYS_pselect6, SYS_write};
use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use rustix::io::{FdFlags, fcntl_setfd};
use skcheck_core::watch::cause::{CauseCode, End, Fact, Link, Over, Wait};
use skcheck_core::watch::evidence::{Call, Conduit, ConduitKind};
use skcheck_core::watch::progress::Reading;
use skcheck_core::{Holder, Inode, SocketEntry};

use crate::kernel;
use crate::look::{SHORT, Seen, ends_at, stands_on, watch};
use crate::pairs::{Pair, fill_tcp};
use crate::program::Program;
use crate::real::real;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::skip::{Skip, skip};
use crate::support::sockets::{fill, inode};

/// A conduit that a link leads over.
fn conduit(seen: &Seen, link: &Link) -> (ConduitKind, Vec<u8>) {
    let Over::Conduit(at) = link.over else { panic!("{link:#?}") };
    let conduit = &seen.now.conduits[at];
    assert!(conduit.writers.contains(&link.writer), "{conduit:#?}");
    (conduit.kind, conduit.name.clone())
}

/// What a descriptor refers to.
fn target(pid: u32, fd: u32) -> String {
    let path = format!("/proc/{pid}/fd/{fd}");
    std::fs::read_link(path).expect("it is open").to_str().expect("ASCII").to_owned()
}

/// A `cat` that has a socket to read from, and is blocked in writing to this.
fn blocked_cat(to: impl Into<Stdio>) -> (Program, Inode, OwnedFd) {
    let pair = Pair::tcp(32 << 10, 32 << 10);
    let unread = inode(&pair.reader);
    let cat = Program::start("cat", pair.reader, to);
    let client = fill_tcp(pair.writer);
    assert_eq!(kernel::sleeps_in(cat.pid(), &[SYS_write]), 1);
    (cat, unread, client)
}

/// `curl http://... | gzip`, with a gzip that is stopped: neither the network nor curl is to blame.
#[test]
fn of_curl_and_gzip() {
    let Some(curl) = real("curl") else { return skip(Skip::NeedsPackage("curl")) };
    if !in_own_netns("pipes::of_curl_and_gzip") {
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (reader, writer) = pipe().expect("a pipe");
    let gzip = Program::stopped("gzip -c", reader, Stdio::null());
    let words = format!("{curl} -sN --noproxy * http://127.0.0.1:{port}/");
    let curl = Program::start(&words, Stdio::null(), writer);
    let (mut server, client) = listener.accept().expect("curl connects");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        server.read_exact(&mut byte).expect("curl asks");
        request.extend(byte);
    }
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").expect("curl reads");
    assert!(fill(&server) > 1 << 16);
    assert_eq!(kernel::sleeps_in(curl.pid(), &[SYS_write]), 1);
    assert_eq!(target(curl.pid(), 1), target(gzip.pid(), 0));

    let seen = watch(SHORT);
    let is_it = |report: &SocketEntry| report.socket.local.port() == Some(client.port());
    let judged = seen.that(is_it).expect("curl has unread data");
    let unread = seen.now.snapshot.sockets[judged.now.expect("it has")].socket.inode.expect("it is open");
    let cause = seen.stalled_by(unread, CauseCode::Backpressure);
    let writes = Some((Call::Write, Some(1)));
    stands_on(cause, curl.pid(), |fact| matches!(fact, Fact::Thread { call, .. } if *call == writes));
    let root = seen.root(unread);
    ends_at(root, Holder::new(gzip.pid(), 0), CauseCode::Stopped);
    let [link] = &root.links[..] else { panic!("one link: {root:#?}") };
    let expected = (Holder::new(curl.pid(), 1), Some(Holder::new(gzip.pid(), 0)), Wait::Blocked, None);
    assert_eq!((link.writer, link.reader, link.wait, link.unsent), expected);
    assert_eq!(conduit(&seen, link), (ConduitKind::Pipe, target(curl.pid(), 1).into_bytes()));
    // And from the server on, over the connection and the pipe.
    let root = seen.root(inode(&server));
    ends_at(root, Holder::new(gzip.pid(), 0), CauseCode::Stopped);
    assert_eq!(root.links.len(), 2, "{root:#?}");

    // It goes on: then nobody stands still, and gzip is accused of nothing.
    gzip.signal(Signal::SIGCONT);
    server.set_nonblocking(false).expect("a socket");
    let pours = std::thread::spawn(move || {
        let mut server = server;
        while server.write_all(&[b'x'; 1 << 16]).is_ok() {}
    });
    eventually("curl goes on", || {
        let seen = watch(SHORT);
        let judged = seen.that(is_it)?;
        (judged.reading != Reading::Stalled).then_some(())
    });
    drop(curl);
    pours.join().expect("it ends with curl");
}

/// Event loops that pass a connection on to a pipe whose reader is stopped: they sleep until they can write,
/// in select and in epoll.
#[test]
fn of_event_loops() {
    let (Some(socat), Some(node)) = (real("socat"), real("node")) else {
        return skip(Skip::NeedsPackage("socat nodejs"));
    };
    if !in_own_netns("pipes::of_event_loops") {
        return;
    }
    let selects = [SYS_pselect6, SYS_epoll_pwait];
    for (name, option) in [(socat, "-u"), (node, "-e")] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (reader, writer) = pipe().expect("a pipe");
        let gzip = Program::stopped("gzip -c", reader, Stdio::null());
        let does = match option {
            "-u" => format!("TCP:127.0.0.1:{port} STDOUT"),
            _ => format!("require('net').connect({port},'127.0.0.1').pipe(process.stdout)"),
        };
        let program = Program::start(&format!("{name} {option} {does}"), Stdio::null(), writer);
        let (server, client) = listener.accept().expect("it connects");
        assert!(fill(&server) > 1 << 16);
        kernel::sleeps_in(program.pid(), &selects);
        let seen = watch(SHORT);
        let is_it = |report: &SocketEntry| report.socket.local.port() == Some(client.port());
        let judged = seen.that(is_it).expect("it has unread data");
        let unread = seen.now.snapshot.sockets[judged.now.expect("it has")].socket.inode.expect("it is open");
        seen.stalled_by(unread, CauseCode::Backpressure);
        let root = seen.root(unread);
        ends_at(root, Holder::new(gzip.pid(), 0), CauseCode::Stopped);
        let [link] = &root.links[..] else { panic!("one link: {root:#?}") };
        assert_eq!((link.writer, link.wait), (Holder::new(program.pid(), 1), Wait::EventLoop));
        assert_eq!(conduit(&seen, link).0, ConduitKind::Pipe);
    }
}

/// `cat | cat | sleep`: over two pipes, to one that is not stopped and reads nothing.
#[test]
fn of_three() {
    if !in_own_netns("pipes::of_three") {
        return;
    }
    let (first, second) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
    let sleep = Program::start("sleep 300", second.0, Stdio::null());
    let middle = Program::start("cat", first.0, second.1);
    let (cat, unread, _client) = blocked_cat(first.1);
    assert_eq!(kernel::sleeps_in(middle.pid(), &[SYS_write]), 1);
    kernel::sleeps_in(sleep.pid(), &[SYS_clock_nanosleep]);
    let seen = watch(SHORT);
    seen.stalled_by(unread, CauseCode::Backpressure);
    let root = seen.root(unread);
    ends_at(root, Holder::new(sleep.pid(), 0), CauseCode::Blocked);
    let ends: Vec<_> = root.links.iter().map(|link| (link.writer, link.reader)).collect();
    let end = |pid: u32, fd: u32| Holder::new(pid, fd);
    let expected =
        [(end(cat.pid(), 1), Some(end(middle.pid(), 0))), (end(middle.pid(), 1), Some(end(sleep.pid(), 0)))];
    assert_eq!(ends, expected);
}

/// Two FIFOs of one name: the reader of the other one is innocent.
#[test]
fn of_a_fifo() {
    if !in_own_netns("pipes::of_a_fifo") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    let make = || {
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a file system");
        // Who opens one end alone waits for the other.
        let both: File = OpenOptions::new().read(true).write(true).open(&path).expect("a FIFO");
        let writer = OpenOptions::new().write(true).open(&path).expect("it has a reader");
        (File::open(&path).expect("it has a writer"), writer, both)
    };
    let (old_reader, _old_writer, _old) = make();
    let _innocent = Program::stopped("gzip -c", old_reader, Stdio::null());
    std::fs::remove_file(&path).expect("it is there");
    let (reader, writer, both) = make();
    let gzip = Program::stopped("gzip -c", reader, Stdio::null());
    drop(both);
    let (cat, unread, _client) = blocked_cat(writer);
    let seen = watch(SHORT);
    seen.stalled_by(unread, CauseCode::Backpressure);
    let root = seen.root(unread);
    ends_at(root, Holder::new(gzip.pid(), 0), CauseCode::Stopped);
    let [link] = &root.links[..] else { panic!("one link: {root:#?}") };
    assert_eq!(link.writer, Holder::new(cat.pid(), 1));
    assert_eq!(conduit(&seen, link), (ConduitKind::Fifo, path.to_str().expect("ASCII").into()));
    let Over::Conduit(at) = link.over else { panic!("{link:#?}") };
    assert_eq!(seen.now.conduits[at].readers, [Holder::new(gzip.pid(), 0)]);
}

/// It writes to a terminal whose other end a program has that is stopped.
#[test]
fn of_a_terminal() {
    if !in_own_netns("pipes::of_a_terminal") {
        return;
    }
    let open = || {
        let both = openpty(None, None).expect("/dev/pts");
        for end in [&both.master, &both.slave] {
            fcntl_setfd(end, FdFlags::CLOEXEC).expect("it is open");
        }
        both
    };
    let (terminal, other) = (open(), open());
    // It has the master of another one.
    let _innocent = Program::stopped("gzip -c", other.master, Stdio::null());
    let shows = Program::stopped("gzip -c", terminal.master, Stdio::null());
    let (cat, unread, _client) = blocked_cat(terminal.slave);
    let seen = watch(SHORT);
    seen.stalled_by(unread, CauseCode::Backpressure);
    let root = seen.root(unread);
    ends_at(root, Holder::new(shows.pid(), 0), CauseCode::Stopped);
    let [link] = &root.links[..] else { panic!("one link: {root:#?}") };
    let name = target(cat.pid(), 1).into_bytes();
    assert_eq!(conduit(&seen, link), (ConduitKind::Terminal, name));
}

/// A pipe is full and its reader is stopped; its writer does not write, but sleeps. The stopped one is
/// innocent.
#[test]
fn a_full_pipe_that_nobody_waits_for() {
    if !in_own_netns("pipes::a_full_pipe_that_nobody_waits_for") {
        return;
    }
    let (reader, mut writer) = pipe().expect("a pipe");
    let _gzip = Program::stopped("gzip -c", reader, Stdio::null());
    writer.write_all(&[b'x'; 1 << 16]).expect("as much as a pipe takes");
    let pair = Pair::tcp(32 << 10, 32 << 10);
    let unread = inode(&pair.reader);
    let sleep = Program::start("sleep 300", pair.reader, writer);
    let _client = fill_tcp(pair.writer);
    kernel::sleeps_in(sleep.pid(), &[SYS_clock_nanosleep]);
    let seen = watch(SHORT);
    let cause = seen.stalled_by(unread, CauseCode::Blocked);
    stands_on(cause, sleep.pid(), |fact| matches!(fact, Fact::Thread { call: Some((Call::Sleep, _)), .. }));
    let is_its = |conduit: &&Conduit| conduit.writers.iter().any(|writer| writer.pid == sleep.pid());
    assert_eq!(seen.now.conduits.iter().find(is_its), None);
    assert!(seen.socket(unread).root.is_none());
}

/// The reader of the pipe reads, slowly: it is not said to stand still.
#[test]
fn a_reader_that_is_slow() {
    if !in_own_netns("pipes::a_reader_that_is_slow") {
        return;
    }
    let (mut reader, writer) = pipe().expect("a pipe");
    let (cat, unread, client) = blocked_cat(writer);
    let me = std::process::id();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let goes_on = stop.clone();
    let reads = std::thread::spawn(move || {
        let mut piece = vec![0; 1 << 14];
        while !goes_on.load(std::sync::atomic::Ordering::Relaxed) {
            reader.read_exact(&mut piece).expect("cat writes");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        reader
    });
    let pours = std::thread::spawn(move || {
        let mut client = std::net::TcpStream::from(client);
        client.set_nonblocking(false).expect("a socket");
        while client.write_all(&[b'x'; 1 << 14]).is_ok() {}
    });
    // The thread of cat is nearly always in a write.
    let root = eventually("cat is seen in a write, as it nearly always is", || {
        let seen = watch(SHORT);
        let judged = seen.socket(unread);
        assert_ne!(judged.reading, Reading::Stalled, "{judged:#?}");
        judged.root.clone()
    });
    let End::Slow(end, pace, _) = &root.end else { panic!("{root:#?}") };
    assert_eq!((end.pid, pace.consumed), (me, None), "{root:#?}");
    assert_eq!(root.links[0].writer, Holder::new(cat.pid(), 1));
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    drop(cat);
    drop(reads.join().expect("it reads"));
    pours.join().expect("it ends with cat");
}
