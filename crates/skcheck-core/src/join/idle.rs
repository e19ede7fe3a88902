//! Sockets that hold nothing: they are joined some at a time, since there may be very many.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::dumps::candidate::Candidate;
use crate::collect::dumps::may_match::may_be_held_by;
use crate::collect::scanned::Source;
use crate::join::sockets::Join;
use crate::model::endpoint::Endpoint;
use crate::model::netns::NetnsId;
use crate::model::protocol::Protocol;
use crate::model::socket::{Cookie, Inode, Socket};

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
    at_a_time: usize,
    /// The cookies of sockets that were first told of without one.
    cookies: FxHashMap<(Protocol, Inode), Cookie>,
}

impl IdleOrder {
    /// Orders those that match, each once; what has an entry already is left out.
    pub(crate) fn of(join: &Join<'_>) -> IdleOrder {
        let mut seen = Seen::default();
        for entry in join.entries() {
            let _ = seen.is_new(entry.netns, &entry.socket);
        }
        let descriptors = &join.collected.survey.descriptors;
        let mut positions = Vec::new();
        for (at, namespace) in join.collected.namespaces.iter().enumerate() {
            let idle = &namespace.dump.idle;
            for number in 0..idle.len() {
                let Some(Candidate { socket, .. }) = idle.get(number) else { continue };
                let matches = join.query.may_match(&socket, join.facts)
                    && may_be_held_by(descriptors, &socket, &join.query.pids);
                if matches && seen.is_new(namespace.netns.id, &socket) {
                    let holder = socket.inode.and_then(|inode| descriptors.holders(inode).next());
                    let (pid, fd) = holder.map_or((u32::MAX, u32::MAX), |holder| (holder.pid, holder.fd));
                    positions.push(Position { pid, fd, namespace: at, number });
                }
            }
        }
        positions.sort_unstable();
        IdleOrder { positions, next: 0, at_a_time: at_a_time(join), cookies: seen.cookies }
    }

    /// Makes candidates of the next ones; whether there are any more.
    pub(crate) fn take_some(&mut self, join: &mut Join<'_>) -> bool {
        let left = self.positions.get(self.next..).unwrap_or_default();
        let some = left.get(..self.at_a_time).unwrap_or(left);
        for position in some {
            let namespace = join.collected.namespaces.get_mut(position.namespace);
            let Some(dump) = namespace.map(|namespace| &mut namespace.dump) else { continue };
            let Some(mut candidate) = dump.idle.get(position.number) else { continue };
            let socket = &mut candidate.socket;
            let known = || self.cookies.get(&(socket.protocol, socket.inode?)).copied();
            socket.cookie = socket.cookie.or_else(known);
            dump.candidates.push(candidate);
        }
        self.next += some.len();
        !some.is_empty()
    }
}

/// How many are joined at a time: all, where each time all descriptors or files of /proc/net would be gone through.
fn at_a_time(join: &Join<'_>) -> usize {
    let Join { query, collected, .. } = join;
    let is_dear = query.deep || !query.pids.is_empty() || collected.source == Source::ProcNet;
    if is_dear { usize::MAX } else { AT_A_TIME }
}

/// Which sockets have been met.
#[derive(Default)]
struct Seen {
    cookies_met: FxHashSet<Cookie>,
    /// By their inodes all, and those that had no cookie: what one source tells without it, the other tells with it.
    /// (Subflows of MPTCP have one inode, and a cookie each.)
    inodes: FxHashSet<(Protocol, Inode)>,
    without_cookie: FxHashSet<(Protocol, Inode)>,
    /// Those without a cookie and an inode are known by their addresses.
    nameless: FxHashSet<(Option<NetnsId>, Protocol, Endpoint, Endpoint)>,
    /// The cookies of sockets that were met without one.
    cookies: FxHashMap<(Protocol, Inode), Cookie>,
}

impl Seen {
    /// Whether a socket has not been met before.
    fn is_new(&mut self, netns: Option<NetnsId>, socket: &Socket) -> bool {
        let by_inode = socket.inode.map(|inode| (socket.protocol, inode));
        match (socket.cookie, by_inode) {
            (Some(cookie), Some(by_inode)) if self.without_cookie.contains(&by_inode) => {
                self.cookies.insert(by_inode, cookie);
                false
            }
            (Some(cookie), by_inode) => {
                self.inodes.extend(by_inode);
                self.cookies_met.insert(cookie)
            }
            (None, Some(by_inode)) => {
                self.without_cookie.insert(by_inode);
                self.inodes.insert(by_inode)
            }
            (None, None) => {
                let (local, peer) = (socket.local.clone(), socket.peer.clone());
                self.nameless.insert((netns, socket.protocol, local, peer))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::model::protocol::Family;
    use crate::model::state::State;

    fn socket(protocol: Protocol, cookie: Option<u64>, inode: u32) -> Socket {
        let mut socket = Socket::unknown(Family::Ipv4, protocol, State::Established);
        (socket.cookie, socket.inode) = (cookie.map(Cookie), Inode::new(inode));
        socket
    }

    #[test]
    fn each_is_told_once_however_it_is_named() {
        use Protocol::{Mptcp, Tcp};
        let here = Some(NetnsId(1));
        let mut seen = Seen::default();
        let mut is_new = |protocol, cookie, inode| seen.is_new(here, &socket(protocol, cookie, inode));
        assert!(is_new(Tcp, Some(1), 7) && !is_new(Tcp, Some(1), 7));
        assert!(is_new(Tcp, Some(2), 7), "another subflow of the same inode");
        assert!(!is_new(Tcp, None, 7), "one of them, told without its cookie");
        assert!(is_new(Mptcp, None, 7), "the socket above");
        assert!(is_new(Tcp, None, 8) && !is_new(Tcp, Some(3), 8), "told without a cookie, and with it");
        assert!(is_new(Tcp, None, 0) && !is_new(Tcp, None, 0));
        assert!(seen.is_new(Some(NetnsId(2)), &socket(Tcp, None, 0)), "the same addresses elsewhere");
        assert_eq!(seen.cookies.get(&(Tcp, Inode::new(8).unwrap())), Some(&Cookie(3)));
    }
}
