//! One record of a table.

use crate::diag::attributes::u32_at;
use crate::model::endpoint::Endpoint;
use crate::model::socket::{Inode, Socket};

/// One decoded message. What lies on the heap in a [`Socket`] is still borrowed here, so that
/// looking at a record and passing it over allocates nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The socket, without its unix name.
    pub socket: Socket,
    /// The unix name as the kernel has it (`UNIX_DIAG_NAME`): a leading NUL marks an abstract one.
    pub unix_name: Option<&'a [u8]>,
    /// Unix listeners: the inodes of clients that wait to be accepted (`UNIX_DIAG_ICONS`).
    pub pending: Option<&'a [u8]>,
    /// IPv6 sockets that listen or are closed: whether they refuse IPv4 (`INET_DIAG_SKV6ONLY`).
    pub v6only: Option<bool>,
}

impl Record<'_> {
    /// A record of nothing but this socket.
    pub fn of(socket: Socket) -> Record<'static> {
        Record { socket, unix_name: None, pending: None, v6only: None }
    }

    /// The socket with its name.
    pub fn into_socket(self) -> Socket {
        let mut socket = self.socket;
        if let Some(name) = self.unix_name {
            socket.local = Endpoint::from_unix_name(name);
        }
        socket
    }

    /// The clients in [`Record::pending`]; those that are gone (inode 0) are left out.
    pub fn pending_inodes(&self) -> impl Iterator<Item = Inode> + '_ {
        let bytes = self.pending.unwrap_or_default();
        bytes.chunks_exact(4).filter_map(|b| Inode::new(u32_at(b, 0)?))
    }
}
