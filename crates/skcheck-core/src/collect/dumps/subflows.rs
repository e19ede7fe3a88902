//! The MPTCP sockets of one namespace, and the TCP sockets that carry them.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::endpoint::Endpoint;
use crate::model::socket::{Cookie, Inode, Socket};

/// MPTCP sockets, each with its subflows.
#[derive(Default)]
pub(crate) struct MptcpSockets {
    sockets: Vec<Socket>,
    by_inode: FxHashMap<Inode, usize>,
    /// Those that nobody has accepted, which have no inode.
    by_addresses: FxHashMap<(Endpoint, Endpoint), usize>,
    /// All of them, and their subflows: a table that changes under a dump repeats sockets.
    seen: FxHashSet<Cookie>,
}

impl MptcpSockets {
    /// Adds an MPTCP socket.
    pub(crate) fn add(&mut self, socket: Socket) {
        if socket.cookie.is_some_and(|cookie| !self.seen.insert(cookie)) {
            return;
        }
        let at = self.sockets.len();
        match socket.inode {
            Some(inode) => self.by_inode.entry(inode).or_insert(at),
            None => self.by_addresses.entry((socket.local.clone(), socket.peer.clone())).or_insert(at),
        };
        self.sockets.push(socket);
    }

    /// Whether this TCP socket is a subflow of one of them.
    pub(crate) fn has_subflow(&self, socket: &Socket) -> bool {
        !self.is_empty() && self.place_of(socket).is_some()
    }

    /// Puts a subflow of one of them where it belongs.
    pub(crate) fn add_subflow(&mut self, subflow: Socket) {
        let of = self.place_of(&subflow).and_then(|at| self.sockets.get_mut(at)?.mptcp.as_mut());
        if let Some(mptcp) = of
            && subflow.cookie.is_none_or(|cookie| self.seen.insert(cookie))
        {
            mptcp.subflows.push(subflow);
        }
    }

    /// The kernel gives a subflow its MPTCP socket's inode (`mptcp_sock_graft`), but for those that nobody
    /// has accepted: the first of their subflows has the addresses of the connection.
    fn place_of(&self, subflow: &Socket) -> Option<usize> {
        match subflow.inode {
            Some(inode) => self.by_inode.get(&inode).copied(),
            None if self.by_addresses.is_empty() => None,
            None => self.by_addresses.get(&(subflow.local.clone(), subflow.peer.clone())).copied(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// All of them, and none is left.
    pub(crate) fn take(&mut self) -> Vec<Socket> {
        std::mem::take(self).sockets
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::model::protocol::{Family, Protocol};
    use crate::model::socket::Mptcp;
    use crate::model::state::State;

    fn socket(protocol: Protocol, cookie: u64, inode: u32, port: u16) -> Socket {
        let mut socket = Socket::unknown(Family::Ipv4, protocol, State::Established);
        (socket.cookie, socket.inode) = (Some(Cookie(cookie)), Inode::new(inode));
        socket.local = Endpoint::Ip { addr: IpAddr::V4(Ipv4Addr::LOCALHOST), port };
        socket.mptcp = (protocol == Protocol::Mptcp).then(Mptcp::default);
        socket
    }

    #[test]
    fn subflows_find_their_socket() {
        let mut sockets = MptcpSockets::default();
        sockets.add(socket(Protocol::Mptcp, 1, 11, 70));
        sockets.add(socket(Protocol::Mptcp, 2, 0, 71));
        // Once more, as a dump that was begun anew gives it.
        sockets.add(socket(Protocol::Mptcp, 1, 11, 70));
        let subflows = [
            socket(Protocol::Tcp, 3, 11, 70),
            socket(Protocol::Tcp, 4, 11, 72),
            socket(Protocol::Tcp, 5, 0, 71),
            socket(Protocol::Tcp, 3, 11, 70),
        ];
        for subflow in subflows {
            assert!(sockets.has_subflow(&subflow), "{subflow:?}");
            sockets.add_subflow(subflow);
        }
        assert!(
            !sockets.has_subflow(&socket(Protocol::Tcp, 6, 0, 72)),
            "nobody has accepted it, nor its like"
        );
        assert!(!sockets.has_subflow(&socket(Protocol::Tcp, 6, 13, 71)), "it is another's");
        let found = sockets.take();
        let cookies = |at: usize| -> Vec<u64> {
            let subflows = found.get(at).map(Socket::subflows).unwrap_or_default();
            subflows.iter().filter_map(|subflow| subflow.cookie).map(|cookie| cookie.0).collect()
        };
        assert_eq!((found.len(), cookies(0), cookies(1)), (2, vec![3, 4], vec![5]));
    }
}
