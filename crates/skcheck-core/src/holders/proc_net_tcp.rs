//! What /proc/net tells, where NETLINK_SOCK_DIAG does not, of listeners and other ends.

use std::net::IpAddr;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::asking::client::Asker;
use crate::holders::listeners::Listeners;
use crate::host::Host;
use crate::model::endpoint::canonical;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::table::{IpVersion, Table};
use crate::procfs::net;

/// What /proc/net tells of the TCP sockets of one namespace: the listeners, and other ends of connections.
#[derive(Default)]
pub(crate) struct ProcNetTcp {
    pub listeners: Listeners,
    peers: FxHashMap<Connection, Socket>,
}

/// Local and peer address, as one end sees them.
type Connection = ((IpAddr, u16), (IpAddr, u16));

fn connection(socket: &Socket) -> Option<Connection> {
    Some((canonical(&socket.local)?, canonical(&socket.peer)?))
}

impl ProcNetTcp {
    /// Looks at what `read` gives for a table, once more.
    pub(crate) fn new<'a>(
        read: impl Fn(Table) -> Option<Vec<u8>>,
        sockets: impl Iterator<Item = &'a Socket>,
    ) -> ProcNetTcp {
        let connections = sockets.filter(|socket| socket.has_peer()).filter_map(connection);
        let wanted: FxHashSet<Connection> = connections.map(|(local, peer)| (peer, local)).collect();
        let mut tcp = ProcNetTcp::default();
        if wanted.is_empty() {
            return tcp;
        }
        for version in [IpVersion::V4, IpVersion::V6] {
            let table = Table::Tcp(version);
            // What cannot be read was said when the tables were dumped.
            let file = read(table).unwrap_or_default();
            net::parse(table, &file, |socket| match (socket.state, connection(&socket)) {
                (State::Listen, _) => tcp.listeners.add(socket, false),
                (_, Some(ends)) if wanted.contains(&ends) => drop(tcp.peers.insert(ends, socket)),
                _ => {}
            });
        }
        tcp
    }

    /// The same in place of the tables of TCP, where an asker knows that their module is missing.
    pub(crate) fn for_missing<'a>(
        asker: &Asker<'_>,
        sockets: impl Iterator<Item = &'a Socket>,
    ) -> ProcNetTcp {
        if !asker.is_missing(Table::Tcp(IpVersion::V4)) {
            return ProcNetTcp::default();
        }
        ProcNetTcp::new(|table| asker.stand_in(table), sockets)
    }

    /// The same at the scanner's own /proc/net.
    pub(crate) fn own<'a>(host: &dyn Host, sockets: impl Iterator<Item = &'a Socket>) -> ProcNetTcp {
        let read = |table: Table| {
            let mut file = Vec::new();
            host.read(Path::new(table.proc_file()), &mut file).ok().map(|()| file)
        };
        ProcNetTcp::new(read, sockets)
    }

    /// The other ends of the connections at these places.
    pub(crate) fn each_peer(
        &self,
        places: &[usize],
        sockets: &[&Socket],
        on_peer: &mut dyn FnMut(usize, &Socket),
    ) {
        for place in places {
            if let Some(peer) = sockets.get(*place).and_then(|socket| self.peer(socket)) {
                on_peer(*place, peer);
            }
        }
    }

    /// The other end of a connection.
    fn peer(&self, socket: &Socket) -> Option<&Socket> {
        let (local, peer) = connection(socket).filter(|_| socket.has_peer())?;
        self.peers.get(&(peer, local))
    }
}
