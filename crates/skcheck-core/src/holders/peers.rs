//! Who has the connections of one namespace, and their other ends, as far as that namespace tells.

use rustc_hash::FxHashSet;

use crate::collect::asking::client::{Asker, TcpEnds};
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

    /// Who has the other ends of these connections, as far as those are in this namespace.
    pub(crate) fn peers_held_by(&self, sockets: &[&Socket]) -> Vec<Option<HeldBy>> {
        let mut peers = vec![None; sockets.len()];
        let mut found = |at: usize, peer: &Socket| {
            if let Some(held_by) = peers.get_mut(at) {
                *held_by = Some(self.held_by(peer));
            }
        };
        let left = match self.asker {
            Some(asker) => each_tcp_peer(asker, sockets, &mut found),
            None => (0..sockets.len()).collect(),
        };
        self.proc_net.each_peer(&left, sockets, &mut found);
        peers
    }
}

/// The other ends of TCP connections that are in the namespace that `asker` asks, each by the place of its
/// connection. Returns the places of those of which nothing was told.
pub(crate) fn each_tcp_peer(
    asker: &Asker<'_>,
    sockets: &[&Socket],
    on_peer: &mut dyn FnMut(usize, &Socket),
) -> Vec<usize> {
    let connections = sockets.iter().enumerate().filter(|(_, socket)| socket.has_peer());
    let mut open: Vec<usize> = connections.map(|(at, _)| at).collect();
    // Those that are bound to an interface are looked for there, and then everywhere.
    for by_interface in [true, false] {
        let asked = open.iter().filter_map(|at| Some((*at, *sockets.get(*at)?)));
        let (places, ends): (Vec<usize>, Vec<TcpEnds<'_>>) = asked
            .filter(|(_, socket)| by_interface || socket.interface.is_some())
            .map(|(at, socket)| (at, reversed(socket, by_interface)))
            .unzip();
        let mut found = FxHashSet::default();
        asker.tcp_each(&ends, &mut |at, answer| {
            let Some((place, ends)) = places.get(at).zip(ends.get(at)) else { return };
            if is_peer(ends, &answer) && found.insert(*place) {
                on_peer(*place, &answer);
            }
        });
        open.retain(|at| !found.contains(at));
    }
    open
}

/// The ends of a connection as its other end sees them.
fn reversed(socket: &Socket, by_interface: bool) -> TcpEnds<'_> {
    let interface = socket.interface.filter(|_| by_interface);
    TcpEnds { local: &socket.peer, peer: &socket.local, interface }
}

/// Whether an answer is the other end that was asked for. Of an MPTCP connection it is that of its first
/// subflow, whose addresses it has: both have the inode of the MPTCP socket above.
fn is_peer(ends: &TcpEnds<'_>, answer: &Socket) -> bool {
    answer.state != State::Listen
        && answer.state != State::TimeWait
        && canonical(&answer.local) == canonical(ends.local)
        && canonical(&answer.peer) == canonical(ends.peer)
}
