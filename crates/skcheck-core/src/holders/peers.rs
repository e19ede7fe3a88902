//! Who has the connections of one namespace, and their other ends, as far as that namespace tells.

use crate::collect::asking::client::Asker;
use crate::holders::listeners::{HeldBy, Listeners};
use crate::holders::proc_net_tcp::ProcNetTcp;
use crate::model::endpoint::canonical;
use crate::model::socket::Socket;
use crate::model::state::State;

/// Who has the sockets of one namespace, and their other ends there.
pub(crate) struct NetnsPeers<'a, 'h> {
    /// `None` where there is nobody to ask, or no connection to ask about.
    asker: Option<&'a Asker<'h>>,
    asked: Option<Listeners>,
    /// What /proc/net tells where the kernel's tables do not.
    proc_net: ProcNetTcp,
}

impl<'a, 'h> NetnsPeers<'a, 'h> {
    /// Asks a namespace for its listeners; the other ends of `sockets` are yet to be asked for.
    pub(crate) fn ask<'s>(
        asker: &'a Asker<'h>,
        sockets: impl Iterator<Item = &'s Socket>,
    ) -> NetnsPeers<'a, 'h> {
        // This finds out whether the tables' module is missing.
        let asked = Listeners::of(asker);
        NetnsPeers {
            asker: Some(asker),
            asked: Some(asked),
            proc_net: ProcNetTcp::for_missing(asker, sockets),
        }
    }

    /// What /proc/net alone tells.
    pub(crate) fn of_proc_net(proc_net: ProcNetTcp) -> NetnsPeers<'a, 'h> {
        NetnsPeers { asker: None, asked: None, proc_net }
    }

    /// Who has a socket of this namespace.
    pub(crate) fn held_by(&self, socket: &Socket) -> HeldBy {
        self.asked.as_ref().unwrap_or(&self.proc_net.listeners).held_by(socket)
    }

    /// Who has the other end of a connection, where that is in this namespace.
    pub(crate) fn peer_held_by(&self, socket: &Socket) -> Option<HeldBy> {
        let asker = self.asker.filter(|_| socket.has_peer());
        let peer = asker.and_then(|asker| tcp_peer(asker, socket));
        let peer = peer.or_else(|| self.proc_net.peer(socket).cloned())?;
        Some(self.held_by(&peer))
    }
}

/// The other end of a TCP connection, if it is in the namespace that `asker` asks. Of an MPTCP connection
/// that of its first subflow, whose addresses it has: both have the inode of the MPTCP socket above.
pub(crate) fn tcp_peer(asker: &Asker<'_>, socket: &Socket) -> Option<Socket> {
    let reversed = |answer: &Socket| {
        answer.state != State::Listen
            && answer.state != State::TimeWait
            && canonical(&answer.local) == canonical(&socket.peer)
            && canonical(&answer.peer) == canonical(&socket.local)
    };
    let ask = |interface| asker.tcp(&socket.peer, &socket.local, interface).filter(reversed);
    ask(socket.interface).or_else(|| socket.interface.and_then(|_| ask(None)))
}
