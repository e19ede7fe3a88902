//! Programs that pass data on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::role::{Given, gone, ready};
use crate::roles::pace::{self, blocking};

/// Reads from the first socket and writes to the second, and reads no more while it cannot write.
pub(crate) fn relay(given: Given) {
    let [from, to] = given.sockets();
    let (mut from, mut to) = (stream(from), stream(to));
    ready();
    let mut buffer = vec![0; 1 << 14];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer) else { gone() };
        to.write_all(&buffer[..length]).unwrap_or_else(|_| gone());
    }
}

/// Writes and never reads.
pub(crate) fn pour(given: Given) {
    let [socket] = given.sockets();
    let mut socket = stream(socket);
    ready();
    let buffer = vec![b'x'; 1 << 14];
    loop {
        socket.write_all(&buffer).unwrap_or_else(|_| gone());
    }
}

/// Writes to a connection whose other end it has, and does not read.
pub(crate) fn pour_to_itself(given: Given) {
    let [to, _from] = given.sockets();
    let mut to = stream(to);
    ready();
    let _ = to.write_all(&vec![b'x'; 1 << 24]);
}

/// The same, with a thread beside that sleeps, and then would read.
pub(crate) fn pour_beside(given: Given) {
    let [to, from] = given.sockets();
    let (mut to, mut from) = (stream(to), stream(from));
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(100));
        let _ = from.read(&mut [0; 1 << 14]);
    });
    ready();
    let _ = to.write_all(&vec![b'x'; 1 << 24]);
}

/// Asks something at the second socket, and waits for the answer before it reads from the first.
pub(crate) fn await_answer(given: Given) {
    let [from, upstream] = given.sockets();
    let mut upstream = stream(upstream);
    upstream.write_all(b"a question").expect("connected");
    ready();
    let _ = upstream.read(&mut [0; 100]);
    drop(from);
}

/// Waits to be greeted at the second socket before it reads from the first.
pub(crate) fn await_greeting(given: Given) {
    let [from, upstream] = given.sockets();
    let mut upstream = stream(upstream);
    ready();
    let _ = upstream.read(&mut [0; 100]);
    drop(from);
}

/// Asks, but it waits in poll.
pub(crate) fn poll_for_answer(given: Given) {
    let [from, upstream] = given.sockets();
    let mut upstream = stream(upstream);
    upstream.write_all(b"a question").expect("connected");
    ready();
    let timeout = rustix::time::Timespec { tv_sec: 100, tv_nsec: 0 };
    let _ = rustix::event::poll(&mut [PollFd::new(&upstream, PollFlags::IN)], Some(&timeout));
    drop(from);
}

/// Connects to a port, or to the path of a unix socket, before it reads from its socket.
pub(crate) fn connect_to(told: &str, given: Given) {
    ready();
    match told.parse::<u16>() {
        Ok(port) => drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port))),
        Err(_) => drop(UnixStream::connect(told)),
    }
    drop(given);
}

/// Listens at a port, takes one connection, and reads nothing from it.
pub(crate) fn accept_one(port: u64) {
    let port = port.try_into().expect("a port");
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("the port is free");
    ready();
    let (taken, _) = listener.accept().expect("somebody connects");
    ready();
    std::thread::park();
    drop((listener, taken));
}

/// Answers everybody who asks at this port, without an end.
pub(crate) fn serve(port: u64) {
    let port = port.try_into().expect("a port");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    ready();
    for client in listener.incoming() {
        let mut client = client.expect("somebody connects");
        std::thread::spawn(move || {
            let _ = client.read(&mut [0; 1 << 12]);
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n");
            while client.write_all(&[b'x'; 1 << 14]).is_ok() {}
        });
    }
}

/// Asks at a port; reads so many bytes, says so, and then reads so many bytes a second. Told are all three.
pub(crate) fn fetch(told: &str) {
    let mut numbers = told.split(' ').map(|number| number.parse().expect("a number"));
    let [port, first, rate] = [(); 3].map(|()| numbers.next().expect("three numbers"));
    let mut server = ask_at(port, "/");
    let mut buffer = vec![0; 1 << 14];
    let mut left = first;
    while left > 0 {
        left = left.saturating_sub(server.read(&mut buffer).unwrap_or_else(|_| gone()) as u64);
    }
    if rate == 0 {
        ready();
        std::thread::park();
    }
    pace::read_from(&server, rate);
}

/// Asks for a path at a port so many times, and reads no answer. Told are the port, the number and the path.
pub(crate) fn ask(told: &str) {
    let words: Vec<&str> = told.split(' ').collect();
    let [port, times, path] = words[..] else { panic!("it is told three words") };
    let times: usize = times.parse().expect("a number");
    let port = port.parse().expect("a port");
    let asked: Vec<TcpStream> = (0..times).map(|_| ask_at(port, path)).collect();
    ready();
    std::thread::park();
    drop(asked);
}

fn ask_at(port: u64, path: &str) -> TcpStream {
    let port: u16 = port.try_into().expect("a port");
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    server.write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).expect("it is there");
    server
}

/// Reading and writing are the same for every stream socket; this type does both with read(2)- and
/// send(2)-like calls.
fn stream(socket: OwnedFd) -> TcpStream {
    blocking(&socket);
    TcpStream::from(socket)
}
