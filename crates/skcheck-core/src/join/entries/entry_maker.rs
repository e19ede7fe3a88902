//! Makes the entry of a record, before anything but its own namespace's numbers is joined to it.

use std::time::Instant;

use crate::collect::netns::namespace::Namespace;
use crate::footprint::HostFacts;
use crate::holders::unix_links::UnixLinks;
use crate::model::socket::Socket;
use crate::snapshot::entry::{SocketEntry, Waiter};

/// Makes entries of the records of one namespace.
pub(crate) struct EntryMaker<'a> {
    pub facts: &'a HostFacts,
    pub unix: &'a UnixLinks,
    /// When the scan began.
    pub started: Instant,
    pub namespace: &'a Namespace,
}

impl EntryMaker<'_> {
    /// The entry of a record. Its holders are yet to be found.
    pub(crate) fn entry(&self, socket: Socket, read_at: Instant) -> SocketEntry {
        let connections = self.namespace.dump.unaccepted.at(&socket).into_iter().map(Waiter::Connection);
        let clients = self.unix.waiting_at(socket.inode).iter().copied().map(Waiter::Client);
        let footprint = self.unix.footprint(&socket, self.facts);
        SocketEntry {
            waiters: connections.chain(clients).collect(),
            read_after: read_at.saturating_duration_since(self.started),
            netns: self.namespace.netns.id,
            ..SocketEntry::bare(socket, footprint)
        }
    }
}
