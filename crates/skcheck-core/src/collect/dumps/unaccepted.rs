//! TCP connections of one namespace that nobody has accepted.

use rustc_hash::FxHashMap;

use crate::model::endpoint::{Endpoint, canonical};
use crate::model::protocol::Family;
use crate::model::socket::{Cookie, Socket};
use crate::model::state::State;

/// Where a connection has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Arrival {
    family: Family,
    local: Endpoint,
    interface: Option<u32>,
}

impl Arrival {
    pub(crate) fn of(connection: &Socket) -> Arrival {
        Arrival {
            family: connection.family,
            local: connection.local.clone(),
            interface: connection.interface,
        }
    }

    /// Whether this listener takes what arrives here; one that `is_dual` takes IPv4 too.
    pub(crate) fn is_for(&self, listener: &Socket, is_dual: bool) -> bool {
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
    pub(crate) fn note(&mut self, socket: &Socket) {
        let may_wait = socket.protocol.row().lists_unaccepted
            && socket.inode.is_none()
            && matches!(socket.state, State::Established | State::CloseWait);
        if let Some(cookie) = socket.cookie.filter(|_| may_wait) {
            self.by_arrival.entry(Arrival::of(socket)).or_default().push(cookie);
        }
    }

    /// Those that wait at a listener, each once; where several listen at one address, each has all of them.
    pub(crate) fn at(&self, listener: &Socket) -> Vec<Cookie> {
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
