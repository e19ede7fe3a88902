//! Makes entries of the records that may match, with what their namespace tells of holders and other ends.

use crate::collect::asking::client::Asker;
use crate::collect::asking::shortcomings::add_undecoded;
use crate::collect::dumps::candidate::Candidate;
use crate::collect::scanned::Source;
use crate::holders::peers::NetnsPeers;
use crate::holders::proc_net_tcp::ProcNetTcp;
use crate::host::Host;
use crate::join::entries::entry_maker::EntryMaker;
use crate::join::entries::unix_readers;
use crate::join::parties::unix_peers;
use crate::join::sockets::{Join, JoinedSocket};
use crate::model::socket::Socket;
use crate::snapshot::entry::SocketEntry;

/// Makes the entries.
pub(crate) fn add(join: &mut Join<'_>) {
    let Join { host, query, facts, started, unix, collected, .. } = join;
    for namespace in &mut collected.namespaces {
        let candidates = std::mem::take(&mut namespace.dump.candidates);
        if candidates.is_empty() && namespace.dump.charges.is_empty() {
            continue;
        }
        let maker = EntryMaker { facts, unix, started: *started, namespace };
        let entry = |candidate: Candidate| maker.entry(candidate.socket, candidate.read_at);
        let mut entries: Vec<SocketEntry> = candidates.into_iter().map(entry).collect();
        let asker = if collected.source == Source::SockDiag {
            Asker::open(*host, &namespace.netns).ok()
        } else {
            None
        };
        if let Some(asker) = &asker {
            join.readers_elsewhere.extend(unix_readers::add_silent(asker, query, &maker, &mut entries));
            unix_peers::name(asker, &mut entries);
        }
        entries.retain(|entry| query.matches_footprint(&entry.footprint));
        let peers = peers_of(*host, asker.as_ref(), collected.source, &entries);
        let sockets: Vec<&Socket> = entries.iter().map(|entry| &entry.socket).collect();
        let peers_held_by = peers.peers_held_by(&sockets);
        join.sockets.extend(entries.into_iter().zip(peers_held_by).map(|(entry, peer_held_by)| {
            JoinedSocket { held_by: peers.held_by(&entry.socket), peer_held_by, entry }
        }));
        add_undecoded(&mut join.gaps, asker.as_ref().map(Asker::undecoded).unwrap_or_default());
    }
}

/// What a namespace tells of who has these sockets and their other ends.
fn peers_of<'a, 'h>(
    host: &dyn Host,
    asker: Option<&'a Asker<'h>>,
    source: Source,
    entries: &[SocketEntry],
) -> NetnsPeers<'a, 'h> {
    let sockets = || entries.iter().map(|entry| &entry.socket);
    match asker.filter(|_| sockets().any(Socket::has_peer)) {
        Some(asker) => NetnsPeers::ask(asker, sockets()),
        None if source == Source::ProcNet => NetnsPeers::of_proc_net(ProcNetTcp::own(host, sockets())),
        None => NetnsPeers::of_proc_net(ProcNetTcp::default()),
    }
}
