//! Says of each socket who is behind it and behind its other end.

use crate::holders::listeners::HeldBy;
use crate::holders::unix_links::UnixLinks;
use crate::join::sockets::{Join, JoinedSocket};
use crate::model::socket::Socket;
use crate::snapshot::entry::Holding;
use crate::snapshot::matching::is_held_by_pids;

/// Adds the holders of each socket and of its other end.
pub(crate) fn add(join: &mut Join<'_>) {
    let Join { collected, found, unix, sockets, .. } = join;
    for JoinedSocket { entry, held_by, peer_held_by } in sockets {
        (entry.holding, entry.holders) = found.holding(collected, held_by);
        let is_connection = entry.socket.protocol.is_acknowledged();
        let peer = if is_connection { peer_held_by.clone() } else { unix_peer_held_by(&entry.socket, unix) };
        entry.peer_holders = match peer.map(|peer| found.holding(collected, &peer)) {
            // A guess is made for sockets of the report alone.
            Some((Holding::InFlight { ambiguous: true }, _)) | None => Vec::new(),
            Some((_, holders)) => holders,
        };
    }
}

/// Who has the other end of a unix socket.
fn unix_peer_held_by(socket: &Socket, unix: &UnixLinks) -> Option<HeldBy> {
    let waits_at = || unix.waits_at(socket.inode).map(|listener| HeldBy::Listeners(vec![listener]));
    socket.peer_inode.map(HeldBy::File).or_else(waits_at)
}

/// Drops what none of the processes holds that the query asks for by their ids.
pub(crate) fn keep_those_of_pids(join: &mut Join<'_>) {
    join.sockets.retain(|joined| is_held_by_pids(join.query, &joined.entry));
}
