//! Whether what was known before is still so: a descriptor may refer to something else by now.

use std::io;
use std::path::PathBuf;

use rustc_hash::{FxHashMap, FxHashSet};
use rustix::io::Errno;

use crate::host::Host;
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

/// The descriptors of a snapshot that referred to another socket than they do now, with that socket.
fn stale(
    host: &dyn Host,
    descriptors: &KnownDescriptors,
    by_holder: &FxHashMap<Holder, Inode>,
    snapshot: &Snapshot,
) -> FxHashMap<Holder, Inode> {
    let told = snapshot.sockets.iter().flat_map(|entry| entry.holders.iter().chain(&entry.peer_holders));
    let told: FxHashSet<Holder> =
        told.filter(|holder| is_descriptor(holder)).map(|it| it.descriptor()).collect();
    // What was met in this look is not known from before.
    let known = |holder: &Holder| {
        let of_process = || descriptors.socket(holder.pid, holder.fd).filter(|_| holder.tid.is_none());
        by_holder.get(holder).copied().or_else(of_process)
    };
    let known: Vec<(Holder, Inode)> =
        told.into_iter().filter_map(|holder| Some((holder, known(&holder)?))).collect();
    let path = |(holder, _): &(Holder, Inode)| format!("/proc/{}/fd/{}", holder.task(), holder.fd).into();
    let paths: Vec<PathBuf> = known.iter().map(path).collect();
    let mut stale = FxHashMap::default();
    host.read_links(&paths, &mut |at, link| {
        let Some((holder, inode)) = known.get(at) else { return };
        let is_other = match link {
            Ok(link) => socket_inode(link) != Some(*inode),
            Err(error) => is_gone(&error),
        };
        if is_other {
            stale.insert(*holder, *inode);
        }
    });
    stale
}

/// Whether it is a descriptor that leads to a socket, if by way of a listener.
fn is_descriptor(holder: &Holder) -> bool {
    matches!(holder.via, Via::Fd | Via::ThreadFd | Via::AcceptQueue)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}
