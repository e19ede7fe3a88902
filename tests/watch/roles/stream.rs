//! Programs that pass data on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::role::{Given, gone, ready};
use crate::roles::pace::blocking;

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

/// Reading and writing are the same for every stream socket; this type does both with read(2)- and
/// send(2)-like calls.
fn stream(socket: OwnedFd) -> TcpStream {
    blocking(&socket);
    TcpStream::from(socket)
}
