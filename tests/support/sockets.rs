//! Sockets with known contents.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, Protocol, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use skcheck_core::Inode;

use super::scan::eventually;

pub(crate) fn inode(fd: &impl AsFd) -> Inode {
    let number = rustix::fs::fstat(fd).expect("the descriptor is open").st_ino;
    Inode::new(number.try_into().expect("socket inodes have 32 bits")).expect("never 0")
}

/// Both ends of a TCP connection over loopback.
pub(crate) struct TcpPair {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
    /// The server's port.
    pub(crate) port: u16,
}

/// A connection to a port of `address`, `127.0.0.1` or `::1`. The listener is gone.
pub(crate) fn tcp_pair(address: &str) -> TcpPair {
    accept_one(&TcpListener::bind((address, 0)).expect("loopback is up"))
}

/// The same over IPv4, where the server takes `bytes` before its window closes (root only).
pub(crate) fn tcp_pair_with_window(bytes: usize) -> TcpPair {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    sockopt::set_socket_recv_buffer_size_force(&listener, bytes).expect("root may");
    accept_one(&listener)
}

/// A connection between these two ports of 127.0.0.1. The listener is gone.
pub(crate) fn tcp_pair_on_port(client: u16, server: u16) -> TcpPair {
    let listener = TcpListener::bind(("127.0.0.1", server)).expect("the port is free");
    let client =
        connect_from(SocketAddr::from(([127, 0, 0, 1], client)), listener.local_addr().expect("bound"));
    let (accepted, _) = listener.accept().expect("the client waits");
    TcpPair { client, server: accepted, port: server }
}

/// A connection with a known address at this end.
pub(crate) fn connect_from(from: SocketAddr, to: SocketAddr) -> TcpStream {
    let family = if from.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_of(family, SocketType::STREAM, None);
    rustix::net::bind(&socket, &from).expect("the address is free");
    rustix::net::connect(&socket, &to).expect("it listens");
    TcpStream::from(socket)
}

fn accept_one(listener: &TcpListener) -> TcpPair {
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (server, _) = listener.accept().expect("the client waits");
    let port = server.local_addr().expect("bound").port();
    TcpPair { client, server, port }
}

impl TcpPair {
    /// Sends `bytes` bytes to the server and waits until they are there.
    pub(crate) fn send(&mut self, bytes: usize) {
        self.client.write_all(&vec![b'x'; bytes]).expect("the window is open");
        arrived(&self.server, bytes);
    }

    /// The client says that it sends no more; the server has heard it.
    pub(crate) fn finish(&self) {
        self.client.shutdown(Shutdown::Write).expect("connected");
    }
}

/// Waits until `bytes` can be read from a stream.
pub(crate) fn arrived(fd: &impl AsFd, bytes: usize) {
    eventually("data arrives", || (unread(fd) >= bytes as u64).then_some(()));
}

/// FIONREAD.
pub(crate) fn unread(fd: &impl AsFd) -> u64 {
    rustix::io::ioctl_fionread(fd).expect("a socket tells")
}

/// Sends until the peer takes no more; how many bytes that were.
pub(crate) fn fill(mut stream: &TcpStream) -> u64 {
    let piece = [b'x'; 64 * 1024];
    let mut written = 0;
    stream.set_nonblocking(true).expect("a socket");
    // The peer's window opens in steps: full for some time is full.
    let mut quiet = 0;
    while quiet < 5 {
        quiet += 1;
        while let Ok(n) = stream.write(&piece) {
            written += n as u64;
            quiet = 0;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    written
}

/// Closes with a reset (SO_LINGER of 0 seconds).
pub(crate) fn reset(stream: TcpStream) {
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket");
    drop(stream);
}

/// Reads `bytes` bytes.
pub(crate) fn drain(mut stream: impl Read, bytes: usize) {
    stream.read_exact(&mut vec![0; bytes]).expect("they are there");
}

/// A fresh socket, which children do not inherit.
pub(crate) fn socket_of(family: AddressFamily, kind: SocketType, protocol: Option<Protocol>) -> OwnedFd {
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, protocol);
    socket.expect("this kernel has such sockets")
}

pub(crate) fn unix_socket(kind: SocketType) -> OwnedFd {
    socket_of(AddressFamily::UNIX, kind, None)
}

pub(crate) fn unix_pair(kind: SocketType) -> (OwnedFd, OwnedFd) {
    rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).expect("a pair")
}

/// An abstract name that no other test and no other run uses.
pub(crate) fn abstract_name(test: &str) -> (Vec<u8>, SocketAddrUnix) {
    let name = format!("skcheck-{}-{test}", std::process::id()).into_bytes();
    let address = SocketAddrUnix::new_abstract_name(&name).expect("short enough");
    (name, address)
}

pub(crate) fn send_unix(fd: &impl AsFd, bytes: usize) {
    let sent = rustix::net::send(fd, &vec![b'x'; bytes], rustix::net::SendFlags::empty());
    assert_eq!(sent.expect("the peer takes it"), bytes);
}

/// The state of both ends of a pair of unix sockets: before 5.15 datagrams knew no connection.
#[allow(dead_code, reason = "some programs of tests need it")]
pub(crate) fn unix_pair_state(protocol: skcheck_core::Protocol) -> skcheck_core::State {
    let is_datagram = protocol == skcheck_core::Protocol::UnixDatagram;
    if is_datagram && super::skip::kernel() < [5, 15] {
        return skcheck_core::State::Close;
    }
    skcheck_core::State::Established
}
