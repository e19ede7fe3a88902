//! Whether sockets that hold nothing any more are still open.

use std::collections::BTreeMap;
use std::path::Path;

use crate::host::Host;
use crate::model::holder::Holder;
use crate::model::socket::Inode;
use crate::procfs::link::socket_inode;
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::evidence::key::{KeyedSockets, SocketKey};
use crate::watch::evidence::sample::{Sample, StillOpen};
use crate::watch::sample::file::is_gone;

/// How many descriptors are looked at in one sample, at some microseconds each.
const MOST: usize = 20_000;

/// Looks for the sockets of the sample before that are not in this one.
pub(crate) fn look(host: &dyn Host, before: &Sample, now: &Snapshot) -> BTreeMap<SocketKey, StillOpen> {
    let here = KeyedSockets::of(&now.sockets);
    let keyed = before.snapshot.sockets.iter().filter_map(|entry| Some((SocketKey::of(entry)?, entry)));
    let gone = keyed.filter(|(_, entry)| here.same_as(entry).is_none());
    gone.take(MOST).map(|(key, entry)| (key, still_open(host, entry))).collect()
}

fn still_open(host: &dyn Host, entry: &SocketEntry) -> StillOpen {
    // The holders of one that waits for accept have the listener, not it.
    let Some(inode) = entry.socket.inode.filter(|_| entry.holding == Holding::Descriptors) else {
        return StillOpen::Unknown;
    };
    // The first speaks for all: where several share a socket, they seldom close it at different times.
    entry.holders.first().map_or(StillOpen::Unknown, |holder| refers(host, *holder, inode))
}

fn refers(host: &dyn Host, holder: Holder, inode: Inode) -> StillOpen {
    match host.read_link(Path::new(&format!("/proc/{}/fd/{}", holder.task(), holder.fd))) {
        Ok(target) if socket_inode(&target) == Some(inode) => StillOpen::Yes,
        Ok(_) => StillOpen::No,
        Err(error) if is_gone(&error) => StillOpen::No,
        Err(_) => StillOpen::Unknown,
    }
}
