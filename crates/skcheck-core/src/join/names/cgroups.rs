//! Finds the cgroups of sockets that no process holds, by walking the tree of cgroups.

use std::collections::VecDeque;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cgroup::mounts::{Hierarchy, HierarchyMount, HierarchyMounts};
use crate::container::identity::Cgroup;
use crate::host::{Host, file};
use crate::join::sockets::{Join, JoinedSocket};
use crate::snapshot::entry::SocketEntry;

/// How many cgroups are looked at; a host has some hundreds.
const CGROUPS: usize = 10_000;

/// Fills in the cgroup of each socket without a holder whose cgroup the kernel tells.
pub(crate) fn of_unheld(join: &mut Join<'_>) {
    let unheld = |entry: &SocketEntry| entry.socket.cgroup_id.filter(|_| entry.holders.is_empty());
    let wanted: FxHashSet<u64> = join.entries().filter_map(unheld).collect();
    if wanted.is_empty() {
        return;
    }
    let paths = paths_of(join.host, wanted);
    for JoinedSocket { entry, .. } in &mut join.sockets {
        let Some(path) = unheld(entry).and_then(|id| paths.get(&id)) else { continue };
        let Cgroup { path, unit, container } = Cgroup::of_path(path);
        (entry.cgroup, entry.unit, entry.container) = (Some(path), unit, container);
    }
}

/// The paths of these cgroups, without the root's.
fn paths_of(host: &dyn Host, mut wanted: FxHashSet<u64>) -> FxHashMap<u64, Vec<u8>> {
    let mut paths = FxHashMap::default();
    let Some((mount, root)) = mounted_at(host) else { return paths };
    wanted.remove(&root);
    let mount_point = path_of(&mount.point);
    // Breadth first, by the path below the mount point, so that a bound cuts off the deepest.
    let mut queue = VecDeque::from([PathBuf::new()]);
    let mut looked_at = 0;
    while let Some(parent) = queue.pop_front()
        && looked_at < CGROUPS
        && !wanted.is_empty()
    {
        looked_at += 1;
        // A cgroup that has been removed meanwhile has no children.
        let _ = host.subdirectories(&mount_point.join(&parent), &mut |name, inode| {
            let child = parent.join(path_of(name));
            if wanted.remove(&inode) {
                paths.insert(inode, mount.path(child.as_os_str().as_bytes()));
            }
            queue.push_back(child);
        });
    }
    paths
}

/// Where the hierarchy of version 2 can be read, and its root's id.
fn mounted_at(host: &dyn Host) -> Option<(HierarchyMount, u64)> {
    let mounts = HierarchyMounts::read(|path| file::read(host, path));
    mounts.of(Hierarchy::Unified).find_map(|mount| {
        let point = path_of(&mount.point);
        let is_v2 = file::try_read(host, point.join("cgroup.controllers")).is_ok();
        let root = is_v2.then(|| host.inode(point).ok())??;
        Some((mount.clone(), root))
    })
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
