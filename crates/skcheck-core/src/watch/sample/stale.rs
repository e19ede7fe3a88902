//! Whether what was known before is still so: a descriptor may refer to something else by now.

use std::path::PathBuf;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::asking::conversation::is_gone;
use crate::host::Host;
use crate::host::seam::threads;
use crate::model::holder::{Holder, Via};
use crate::model::socket::Inode;
use crate::procfs::link::socket_inode;
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::Holding;
use crate::watch::sample::known_descriptors::KnownDescriptors;
use crate::watch::sample::known_holders::KnownHolders;

/// Takes from a snapshot the holders that are known from before and hold their socket no more; they are looked at
/// anew. Whether all that is told has still a holder: if not, somebody else has it, who was not met.
pub(crate) fn drop_stale(
    host: &dyn Host,
    descriptors: &KnownDescriptors,
    holders: &KnownHolders,
    snapshot: &mut Snapshot,
) -> bool {
    let stale = stale(host, descriptors, &holders.sockets(), snapshot);
    for (holder, inode) in &stale {
        descriptors.forget(holder.pid);
        holders.forget(*inode);
    }
    let is_stale = |holder: &Holder| stale.contains_key(&holder.descriptor());
    let mut is_whole = true;
    for entry in snapshot.sockets.iter_mut().filter(|_| !stale.is_empty()) {
        for holders in [&mut entry.holders, &mut entry.peer_holders] {
            let had_any = !holders.is_empty();
            holders.retain(|holder| !is_stale(holder));
            is_whole &= !had_any || !holders.is_empty();
        }
        is_whole &= entry.holding != Holding::Descriptors || !entry.holders.is_empty();
    }
    is_whole
}

/// The descriptors of a snapshot that refer to another socket than is told of them, with that which was told.
fn stale(
    host: &dyn Host,
    descriptors: &KnownDescriptors,
    by_holder: &FxHashMap<Holder, Inode>,
    snapshot: &Snapshot,
) -> FxHashMap<Holder, Inode> {
    let mut told: FxHashSet<(Holder, Option<Inode>)> = FxHashSet::default();
    for entry in &snapshot.sockets {
        let own = entry.socket.inode.filter(|_| entry.holding == Holding::Descriptors);
        let own = entry.holders.iter().map(|holder| (*holder, own));
        let peers = entry.peer_holders.iter().map(|holder| (*holder, entry.socket.peer_inode));
        let of_descriptors = own.chain(peers).filter(|(holder, _)| is_descriptor(holder));
        told.extend(of_descriptors.map(|(holder, inode)| (holder.descriptor(), inode)));
    }
    let mut checked: Vec<(Holder, u32, Inode)> = Vec::new();
    for (holder, inode) in told {
        let of_process = descriptors.socket(holder.pid, holder.fd).filter(|_| holder.tid.is_none());
        let of_engine = by_holder.get(&holder).map(|inode| (holder.task(), *inode));
        // What was met in this look alone is not known from before.
        let Some((task, known)) = of_engine.or(of_process) else { continue };
        checked.push((holder, task, inode.unwrap_or(known)));
    }
    let path = |task: u32, fd: u32| PathBuf::from(format!("/proc/{task}/fd/{fd}"));
    let paths: Vec<PathBuf> = checked.iter().map(|(holder, task, _)| path(*task, holder.fd)).collect();
    let mut stale = FxHashMap::default();
    host.read_links(&paths, &mut |at, link| {
        let Some((holder, _, inode)) = checked.get(at) else { return };
        let is_other = match link {
            Ok(link) => socket_inode(link) != Some(*inode),
            Err(error) => is_gone(&error),
        };
        if is_other {
            stale.insert(*holder, *inode);
        }
    });
    // A main thread that has ended shows no descriptors, and the others go on with them.
    stale.retain(|holder, inode| {
        let thread = if holder.tid.is_none() { threads(host, holder.pid).first().copied() } else { None };
        let link = thread.and_then(|thread| host.read_link(&path(thread, holder.fd)).ok());
        link.and_then(|link| socket_inode(&link)) != Some(*inode)
    });
    stale
}

/// Whether it is a descriptor that leads to a socket, if by way of a listener.
fn is_descriptor(holder: &Holder) -> bool {
    matches!(holder.via, Via::Fd | Via::ThreadFd | Via::AcceptQueue)
}
