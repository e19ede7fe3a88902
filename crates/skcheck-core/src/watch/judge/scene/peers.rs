//! Which socket of a sample is at the other end of which. Pure.

use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::endpoint::{Endpoint, canonical};
use crate::model::socket::Inode;
use crate::snapshot::entry::SocketEntry;

type HostPort = (IpAddr, u16);

/// The sockets of a sample, by what their other ends know of them.
pub(crate) struct Peers {
    by_inode: FxHashMap<Inode, usize>,
    by_ends: FxHashMap<(HostPort, HostPort), Vec<usize>>,
    /// The addresses that sockets of the sample have.
    addresses: FxHashSet<IpAddr>,
}

impl Peers {
    /// Of those that an inode names: unix sockets.
    pub(crate) fn new(sockets: &[SocketEntry]) -> Peers {
        let named =
            sockets.iter().enumerate().filter(|(_, entry)| entry.socket.protocol.row().names_peer_inode);
        let by_inode = named.filter_map(|(at, entry)| Some((entry.socket.inode?, at))).collect();
        Peers { by_inode, by_ends: FxHashMap::default(), addresses: FxHashSet::default() }
    }

    /// And of TCP and MPTCP sockets: only chains ask for these.
    pub(crate) fn add_tcp(&mut self, sockets: &[SocketEntry]) {
        let tcp = sockets.iter().enumerate().filter(|(_, entry)| entry.socket.protocol.is_acknowledged());
        for (at, entry) in tcp {
            if let Some(ends) = ends(&entry.socket.local, &entry.socket.peer) {
                self.addresses.insert(ends.0.0);
                self.by_ends.entry(ends).or_default().push(at);
            }
        }
    }

    /// The other end of a socket, where the sample has it. Two namespaces can have the same addresses: the
    /// socket in the same one is it, else the one that the same descriptors hold. Where nobody may be seen to
    /// hold it, and it was found in exactly one other namespace, it is the one there.
    pub(crate) fn of<'s>(
        &self,
        at: usize,
        socket: impl Fn(usize) -> Option<&'s SocketEntry>,
    ) -> Option<usize> {
        let entry = socket(at)?;
        let own = &entry.socket;
        if !own.protocol.is_acknowledged() {
            return self.by_inode.get(&own.peer_inode?).copied();
        }
        let candidates = self.by_ends.get(&ends(&own.peer, &own.local)?)?;
        let candidates =
            || candidates.iter().filter_map(|at| Some((*at, socket(*at)?))).filter(|it| it.0 != at);
        let is_held = |other: &SocketEntry| other.holders.iter().any(|it| entry.peer_holders.contains(it));
        let near = || candidates().find(|(_, other)| other.netns == entry.netns && !entry.peer_inferred);
        let held = || candidates().find(|(_, other)| is_held(other));
        let alone = || {
            let mut elsewhere = candidates().filter(|(_, other)| other.netns != entry.netns);
            let first = elsewhere.next().filter(|_| entry.peer_inferred && entry.peer_holders.is_empty())?;
            elsewhere.next().is_none().then_some(first)
        };
        near().or_else(held).or_else(alone).map(|(at, _)| at)
    }

    /// Whether the other end of a socket is on this host, wherever it is: of unix sockets, of loopback
    /// addresses, and of an address that some socket of the sample has.
    pub(crate) fn has_on_this_host(&self, entry: &SocketEntry) -> bool {
        let is_here = |addr: IpAddr| addr.is_loopback() || self.addresses.contains(&addr);
        !entry.socket.protocol.is_acknowledged()
            || canonical(&entry.socket.peer).is_some_and(|(addr, _)| is_here(addr))
    }
}

fn ends(local: &Endpoint, peer: &Endpoint) -> Option<(HostPort, HostPort)> {
    Some((canonical(local)?, canonical(peer).filter(|(_, port)| *port != 0)?))
}
