//! Where hierarchies of cgroups are mounted.

use crate::procfs::cgroup::Membership;
use crate::procfs::mountinfo::{MountInfo, mounts};

/// A hierarchy of cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// Version 2.
    Unified,
    /// That of version 1 which has this controller (`memory`).
    Controller(&'static str),
}

impl Hierarchy {
    /// Whether this is where a process is in that hierarchy.
    pub(crate) fn has(self, membership: &Membership<'_>) -> bool {
        match self {
            Hierarchy::Unified => membership.is_unified(),
            Hierarchy::Controller(name) => membership.has(name),
        }
    }
}

/// Where a hierarchy is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HierarchyMount {
    /// 1 or 2.
    pub(crate) version: u8,
    /// The cgroup that is at the mount point, as the reader's cgroup namespace sees it; `/` where the whole
    /// hierarchy is.
    pub(crate) root: Vec<u8>,
    /// Where it is.
    pub(crate) point: Vec<u8>,
    /// The controllers of version 1, among the other options of the mount.
    options: Vec<u8>,
}

impl HierarchyMount {
    fn of(mount: &MountInfo<'_>) -> Option<HierarchyMount> {
        let (version, options) = match mount.kind {
            b"cgroup" => (1, mount.options.to_vec()),
            b"cgroup2" => (2, Vec::new()),
            _ => return None,
        };
        Some(HierarchyMount { version, root: mount.root(), point: mount.point(), options })
    }

    fn is_of(&self, hierarchy: Hierarchy) -> bool {
        match hierarchy {
            Hierarchy::Unified => self.version == 2,
            Hierarchy::Controller(name) => {
                self.version == 1
                    && self.options.split(|&b| b == b',').any(|option| option == name.as_bytes())
            }
        }
    }
}

/// Where hierarchies are mounted, the likeliest place of each first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HierarchyMounts(Vec<HierarchyMount>);

impl HierarchyMounts {
    /// By a /proc/PID/mountinfo.
    pub(crate) fn parse(mountinfo: &[u8]) -> HierarchyMounts {
        HierarchyMounts(mounts(mountinfo).filter_map(|mount| HierarchyMount::of(&mount)).collect())
    }

    /// Where the host's first process has them, or else this one: a scanner in a container has the host's
    /// hierarchies below the host's root.
    pub(crate) fn read(mut read: impl FnMut(&str) -> Option<Vec<u8>>) -> HierarchyMounts {
        let files = ["/proc/1/mountinfo", "/proc/self/mountinfo"].into_iter().filter_map(&mut read);
        HierarchyMounts(files.flat_map(|file| HierarchyMounts::parse(&file).0).collect())
    }

    /// Those of one hierarchy.
    pub(crate) fn of(&self, hierarchy: Hierarchy) -> impl Iterator<Item = &HierarchyMount> {
        self.0.iter().filter(move |mount| mount.is_of(hierarchy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=memory\n\
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        41 31 0:38 /.. /sys/fs/my\\040cgroup rw,relatime shared:9 master:1 - cgroup2 cgroup2 rw\n41 31\n";

    #[test]
    fn mounts_of_each_hierarchy() {
        let all = HierarchyMounts::parse(FILE);
        let check = |hierarchy, expected: Option<(u8, &str, &str)>| {
            let found: Vec<&HierarchyMount> = all.of(hierarchy).collect();
            let found: Vec<_> =
                found.iter().map(|it| (it.version, it.root.as_slice(), it.point.as_slice())).collect();
            let expected =
                expected.map(|(version, root, point)| (version, root.as_bytes(), point.as_bytes()));
            assert_eq!(found, expected.as_slice(), "{hierarchy:?}");
        };
        check(Hierarchy::Unified, Some((2, "/..", "/sys/fs/my cgroup")));
        check(Hierarchy::Controller("memory"), Some((1, "/docker/1", "/sys/fs/cgroup/memory")));
        check(Hierarchy::Controller("cpu"), Some((1, "/", "/sys/fs/cgroup/cpu,cpuacct")));
        check(Hierarchy::Controller("pids"), None);
    }

    #[test]
    fn the_first_process_comes_first() {
        let file = |path: &str| match path {
            "/proc/1/mountinfo" => Some(b"41 31 0:38 / /host/cgroup rw - cgroup2 x rw\n".to_vec()),
            _ => Some(b"41 31 0:38 / /sys/fs/cgroup rw - cgroup2 x rw\n".to_vec()),
        };
        let both = HierarchyMounts::read(file);
        let points: Vec<&[u8]> = both.of(Hierarchy::Unified).map(|mount| mount.point.as_slice()).collect();
        assert_eq!(points, [&b"/host/cgroup"[..], b"/sys/fs/cgroup"]);
        let own = HierarchyMounts::read(|path| file(path).filter(|_| path.contains("self")));
        assert_eq!(own.of(Hierarchy::Unified).count(), 1);
    }
}
