//! TCP connections that nobody has accepted, and the listeners of their namespace. An MPTCP listener is among
//! them: the TCP socket below it has its inode, address and family.

use rustc_hash::FxHashMap;

use crate::diag::decode::Record;
use crate::diag::request::{IpVersion, States, Table, canonical};
use crate::snapshot::ask::Asker;
use crate::socket::{Cookie, Endpoint, Family, Inode, Protocol, Socket, State};

/// Who has a socket, as far as its namespace tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// A file does.
    ByFile(Inode),
    /// Nobody yet: it waits at one of these listeners.
    AwaitingAccept(Vec<Inode>),
    /// Nobody any more.
    Orphan,
}

impl Held {
    /// The sockets whose holders have it.
    pub(super) fn inodes(&self) -> impl Iterator<Item = Inode> {
        let (own, listeners): (Option<Inode>, &[Inode]) = match self {
            Held::ByFile(inode) => (Some(*inode), &[]),
            Held::AwaitingAccept(listeners) => (None, listeners),
            Held::Orphan => (None, &[]),
        };
        own.into_iter().chain(listeners.iter().copied())
    }
}

/// The listeners of one namespace.
#[derive(Default)]
pub(super) struct Listeners {
    by_port: FxHashMap<u16, Vec<Listener>>,
}

struct Listener {
    socket: Socket,
    v6only: bool,
}

impl Listeners {
    /// Dumps the listeners of a namespace.
    pub(super) fn of(asker: &Asker<'_>) -> Listeners {
        let mut listeners = Listeners::default();
        for version in [IpVersion::V4, IpVersion::V6] {
            // Without listeners, connections without an inode are orphans; the first pass has
            // already said what it could not dump.
            asker.dump_again(Table::Tcp(version), States::Listening, &mut |record: Record<'_>| {
                let v6only = record.v6only.unwrap_or(false);
                listeners.add(record.into_socket(), v6only);
            });
        }
        listeners
    }

    /// Adds a listener.
    pub(super) fn add(&mut self, socket: Socket, v6only: bool) {
        let Some(port) = socket.local.port() else { return };
        self.by_port.entry(port).or_default().push(Listener { socket, v6only });
    }

    /// Who has this socket.
    pub(super) fn held(&self, socket: &Socket) -> Held {
        if let Some(inode) = socket.inode {
            return Held::ByFile(inode);
        }
        let may_wait = matches!(socket.protocol, Protocol::Tcp | Protocol::Mptcp)
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
        if listeners.is_empty() { Held::Orphan } else { Held::AwaitingAccept(listeners) }
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

/// Where a connection has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Arrival {
    family: Family,
    local: Endpoint,
    interface: Option<u32>,
}

impl Arrival {
    pub(super) fn of(connection: &Socket) -> Arrival {
        Arrival {
            family: connection.family,
            local: connection.local.clone(),
            interface: connection.interface,
        }
    }

    /// Whether this listener takes what arrives here; one that `is_dual` takes IPv4 too.
    fn is_for(&self, listener: &Socket, is_dual: bool) -> bool {
        let (Some((own, _)), Some((wanted, _))) = (canonical(&listener.local), canonical(&self.local)) else {
            return false;
        };
        let family = listener.family == self.family || is_dual;
        let interface = listener.interface.is_none() || listener.interface == self.interface;
        family && interface && (own == wanted || own.is_unspecified())
    }
}

/// TCP connections of one namespace that nobody has accepted: their cookies, by where they have arrived.
#[derive(Debug, Default)]
pub(crate) struct Unaccepted {
    by_arrival: FxHashMap<Arrival, Vec<Cookie>>,
}

impl Unaccepted {
    /// Notes a record of a dump, if it is of one. What is half-open is in no accept queue yet.
    pub(super) fn note(&mut self, socket: &Socket) {
        let may_wait = socket.protocol == Protocol::Tcp
            && socket.inode.is_none()
            && matches!(socket.state, State::Established | State::CloseWait);
        if let Some(cookie) = socket.cookie.filter(|_| may_wait) {
            self.by_arrival.entry(Arrival::of(socket)).or_default().push(cookie);
        }
    }

    /// Those that wait at a listener, each once; where several listen at one address, each has all of them.
    pub(super) fn at(&self, listener: &Socket) -> Vec<Cookie> {
        if listener.state != State::Listen {
            return Vec::new();
        }
        let is_here = |arrival: &Arrival| {
            arrival.local.port() == listener.local.port() && arrival.is_for(listener, false)
        };
        let waiting = self.by_arrival.iter().filter(|(arrival, _)| is_here(arrival));
        let mut waiting: Vec<Cookie> = waiting.flat_map(|(_, cookies)| cookies).copied().collect();
        waiting.sort_unstable();
        waiting.dedup();
        waiting
    }
}
