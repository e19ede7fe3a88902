//! Names the other ends of unix sockets: a record names its peer by inode only.

use rustc_hash::FxHashMap;

use crate::collect::asking::client::Asker;
use crate::model::endpoint::Endpoint;
use crate::model::socket::Inode;
use crate::snapshot::entry::SocketEntry;

/// Names those of one namespace.
pub(crate) fn name(asker: &Asker<'_>, entries: &mut [SocketEntry]) {
    let names: FxHashMap<Inode, Endpoint> = entries
        .iter()
        .map(|entry| &entry.socket)
        .filter(|socket| socket.protocol.row().names_peer_inode)
        .filter_map(|socket| Some((socket.inode?, socket.local.clone())))
        .collect();
    for SocketEntry { socket, .. } in entries {
        let Some(peer) = socket.peer_inode else { continue };
        let name = names.get(&peer).cloned();
        socket.peer = name.or_else(|| asker.unix(peer).map(|peer| peer.local)).unwrap_or(Endpoint::Unknown);
    }
}
