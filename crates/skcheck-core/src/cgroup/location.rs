//! Where the files of a cgroup are, by its path and what is mounted.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::cgroup::mounts::{Hierarchy, HierarchyMount, HierarchyMounts};

/// Where a cgroup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// 1 or 2.
    pub(crate) version: u8,
    /// Its path below the root of its hierarchy, as the reader's cgroup namespace sees it.
    pub(crate) path: Vec<u8>,
    /// Its directory.
    pub(crate) directory: Vec<u8>,
    /// How many cgroups above it can be seen.
    depth: usize,
}

impl Location {
    /// One of its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        Path::new(OsStr::from_bytes(&self.directory)).join(name)
    }

    /// The cgroup above; `None` where there is none, or it is not mounted.
    pub(crate) fn above(&self) -> Option<Location> {
        let cut = |path: &[u8]| {
            let slash = path.iter().rposition(|&b| b == b'/').unwrap_or(0);
            path.get(..slash.max(1)).unwrap_or_default().to_vec()
        };
        let depth = self.depth.checked_sub(1)?;
        Some(Location {
            version: self.version,
            path: cut(&self.path),
            directory: cut(&self.directory),
            depth,
        })
    }

    /// The same below another root directory.
    pub(crate) fn below(self, root: &[u8]) -> Location {
        Location { directory: [root, &self.directory].concat(), ..self }
    }
}

impl HierarchyMount {
    /// Where the cgroup with this path is; `None` where it lies outside of what is mounted here.
    pub(crate) fn locate(&self, path: &[u8]) -> Option<Location> {
        let wanted = components(path);
        let rest = wanted.strip_prefix(components(&self.root).as_slice())?;
        // What is outside of the reader's cgroup namespace is not below its mounts.
        if rest.contains(&b"..".as_slice()) {
            return None;
        }
        let directory = [&components(&self.point), rest].concat();
        let (path, directory) = (absolute(&wanted), absolute(&directory));
        Some(Location { version: self.version, path, directory, depth: rest.len() })
    }

    /// The path of the cgroup that is so far below the mount point.
    pub(crate) fn path(&self, below: &[u8]) -> Vec<u8> {
        absolute(&[components(&self.root), components(below)].concat())
    }
}

impl HierarchyMounts {
    /// Where the cgroup with this path is in a hierarchy: the likeliest place.
    pub(crate) fn locate(&self, hierarchy: Hierarchy, path: &[u8]) -> Option<Location> {
        self.of(hierarchy).find_map(|mount| mount.locate(path))
    }

    /// Where a cgroup can be in these hierarchies, the likeliest place first: by its path, whichever hierarchy
    /// that was copied from, or by its directory in any of them.
    ///
    /// # Errors
    /// For a path that leads out of what is seen, and where none of these hierarchies is mounted.
    pub(crate) fn locations(
        &self,
        hierarchies: &[Hierarchy],
        path: &[u8],
    ) -> Result<Vec<Location>, NotLocated> {
        let wanted = components(path);
        if wanted.contains(&b"..".as_slice()) {
            return Err(NotLocated::Outside);
        }
        let mounts: Vec<&HierarchyMount> = hierarchies.iter().flat_map(|it| self.of(*it)).collect();
        if mounts.is_empty() {
            return Err(NotLocated::NotMounted);
        }
        // A directory stands for the path that it has in its hierarchy.
        let by_directory = |mount: &&HierarchyMount| {
            let point = components(&mount.point);
            let below = wanted.strip_prefix(point.as_slice()).filter(|_| !point.is_empty())?;
            Some((point.len(), mount.path(&below.join(&b'/'))))
        };
        let directory = mounts.iter().filter_map(by_directory).max_by_key(|(depth, _)| *depth);
        let path = directory.map_or_else(|| absolute(&wanted), |(_, path)| path);
        let mut locations: Vec<Location> = Vec::new();
        for location in mounts.iter().filter_map(|mount| mount.locate(&path)) {
            if !locations.contains(&location) {
                locations.push(location);
            }
        }
        Ok(locations)
    }
}

/// Why a cgroup cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotLocated {
    /// Its path has `..` in it.
    Outside,
    /// None of the hierarchies is mounted.
    NotMounted,
}

fn components(path: &[u8]) -> Vec<&[u8]> {
    path.split(|&b| b == b'/').filter(|part| !part.is_empty() && *part != b".").collect()
}

