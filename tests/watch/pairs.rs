//! Both ends of connections, as descriptors that roles can be given.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketType, sockopt};
use skcheck_core::Inode;

use crate::support::scan::eventually;
use crate::support::skip::{Skip, skip};
use crate::support::sockets::{fill, inode, socket_of, tcp_pair_with_window, unix_pair};

/// Who writes, and who reads.
pub(crate) struct Pair {
    pub(crate) writer: OwnedFd,
    pub(crate) reader: OwnedFd,
}

impl Pair {
    /// TCP over loopback; both buffers take so many bytes.
    pub(crate) fn tcp(window: usize, unsent: usize) -> Pair {
        let pair = tcp_pair_with_window(window);
        sockopt::set_socket_send_buffer_size_force(&pair.client, unsent).expect("root may");
        Pair { writer: pair.client.into(), reader: pair.server.into() }
    }

    /// MPTCP over loopback; both buffers take so many bytes. `None` where the kernel has none.
    pub(crate) fn mptcp(window: usize) -> Option<Pair> {
        if !Path::new("/proc/sys/net/mptcp/enabled").exists() {
            skip(Skip::NeedsModule("CONFIG_MPTCP"));
            return None;
        }
        const IPPROTO_MPTCP: NonZeroU32 = NonZeroU32::new(262).expect("not 0");
        let protocol = Some(Protocol::from_raw(IPPROTO_MPTCP));
        let socket = || socket_of(AddressFamily::INET, SocketType::STREAM, protocol);
        let (listener, writer) = (socket(), socket());
        sockopt::set_socket_recv_buffer_size_force(&listener, window).expect("root may");
        sockopt::set_socket_send_buffer_size_force(&writer, window).expect("root may");
        rustix::net::bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        rustix::net::listen(&listener, 1).expect("bound");
        let at = TcpListener::from(listener.try_clone().expect("a descriptor")).local_addr().expect("bound");
        rustix::net::connect(&writer, &at).expect("it listens");
        let reader = rustix::net::acceptfrom(&listener).expect("it waits").0;
        Some(Pair { writer, reader })
    }

    /// A pair of unix sockets; the writer's buffer takes so many bytes.
    pub(crate) fn unix(kind: SocketType, unsent: usize) -> Pair {
        let (writer, reader) = unix_pair(kind);
        sockopt::set_socket_send_buffer_size_force(&writer, unsent).expect("root may");
        Pair { writer, reader }
    }

    /// UDP over loopback; the reader's buffer takes so many bytes.
    pub(crate) fn udp(buffer: usize) -> Pair {
        let reader = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        sockopt::set_socket_recv_buffer_size_force(&reader, buffer).expect("root may");
        let writer = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        writer.connect(reader.local_addr().expect("bound")).expect("loopback");
        Pair { writer: writer.into(), reader: reader.into() }
    }

    pub(crate) fn inodes(&self) -> (Inode, Inode) {
        (inode(&self.writer), inode(&self.reader))
    }

    /// Writes so many bytes, and waits until they can be read.
    pub(crate) fn write(&self, bytes: usize) {
        let piece = vec![b'x'; bytes.min(1 << 16)];
        let mut left = bytes;
        while left > 0 {
            let most = left.min(piece.len());
            left -= rustix::io::write(&self.writer, &piece[..most]).expect("the reader takes it");
        }
        crate::support::sockets::arrived(&self.reader, bytes);
    }

    /// Sends so many datagrams of so many bytes.
    pub(crate) fn send(&self, datagrams: usize, bytes: usize) {
        for _ in 0..datagrams {
            let sent = rustix::net::send(&self.writer, &vec![b'x'; bytes], SendFlags::empty());
            assert_eq!(sent.expect("the reader takes it"), bytes);
        }
    }
}

/// Writes to a TCP socket until nobody takes any more.
pub(crate) fn fill_tcp(writer: OwnedFd) -> OwnedFd {
    let stream = TcpStream::from(writer);
    assert!(fill(&stream) > 0);
    stream.set_nonblocking(false).expect("a socket");
    stream.into()
}

/// Writes to a unix socket until it takes no more.
pub(crate) fn fill_unix(writer: &impl AsFd) {
    while rustix::net::send(writer, &[b'x'; 4096], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok() {}
}

/// Reads everything that there is.
pub(crate) fn read_empty(reader: &impl AsFd) {
    let mut buffer = vec![0; 1 << 16];
    while rustix::net::recv(reader, &mut buffer, RecvFlags::DONTWAIT).is_ok_and(|(length, _)| length > 0) {}
    eventually("it is empty", || (crate::support::sockets::unread(reader) == 0).then_some(()));
}
