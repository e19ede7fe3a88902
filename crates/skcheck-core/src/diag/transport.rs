//! The netlink socket and its receive loop: bytes and descriptors, no records.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};

/// The kernel fills at most 32 KiB of a dump into one datagram, and no more than it has seen a
/// reader offer (`netlink_dump`).
const BUFFER: usize = 32 * 1024;

/// How long the kernel may be silent within one answer. It works on a dump only while it is
/// asked for the next datagram, so this is the time for one.
const PATIENCE: Duration = Duration::from_secs(10);

/// `MSG_TRUNC` of recv(2): report a datagram's whole length, even where the buffer was shorter.
const MSG_TRUNC: i32 = 0x20;

/// A socket of the NETLINK_SOCK_DIAG family. Belongs to the network namespace it was opened in.
#[derive(Debug)]
pub(crate) struct DiagSocket {
    socket: Socket,
    sockstat: Vec<u8>,
    buffer: Vec<u8>,
}

impl DiagSocket {
    /// Opens a socket in the calling thread's network namespace, of which `sockstat` tells.
    pub(crate) fn open(sockstat: Vec<u8>) -> io::Result<DiagSocket> {
        let socket = Socket::new(NETLINK_SOCK_DIAG)?;
        rustix::net::sockopt::set_socket_timeout(
            &socket,
            rustix::net::sockopt::Timeout::Recv,
            Some(PATIENCE),
        )?;
        Ok(DiagSocket { socket, sockstat, buffer: Vec::with_capacity(BUFFER) })
    }

    /// The namespace's sockstat, as it was handed in.
    pub(crate) fn sockstat(&self) -> &[u8] {
        &self.sockstat
    }

    /// As [`Diag::ask`](crate::host::Diag::ask).
    pub(crate) fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        self.socket.send_to(request, &SocketAddr::new(0, 0), 0)?;
        loop {
            self.buffer.clear();
            let (length, from) = match self.socket.recv_from(&mut self.buffer, MSG_TRUNC) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            };
            if from.port_number() != 0 {
                continue; // another process, not the kernel
            }
            let flow = on_datagram(&self.buffer);
            if length > self.buffer.len() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if flow.is_break() {
                return Ok(());
            }
        }
    }
}

impl AsFd for DiagSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