fn absolute(components: &[&[u8]]) -> Vec<u8> {
    [b"/".as_slice(), &components.join(&b'/')].concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const MEMORY: [Hierarchy; 2] = [Hierarchy::Unified, Hierarchy::Controller("memory")];

    const HYBRID: &[u8] = b"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const PURE: &[u8] = b"41 31 0:38 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    /// A container without a cgroup namespace sees its own part.
    const PART: &[u8] = b"35 31 0:32 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    /// A container with one, that has its host's hierarchy mounted.
    const OUTSIDE: &[u8] = b"35 31 0:32 /../.. /host\\040cgroup ro - cgroup2 cgroup rw\n";

    #[track_caller]
    fn check(mountinfo: &[u8], path: &str, expected: &[(u8, &str, &str)]) {
        let mounts = HierarchyMounts::parse(&[mountinfo, mountinfo].concat());
        let found = mounts.locations(&MEMORY, path.as_bytes()).unwrap();
        let found: Vec<_> =
            found.iter().map(|it| (it.version, it.path.as_slice(), it.directory.as_slice())).collect();
        let expected: Vec<(u8, &[u8], &[u8])> =
            expected.iter().map(|(version, path, dir)| (*version, path.as_bytes(), dir.as_bytes())).collect();
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn paths_and_directories() {
        let both = [(2, "/a/b", "/sys/fs/cgroup/unified/a/b"), (1, "/a/b", "/sys/fs/cgroup/memory/a/b")];
        for path in ["/a/b", "a//b/", "/a/./b", "/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/unified/a/b"] {
            check(HYBRID, path, &both);
        }
        check(HYBRID, "/", &[(2, "/", "/sys/fs/cgroup/unified"), (1, "/", "/sys/fs/cgroup/memory")]);
        for path in ["/a/b", "/sys/fs/cgroup/a/b"] {
            check(PURE, path, &[(2, "/a/b", "/sys/fs/cgroup/a/b")]);
        }
        check(PURE, "/sys/fs/cgroup", &[(2, "/", "/sys/fs/cgroup")]);
        // A name that begins like a mount point is none.
        check(PURE, "/sys/fs/cgroups/a", &[(2, "/sys/fs/cgroups/a", "/sys/fs/cgroup/sys/fs/cgroups/a")]);
        for path in ["/docker/1/a", "/sys/fs/cgroup/memory/a"] {
            check(PART, path, &[(1, "/docker/1/a", "/sys/fs/cgroup/memory/a")]);
        }
        check(PART, "/docker/2", &[]);
        check(OUTSIDE, "/host cgroup/a", &[(2, "/../../a", "/host cgroup/a")]);
        check(OUTSIDE, "/a", &[]);
        // The path that a directory has may lie outside of another mount of its hierarchy.
        check(&[PURE, OUTSIDE].concat(), "/host cgroup/a", &[(2, "/../../a", "/host cgroup/a")]);
    }

    #[test]
    fn refused() {
        let mounts = HierarchyMounts::parse(HYBRID);
        for path in ["/..", "/a/../b", "..", "/sys/fs/cgroup/../cgroup/a"] {
            assert_eq!(mounts.locations(&MEMORY, path.as_bytes()), Err(NotLocated::Outside), "{path}");
        }
        assert_eq!(mounts.locations(&MEMORY, b"/a/..b").unwrap().len(), 2);
        let none = HierarchyMounts::parse(b"\xff\n");
        assert_eq!(none.locations(&MEMORY, b"/a"), Err(NotLocated::NotMounted));
    }

    #[test]
    fn one_hierarchy() {
        let check = |mountinfo: &[u8], hierarchy, path: &str, expected: Option<(&str, usize)>| {
            let found = HierarchyMounts::parse(mountinfo).locate(hierarchy, path.as_bytes());
            let found = found.as_ref().map(|it| (it.directory.as_slice(), it.depth));
            assert_eq!(found, expected.map(|(path, depth)| (path.as_bytes(), depth)), "{path}");
        };
        check(HYBRID, Hierarchy::Unified, "/", Some(("/sys/fs/cgroup/unified", 0)));
        check(HYBRID, Hierarchy::Unified, "/a.slice/b", Some(("/sys/fs/cgroup/unified/a.slice/b", 2)));
        check(HYBRID, Hierarchy::Unified, "/../b", None);
        check(HYBRID, Hierarchy::Controller("cpu"), "/a", Some(("/sys/fs/cgroup/cpu,cpuacct/a", 1)));
        check(HYBRID, Hierarchy::Controller("pids"), "/", None);
        check(PART, Hierarchy::Controller("memory"), "/docker/1/x", Some(("/sys/fs/cgroup/memory/x", 1)));
        check(PART, Hierarchy::Controller("memory"), "/docker/2", None);
        check(OUTSIDE, Hierarchy::Unified, "/../../a", Some(("/host cgroup/a", 1)));
        check(OUTSIDE, Hierarchy::Unified, "/a", None);
    }

    #[test]
    fn up_to_what_is_mounted() {
        let above = |mountinfo: &[u8], path: &[u8]| {
            let hierarchy =
                if mountinfo == PART { Hierarchy::Controller("memory") } else { Hierarchy::Unified };
            let leaf = HierarchyMounts::parse(mountinfo).locate(hierarchy, path).unwrap();
            let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
            let all = std::iter::successors(leaf.above(), Location::above);
            all.map(|it| (text(&it.path), text(&it.directory))).collect::<Vec<_>>()
        };
        let pair = |path: &str, directory: &str| (path.to_owned(), directory.to_owned());
        assert_eq!(above(PURE, b"/a/b"), [pair("/a", "/sys/fs/cgroup/a"), pair("/", "/sys/fs/cgroup")]);
        assert_eq!(above(PURE, b"/"), []);
        assert_eq!(above(PART, b"/docker/1/a"), [pair("/docker/1", "/sys/fs/cgroup/memory")]);
        assert_eq!(above(OUTSIDE, b"/../../a"), [pair("/../..", "/host cgroup")]);
    }

    #[test]
    fn paths_below_a_mount() {
        let path = |mountinfo: &[u8], below: &[u8]| {
            let mounts = HierarchyMounts::parse(mountinfo);
            let found = mounts.of(Hierarchy::Unified).next().map(|mount| mount.path(below));
            String::from_utf8(found.unwrap()).unwrap()
        };
        assert_eq!(path(PURE, b"a/b"), "/a/b");
        assert_eq!(path(PURE, b""), "/");
        assert_eq!(path(OUTSIDE, b"a"), "/../../a");
    }
}
