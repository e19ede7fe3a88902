//! TCP connections that nobody has accepted, and the listeners of their namespace. An MPTCP listener is among
//! them: the TCP socket below it has its inode, address and family.

use rustc_hash::FxHashMap;

use crate::collect::asking::client::Asker;
use crate::collect::dumps::unaccepted::Arrival;
use crate::diag::record::Record;
use crate::diag::request::States;
use crate::model::protocol::Family;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;
use crate::model::table::{IpVersion, Table};

/// Who has a socket, as far as its namespace tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeldBy {
    /// A file does.
    File(Inode),
    /// Nobody yet: it waits at one of these listeners.
    Listeners(Vec<Inode>),
    /// Nobody any more.
    Nobody,
}

impl HeldBy {
    /// The sockets whose holders have it.
    pub(crate) fn inodes(&self) -> impl Iterator<Item = Inode> {
        let (own, listeners): (Option<Inode>, &[Inode]) = match self {
            HeldBy::File(inode) => (Some(*inode), &[]),
            HeldBy::Listeners(listeners) => (None, listeners),
            HeldBy::Nobody => (None, &[]),
        };
        own.into_iter().chain(listeners.iter().copied())
    }
}

/// The listeners of one namespace.
#[derive(Default)]
pub(crate) struct Listeners {
    by_port: FxHashMap<u16, Vec<Listener>>,
}

struct Listener {
    socket: Socket,
    v6only: bool,
}

impl Listeners {
    /// Dumps the listeners of a namespace.
    pub(crate) fn of(asker: &Asker<'_>) -> Listeners {
        let mut listeners = Listeners::default();
        for version in [IpVersion::V4, IpVersion::V6] {
            // Without listeners, connections without an inode are orphans; what could not be dumped has
            // been said before.
            asker.dump_again(Table::Tcp(version), States::Listening, &mut |record: Record<'_>| {
                let v6only = record.v6only.unwrap_or(false);
                listeners.add(record.into_socket(), v6only);
            });
        }
        listeners
    }

    /// Adds a listener.
    pub(crate) fn add(&mut self, socket: Socket, v6only: bool) {
        let Some(port) = socket.local.port() else { return };
        self.by_port.entry(port).or_default().push(Listener { socket, v6only });
    }

    /// Who has this socket.
    pub(crate) fn held_by(&self, socket: &Socket) -> HeldBy {
        if let Some(inode) = socket.inode {
            return HeldBy::File(inode);
        }
        let may_wait = socket.protocol.is_acknowledged()
            && matches!(
                socket.state,
                State::Established | State::SynRecv | State::NewSynRecv | State::CloseWait
            );
        let on_port = socket.local.port().and_then(|port| self.by_port.get(&port));
        let mut listeners: Vec<Inode> = on_port
            .into_iter()
            .flatten()
            .filter(|listener| may_wait && listener.accepts(socket))
            .filter_map(|listener| listener.socket.inode)
            .collect();
        listeners.sort_unstable();
        listeners.dedup();
        if listeners.is_empty() { HeldBy::Nobody } else { HeldBy::Listeners(listeners) }
    }
}

impl Listener {
    /// Whether a connection can wait here. It has its listener's family; only a half-open one over IPv4 at a
    /// dual-stack listener may show as IPv4.
    fn accepts(&self, connection: &Socket) -> bool {
        let half_open = matches!(connection.state, State::SynRecv | State::NewSynRecv);
        let is_dual = half_open && self.socket.family == Family::Ipv6 && !self.v6only;
        Arrival::of(connection).is_for(&self.socket, is_dual)
    }
}
