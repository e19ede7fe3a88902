//! Where the files of a cgroup are, by its path and what is mounted. Pure.

use crate::container::identity::{Mount, v1_mounts, v2_mounts};

/// Where a cgroup can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// 1 or 2.
    pub(crate) version: u8,
    /// Its path below the root of its hierarchy.
    pub(crate) path: Vec<u8>,
    /// Its directory.
    pub(crate) directory: Vec<u8>,
}

/// The places where a cgroup can be by these files like /proc/PID/mountinfo, the likeliest first. Memory
/// is counted in one hierarchy, whichever the path was copied from; and so both are tried.
pub(crate) fn places(mountinfos: &[Vec<u8>], path: &[u8]) -> Result<Vec<Place>, &'static str> {
    let wanted = components(path);
    if wanted.contains(&b"..".as_slice()) {
        return Err("a path with .. in it leads out of what can be seen here; give one without");
    }
    let v2 = mountinfos.iter().flat_map(|file| v2_mounts(file)).map(|mount| (2, mount));
    let v1 = mountinfos.iter().flat_map(|file| v1_mounts(file, "memory")).map(|mount| (1, mount));
    let mounts: Vec<(u8, Mount)> = v2.chain(v1).collect();
    if mounts.is_empty() {
        return Err("no hierarchy that counts memory is mounted, neither cgroup2 nor cgroup with memory");
    }
    // A directory stands for the path that it has in its hierarchy.
    let below = |mount: &'_ Mount| {
        let point = components(&mount.mount_point);
        let rest = wanted.strip_prefix(point.as_slice()).filter(|_| !point.is_empty())?;
        Some((point.len(), [&components(&mount.root), rest].concat().join(&b'/')))
    };
    let directory = mounts.iter().filter_map(|(_, mount)| below(mount)).max_by_key(|(depth, _)| *depth);
    let path = directory.map_or(wanted.join(&b'/'), |(_, path)| path);
    let wanted = components(&path);

    let mut places: Vec<Place> = Vec::new();
    for (version, mount) in mounts {
        let root = components(&mount.root);
        let Some(rest) = wanted.strip_prefix(root.as_slice()) else { continue };
        let directory = [&components(&mount.mount_point), rest].concat();
        let place = Place { version, path: absolute(&wanted), directory: absolute(&directory) };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}

fn components(path: &[u8]) -> Vec<&[u8]> {
    path.split(|&b| b == b'/').filter(|part| !part.is_empty() && *part != b".").collect()
}

fn absolute(components: &[&[u8]]) -> Vec<u8> {
    [b"/".as_slice(), &components.join(&b'/')].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &[u8] = b"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const PURE: &[u8] = b"41 31 0:38 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    /// A container without a cgroup namespace sees its own part.
    const PART: &[u8] = b"35 31 0:32 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    /// A container with one, that has its host's hierarchy mounted.
    const OUTSIDE: &[u8] = b"35 31 0:32 /../.. /host\\040cgroup ro - cgroup2 cgroup rw\n";

    fn check(mountinfo: &[u8], path: &str, expected: &[(u8, &str, &str)]) {
        let found = places(&[mountinfo.to_vec(), mountinfo.to_vec()], path.as_bytes());
        let expected = expected.iter().map(|(version, path, directory)| Place {
            version: *version,
            path: path.as_bytes().to_vec(),
            directory: directory.as_bytes().to_vec(),
        });
        assert_eq!(found, Ok(expected.collect()), "{path}");
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
    }

    #[test]
    fn refused() {
        for path in ["/..", "/a/../b", "..", "/sys/fs/cgroup/../cgroup/a"] {
            assert!(
                places(&[HYBRID.to_vec()], path.as_bytes()).is_err_and(|why| why.contains("..")),
                "{path}"
            );
        }
        assert_eq!(places(&[HYBRID.to_vec()], b"/a/..b").map(|places| places.len()), Ok(2));
        assert!(places(&[b"\xff\n".to_vec()], b"/a").is_err_and(|why| why.contains("mounted")));
    }
}
