//! Sockets that hold nothing: they are joined some at a time, since there may be very many.

use rustc_hash::FxHashSet;

use crate::collect::dumps::candidate::Candidate;
use crate::collect::dumps::may_match::may_be_held_by;
use crate::join::sockets::Join;
use crate::model::endpoint::Endpoint;
use crate::model::protocol::Protocol;
use crate::model::socket::{Socket, SocketName};

/// So many are joined at a time.
const AT_A_TIME: usize = 4096;

/// Where a packed socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    /// By whom they are ordered: the first of their holders, and its descriptor. Those without one come last.
    pid: u32,
    fd: u32,
    namespace: usize,
    number: usize,
}

/// The sockets of all namespaces that hold nothing, in the order of a report.
pub(crate) struct IdleOrder {
    positions: Vec<Position>,
    next: usize,
}

impl IdleOrder {
    /// Orders those that match, each once; what has an entry already is left out.
    pub(crate) fn of(join: &Join<'_>) -> IdleOrder {
        let mut seen = Seen::default();
        join.entries().for_each(|entry| seen.add(&entry.socket));
        let descriptors = &join.collected.survey.descriptors;
        let mut positions = Vec::new();
        for (at, namespace) in join.collected.namespaces.iter().enumerate() {
            let idle = &namespace.dump.idle;
            for number in 0..idle.len() {
                let Some(Candidate { socket, .. }) = idle.get(number) else { continue };
                let matches = join.query.may_match(&socket, join.facts)
                    && may_be_held_by(descriptors, &socket, &join.query.pids);
                if matches && seen.is_new(&socket) {
                    let holder = socket.inode.and_then(|inode| descriptors.holders(inode).next());
                    let (pid, fd) = holder.map_or((u32::MAX, u32::MAX), |holder| (holder.pid, holder.fd));
                    positions.push(Position { pid, fd, namespace: at, number });
                }
            }
        }
        positions.sort_unstable();
        IdleOrder { positions, next: 0 }
    }

    /// Makes candidates of the next ones; whether there are any more.
    pub(crate) fn take_some(&mut self, join: &mut Join<'_>) -> bool {
        let left = self.positions.get(self.next..).unwrap_or_default();
        let some = left.get(..AT_A_TIME).unwrap_or(left);
        for position in some {
            if let Some(namespace) = join.collected.namespaces.get_mut(position.namespace) {
                namespace.dump.candidates.extend(namespace.dump.idle.get(position.number));
            }
        }
        self.next += some.len();
        !some.is_empty()
    }
}

/// Which sockets have been met.
#[derive(Default)]
struct Seen {
    names: FxHashSet<SocketName>,
    /// Those without a cookie and an inode are known by their addresses.
    nameless: FxHashSet<(Protocol, Endpoint, Endpoint)>,
}

impl Seen {
    fn add(&mut self, socket: &Socket) {
        let inode = socket.inode.map(SocketName::Inode);
        self.names.extend(socket.name().into_iter().chain(inode));
    }

    /// Whether a socket has not been met. What one source tells without a cookie, the other tells with it.
    fn is_new(&mut self, socket: &Socket) -> bool {
        let Some(name) = socket.name() else {
            return self.nameless.insert((socket.protocol, socket.local.clone(), socket.peer.clone()));
        };
        let is_known = socket.inode.is_some_and(|inode| self.names.contains(&SocketName::Inode(inode)));
        !is_known && self.names.insert(name)
    }
}
