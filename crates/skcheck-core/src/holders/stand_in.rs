//! What /proc/net tells, where NETLINK_SOCK_DIAG does not, of listeners and other ends.

use std::net::IpAddr;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::client::Asker;
use crate::collect::dump::Candidate;
use crate::holders::listeners::Listeners;
use crate::host::Host;
use crate::model::endpoint::canonical;
use crate::model::socket::Socket;
use crate::model::state::State;
use crate::model::table::{IpVersion, Table};
use crate::procfs::net;

/// What a second look at /proc/net tells of candidates: the listeners, and the other ends.
#[derive(Default)]
pub(crate) struct SecondLook {
    pub listeners: Listeners,
    peers: FxHashMap<Connection, Socket>,
}

/// Local and peer address, as one end sees them.
type Connection = ((IpAddr, u16), (IpAddr, u16));

fn connection(socket: &Socket) -> Option<Connection> {
    Some((canonical(&socket.local)?, canonical(&socket.peer)?))
}

impl SecondLook {
    /// Looks at what `read` gives for a table, once more.
    pub(crate) fn new<'a>(
        read: impl Fn(Table) -> Option<Vec<u8>>,
        sockets: impl Iterator<Item = &'a Socket>,
    ) -> SecondLook {
        let connections = sockets.filter(|socket| socket.has_peer()).filter_map(connection);
        let wanted: FxHashSet<Connection> = connections.map(|(local, peer)| (peer, local)).collect();
        let mut look = SecondLook::default();
        if wanted.is_empty() {
            return look;
        }
        for version in [IpVersion::V4, IpVersion::V6] {
            let table = Table::Tcp(version);
            // The first pass has already said what cannot be read.
            let file = read(table).unwrap_or_default();
            net::parse(table, &file, |socket| match (socket.state, connection(&socket)) {
                (State::Listen, _) => look.listeners.add(socket, false),
                (_, Some(ends)) if wanted.contains(&ends) => drop(look.peers.insert(ends, socket)),
                _ => {}
            });
        }
        look
    }

    /// The same in place of the tables of TCP, where an asker knows that their module is missing.
    pub(crate) fn for_missing<'a>(
        asker: &Asker<'_>,
        sockets: impl Iterator<Item = &'a Socket>,
    ) -> SecondLook {
        if !asker.is_missing(Table::Tcp(IpVersion::V4)) {
            return SecondLook::default();
        }
        SecondLook::new(|table| asker.stand_in(table), sockets)
    }

    /// The same at the scanner's own /proc/net.
    pub(crate) fn at(host: &dyn Host, candidates: &[Candidate]) -> SecondLook {
        let read = |table: Table| {
            let mut file = Vec::new();
            host.read(Path::new(table.proc_file()), &mut file).ok().map(|()| file)
        };
        SecondLook::new(read, candidates.iter().map(|it| &it.socket))
    }

    /// The other end of a connection.
    pub(crate) fn peer(&self, socket: &Socket) -> Option<&Socket> {
        let (local, peer) = connection(socket).filter(|_| socket.has_peer())?;
        self.peers.get(&(peer, local))
    }
}
