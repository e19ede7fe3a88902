//! Children that hold a socket and do something else than read it: the test binary runs itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustix::net::{AddressFamily, SocketType};

use super::child::spawn;
use super::scan::eventually;
use super::sockets::{TcpPair, send_unix, socket_of, tcp_pair, unix_pair};

/// What the child does, in its environment.
const ROLE: &str = "SKCHECK_TEST_DOING";

/// A child whose standard input is a socket that it does not read.
pub(crate) struct Doing {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Doing {
    /// Starts it, and waits until it is about to do what it shall. What it says of that: numbers.
    pub(crate) fn start(role: &str, socket: impl Into<OwnedFd>) -> (Doing, Vec<u32>) {
        Doing::start_as("watch_evidence::a_child", role, socket)
    }

    /// The same, where another test of this program lets children [`play`].
    pub(crate) fn start_as(test: &str, role: &str, socket: impl Into<OwnedFd>) -> (Doing, Vec<u32>) {
        let mut command = Command::new(std::env::current_exe().expect("the test binary has a path"));
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role).stdin(socket.into()).stdout(Stdio::piped());
        let mut child = spawn(&mut command);
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut doing = Doing { child, out };
        let numbers = doing.says();
        (doing, numbers)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn says(&mut self) -> Vec<u32> {
        loop {
            let mut line = String::new();
            assert_ne!(self.out.read_line(&mut line).expect("text"), 0, "it has ended");
            if let Some(numbers) = line.strip_prefix("ready") {
                return numbers.split_whitespace().map(|word| word.parse().expect("a number")).collect();
            }
        }
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays the role, if this process has one.
pub(crate) fn play() {
    match std::env::var(ROLE).as_deref() {
        Ok("read") => {
            let (reader, _writer) = rustix::pipe::pipe().expect("a pipe");
            ready(&[number(&reader)]);
            let _ = rustix::io::read(&reader, &mut [0; 1]);
        }
        Ok("write") => {
            let (writer, _reader) = unix_pair(SocketType::STREAM);
            ready(&[number(&writer)]);
            let _ = std::os::unix::net::UnixStream::from(writer).write_all(&vec![0; 16 << 20]);
        }
        Ok("park") => {
            ready(&[]);
            loop {
                std::thread::park();
            }
        }
        Ok("spin") => {
            ready(&[]);
            loop {
                std::hint::spin_loop();
            }
        }
        Ok("zombie") => {
            // Its parent does not wait for it, and has to live on.
            let mut child = Command::new("true");
            #[expect(clippy::zombie_processes, reason = "that is what the test is about")]
            let child = child.spawn().expect("true is there");
            ready(&[child.id()]);
            loop {
                std::thread::park();
            }
        }
        Ok("epoll") => epoll(),
        Ok("closed sockets") => keep(closed_connection),
        Ok("fresh sockets") => keep(|| socket_of(AddressFamily::INET, SocketType::STREAM, None)),
        Ok("bound sockets") => keep(|| std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port").into()),
        Ok("own table") => own_table(1),
        Ok("shared table") => own_table(2),
        Ok(other) => panic!("no role is called {other}"),
        Err(_) => {}
    }
}

/// How many sockets a child keeps.
const MANY: usize = 600;

/// Makes sockets and keeps them, and says how many.
fn keep(make: impl Fn() -> OwnedFd) {
    let sockets: Vec<OwnedFd> = (0..MANY).map(|_| make()).collect();
    ready(&[sockets.len().try_into().expect("few")]);
    loop {
        std::thread::park();
    }
}

/// A connection that the other side has closed, and then this one, and whose descriptor is still open.
fn closed_connection() -> OwnedFd {
    let TcpPair { mut client, server, .. } = tcp_pair("127.0.0.1");
    drop(server);
    assert_eq!(client.read(&mut [0]).expect("connected"), 0, "the other side has closed");
    client.shutdown(std::net::Shutdown::Write).expect("connected");
    // A socket that is closed has no peer (`inet_getname`).
    eventually("both sides are closed", || client.peer_addr().is_err().then_some(()));
    client.into()
}

/// Leaves its standard input to so many of its threads alone, which have a table of their own.
fn own_table(threads: usize) {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES).expect("a table");
        let park = move |sender: std::sync::mpsc::Sender<nix::unistd::Pid>| {
            sender.send(nix::unistd::gettid()).expect("the main thread waits");
            loop {
                std::thread::park();
            }
        };
        for _ in 1..threads {
            let sender = sender.clone();
            std::thread::spawn(move || park(sender));
        }
        park(sender);
    });
    let tids: Vec<u32> = (0..threads)
        .map(|_| receiver.recv().expect("the threads run").as_raw().try_into().expect("positive"))
        .collect();
    nix::unistd::close(0).expect("it was open");
    ready(&tids);
    loop {
        std::thread::park();
    }
}

/// Waits in a set that has its standard input without EPOLLIN, and descriptors of each kind, with data.
fn epoll() {
    let set = Epoll::new(EpollCreateFlags::empty()).expect("an epoll set");
    let add = |fd: &OwnedFd, events: EpollFlags| {
        set.add(fd, EpollEvent::new(events, 0)).expect("a socket");
    };
    let pairs: Vec<_> = (0..3).map(|_| unix_pair(SocketType::STREAM)).collect();
    let [level, edge, once] = [0, 1, 2].map(|at: usize| &pairs[at]);
    add(&once.0, EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT);
    send_unix(&once.1, 10);
    // Fires once, and is not armed again.
    assert_eq!(set.wait(&mut [EpollEvent::empty()], EpollTimeout::NONE), Ok(1));
    let idle = unix_pair(SocketType::STREAM);
    add(&idle.0, EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT);
    add(&edge.0, EpollFlags::EPOLLIN | EpollFlags::EPOLLET);
    add(&level.0, EpollFlags::EPOLLIN);
    let input = rustix::io::dup(std::io::stdin()).expect("a free descriptor");
    add(&input, EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET);
    send_unix(&edge.1, 20);
    // What is told once is told.
    while set.wait(&mut [EpollEvent::empty(); 4], EpollTimeout::ZERO) != Ok(0) {}
    let fds =
        [set.0.as_raw_fd(), input.as_raw_fd(), level.0.as_raw_fd(), edge.0.as_raw_fd(), once.0.as_raw_fd()];
    let fds = fds.map(|fd| fd.try_into().expect("not negative"));
    // In another set as well, with the first as one of its own.
    let outer = Epoll::new(EpollCreateFlags::empty()).expect("an epoll set");
    outer.add(&set.0, EpollEvent::new(EpollFlags::EPOLLIN, 0)).expect("a set in a set");
    ready(&[&fds[..], &[number(&outer.0), number(&idle.0)]].concat());
    let _ = set.wait(&mut [EpollEvent::empty()], EpollTimeout::NONE);
}

fn number(fd: &impl AsFd) -> u32 {
    fd.as_fd().as_raw_fd().try_into().expect("not negative")
}

fn ready(numbers: &[u32]) {
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    println!("\nready {}", numbers.join(" "));
}
