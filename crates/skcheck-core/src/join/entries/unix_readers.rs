//! Unix readers whose own record shows nothing (their first datagram is empty), while senders are charged for
//! what waits there.

use std::time::Instant;

use rustc_hash::FxHashSet;

use crate::collect::asking::client::Asker;
use crate::collect::asking::shortcomings::add_undecoded;
use crate::collect::dumps::may_match::is_asked_for;
use crate::join::entries::entry_maker::EntryMaker;
use crate::join::sockets::{Join, JoinedSocket};
use crate::model::families::protocol_set::Protocols;
use crate::model::query::Query;
use crate::model::socket::Inode;
use crate::snapshot::entry::SocketEntry;

/// Adds those that are in the namespace of their senders. Returns the others.
pub(crate) fn add_silent(
    asker: &Asker<'_>,
    query: &Query,
    maker: &EntryMaker<'_>,
    entries: &mut Vec<SocketEntry>,
) -> Vec<Inode> {
    let mut elsewhere = Vec::new();
    if (query.protocols & Protocols::UNIX).is_empty() {
        return elsewhere;
    }
    let mut present: FxHashSet<Inode> = entries.iter().filter_map(|entry| entry.socket.inode).collect();
    for inode in maker.unix.readers_of(&maker.namespace.dump).filter(|inode| present.insert(*inode)) {
        match asker.unix(inode) {
            Some(reader) if is_asked_for(query, maker.facts, &reader) => {
                entries.push(maker.entry(reader, Instant::now()));
            }
            Some(_) => {}
            None => elsewhere.push(inode),
        }
    }
    elsewhere
}

/// Adds those that are in another namespace than the senders. Few are: most show what they have to read, and
/// have an entry.
pub(crate) fn add_elsewhere(join: &mut Join<'_>) {
    let mut wanted = std::mem::take(&mut join.readers_elsewhere);
    for inode in join.entries().filter_map(|entry| entry.socket.inode) {
        wanted.remove(&inode);
    }
    let Join { host, query, facts, started, unix, .. } = join;
    let mut undecoded = Vec::new();
    for namespace in &join.collected.namespaces {
        if wanted.is_empty() {
            break;
        }
        let Ok(asker) = Asker::open(*host, &namespace.netns) else { continue };
        let maker = EntryMaker { facts, unix, started: *started, namespace };
        wanted.retain(|inode| {
            let Some(reader) = asker.unix(*inode) else { return true };
            if is_asked_for(query, facts, &reader) {
                let entry = maker.entry(reader, Instant::now());
                let matches = query.matches_footprint(&entry.footprint);
                join.sockets.extend(matches.then(|| JoinedSocket::held_by_file(entry, *inode)));
            }
            false
        });
        undecoded.extend(asker.undecoded());
    }
    add_undecoded(&mut join.gaps, undecoded);
}
