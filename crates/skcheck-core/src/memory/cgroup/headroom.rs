//! How much memory the cgroups of a process leave to it.

use crate::cgroup::location::Location;
use crate::cgroup::mounts::HierarchyMounts;
use crate::host::Host;
use crate::host::file::read;
use crate::memory::cgroup::files::{COUNTING, limit, used_for_good};
use crate::model::units::Bytes;
use crate::procfs::cgroup::memberships;

/// What a cgroup has room for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Headroom {
    /// So much more can be charged before the kernel kills (`memory.max`, `memory.limit_in_bytes`) or
    /// holds back (`memory.high`). Page cache that is not locked makes room, and reclaimable slab; version 1
    /// does not tell the latter.
    pub bytes: Bytes,
    /// The cgroup's path below the root of its hierarchy, as bytes.
    pub path: Vec<u8>,
}

/// Where the caller sees its own files: `Host` may show another root.
const OWN_ROOT: &[u8] = b"/proc/self/root";

/// The least that the caller's cgroup, or one above it, has room for. `None` where none of those that can be
/// seen has a limit.
pub fn own_headroom(host: &dyn Host) -> Option<Headroom> {
    let of_process = read(host, "/proc/self/cgroup")?;
    let mounts = HierarchyMounts::parse(&read(host, "/proc/self/mountinfo")?);
    let own = memberships(&of_process).filter_map(|membership| {
        let hierarchy = COUNTING.into_iter().find(|hierarchy| hierarchy.has(&membership))?;
        Some(mounts.locate(hierarchy, membership.path)?.below(OWN_ROOT))
    });
    let all = own.flat_map(|own| std::iter::successors(Some(own), Location::above));
    // One that counts no memory is charged where one above it does.
    let rooms = all.filter_map(|location| {
        let (limit, used) = (limit(host, &location)?, used_for_good(host, &location)?);
        Some(Headroom { bytes: Bytes(limit.0.saturating_sub(used.0)), path: location.path })
    });
    rooms.min_by_key(|room| room.bytes)
}
