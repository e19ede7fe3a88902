//! For the tests, benches and fuzz targets of this workspace: no promise is made of any of it.

mod records;

use std::fmt::Debug;

use crate::cgroup::location::Location;
use crate::cgroup::mounts::{Hierarchy, HierarchyMounts};
use crate::memory::census::PageClass;
use crate::memory::census::count::Counting;
use crate::procfs::cgroup::memberships;
use crate::procfs::cpu_stat::Throttling;
use crate::procfs::fdinfo::OpenFile;
use crate::procfs::mountinfo::numbered;
use crate::procfs::pressure::Pressure;
use crate::procfs::syscall::{Machine, Syscall};
use crate::procfs::zoneinfo::Zones;

pub use crate::container::identity::Cgroup;
pub use crate::diag::{decode, request};
pub use crate::memory::network::{NetworkFiles, network};
pub use crate::memory::reserved::{ram_ranges, reserved};
pub use crate::testing::records::{
    conduit, entry, exact, judged, ledger, link, netns_name, places, process_name, root, sample, skmem,
    snapshot, tcp_info,
};

/// Parsers of the kernel's files.
#[allow(missing_docs, reason = "each is documented where it is")]
pub mod procfs {
    pub mod cgroup_events {
        pub use crate::procfs::cgroup_events::*;
    }
    pub mod cmdline {
        pub use crate::procfs::cmdline::*;
    }
    pub mod comm {
        pub use crate::procfs::comm::*;
    }
    pub mod config {
        pub use crate::procfs::config::*;
    }
    pub mod cpu_stat {
        pub use crate::procfs::cpu_stat::*;
    }
    pub mod fdinfo {
        pub use crate::procfs::fdinfo::*;
    }
    pub mod freezer_state {
        pub use crate::procfs::freezer_state::*;
    }
    pub mod kernel_stat {
        pub use crate::procfs::kernel_stat::*;
    }
    pub mod link {
        pub use crate::procfs::link::*;
    }
    pub mod maps {
        pub use crate::procfs::maps::*;
    }
    pub mod mountinfo {
        pub use crate::procfs::mountinfo::*;
    }
    pub mod net {
        pub use crate::procfs::net::*;
    }
    pub mod osrelease {
        pub use crate::procfs::osrelease::*;
    }
    pub mod protocols {
        pub use crate::procfs::protocols::*;
    }
    pub mod schedstat {
        pub use crate::procfs::schedstat::*;
    }
    pub mod slabinfo {
        pub use crate::procfs::slabinfo::*;
    }
    pub mod sockstat {
        pub use crate::procfs::sockstat::*;
    }
    pub mod stat {
        pub use crate::procfs::stat::*;
    }
    pub mod status {
        pub use crate::procfs::status::*;
    }
    pub mod syscall {
        pub use crate::procfs::syscall::*;
    }
    pub mod vmstat {
        pub use crate::procfs::vmstat::*;
    }
    pub mod wchan {
        pub use crate::procfs::wchan::*;
    }
}

/// Where all hierarchies of cgroups are by a /proc/PID/mountinfo: the cgroup, and where it is.
pub fn cgroup_mounts(mountinfo: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mounts = HierarchyMounts::parse(mountinfo);
    let all = HIERARCHIES.into_iter().flat_map(|hierarchy| mounts.of(hierarchy));
    all.map(|mount| (mount.root.clone(), mount.point.clone())).collect()
}

/// The directories that a cgroup can have by a /proc/PID/mountinfo, and those of the cgroups above it.
pub fn cgroup_directories(mountinfo: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    let mounts = HierarchyMounts::parse(mountinfo);
    let either = mounts.locations(&HIERARCHIES, path).unwrap_or_default();
    let one = HIERARCHIES.into_iter().filter_map(|hierarchy| mounts.locate(hierarchy, path));
    let all = either.into_iter().chain(one);
    all.flat_map(|location| std::iter::successors(Some(location), Location::above))
        .map(|location| location.directory)
        .collect()
}

/// The paths in a /proc/PID/cgroup, of each of these hierarchies.
pub fn hierarchies(file: &[u8]) -> [Option<&[u8]>; 3] {
    HIERARCHIES.map(|hierarchy| memberships(file).find(|it| hierarchy.has(it)).map(|it| it.path))
}

const HIERARCHIES: [Hierarchy; 3] =
    [Hierarchy::Unified, Hierarchy::Controller("memory"), Hierarchy::Controller("cpu")];

/// What a memory.pressure says.
pub fn pressure(file: &[u8]) -> Option<Pressure> {
    Pressure::parse(file)
}

/// What a cpu.stat says of the quota.
pub fn throttling(file: &[u8]) -> Option<Throttling> {
    Throttling::parse(file)
}

/// What a /proc/PID/task/TID/syscall says, on this machine.
pub fn syscall(file: &[u8], machine: Machine) -> Option<Syscall> {
    Syscall::parse(file, machine)
}

/// What a /proc/PID/fdinfo/N says of any file.
pub fn open_file(fdinfo: &[u8]) -> impl Debug + PartialEq {
    OpenFile::parse(fdinfo)
}

/// The mount with this number in a /proc/PID/mountinfo.
pub fn numbered_mount(mountinfo: &[u8], id: u32) -> impl Debug + PartialEq {
    numbered(mountinfo, id).map(|mount| (mount.device.to_vec(), mount.point(), mount.root(), mount.source()))
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
