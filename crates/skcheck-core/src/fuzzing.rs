//! What `fuzz/` calls of the parsers that nobody outside of this crate needs. Only there with `--cfg
//! fuzzing`.

use std::fmt::Debug;

use crate::container::identity::{Mount, v1_mounts, v2_mounts};
use crate::memory::census::PageClass;
use crate::memory::census::count::Counting;
use crate::memory::cgroup::place::places;
use crate::procfs::thread::cgroup::{Hierarchies, directory};
use crate::procfs::thread::fdinfo::OpenFile;
use crate::procfs::thread::mounts::{device_of_mount, mount};
use crate::procfs::zoneinfo::Zones;

/// All mounts of cgroups in a /proc/PID/mountinfo: the cgroup, and where it is.
pub fn cgroup_mounts(mountinfo: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    mounts(mountinfo).into_iter().map(|mount| (mount.root, mount.mount_point)).collect()
}

fn mounts(mountinfo: &[u8]) -> Vec<Mount> {
    [v2_mounts(mountinfo), v1_mounts(mountinfo, "memory"), v1_mounts(mountinfo, "cpu")].concat()
}

/// The directories that a cgroup can have by a /proc/PID/mountinfo: for its memory, and for what else there
/// is.
pub fn cgroup_directories(mountinfo: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    let of_memory = places(&[mountinfo.to_vec()], path).unwrap_or_default();
    let of_others = directory(&mounts(mountinfo), path).map(|(directory, _)| directory);
    of_memory.into_iter().map(|place| place.directory).chain(of_others).collect()
}

/// The paths in a /proc/PID/cgroup by which frozen cgroups and quotas are looked for.
pub fn hierarchies(file: &[u8]) -> [Option<&[u8]>; 3] {
    let Hierarchies { unified, freezer, cpu } = Hierarchies::parse(file);
    [unified, freezer, cpu]
}

/// What a /proc/PID/fdinfo/N says of any file.
pub fn open_file(fdinfo: &[u8]) -> impl Debug + PartialEq {
    OpenFile::parse(fdinfo)
}

/// The device and the mount with this number in a /proc/PID/mountinfo.
pub fn numbered_mount(mountinfo: &[u8], id: u32) -> impl Debug + PartialEq {
    (device_of_mount(mountinfo, id).map(<[u8]>::to_vec), mount(mountinfo, id))
}

/// The sums of a /proc/zoneinfo.
pub fn zones(file: &[u8]) -> impl Debug + PartialEq {
    Zones::parse(file)
}

/// What a part of /proc/kpageflags holds.
#[derive(Debug)]
pub struct Counted {
    /// Pages by class.
    pub classes: [(PageClass, u64); PageClass::ALL.len()],
    /// Blocks on no list, by order.
    pub blocks: Vec<(u8, u64)>,
    /// Pages of no whole block.
    pub torn: u64,
}

/// Counts pages by their flags, eight bytes each.
pub fn count_pages(flags: &[u8]) -> Counted {
    let mut counting = Counting::default();
    counting.pages(flags);
    counting.end_block();
    Counted {
        classes: PageClass::ALL.map(|class| (class, counting.of(class))),
        blocks: counting.blocks().collect(),
        torn: counting.torn,
    }
}
