//! How much memory the cgroups of a process leave to it.

use crate::host::Host;
use crate::memory::cgroup::place::{Place, places};
use crate::memory::cgroup::read;
use crate::model::units::Bytes;

/// What a cgroup has room for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Room {
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
pub fn own_room(host: &dyn Host) -> Option<Room> {
    let of_process = read::read(host, b"/proc/self/cgroup").ok()?;
    let mountinfo = read::read(host, b"/proc/self/mountinfo").ok()?;
    let mut rooms = Vec::new();
    for (version, path) in paths(&of_process) {
        let found = places(std::slice::from_ref(&mountinfo), path).unwrap_or_default();
        let own = found.into_iter().find(|place| place.version == version);
        let mut next = own.map(|place| Place { directory: [OWN_ROOT, &place.directory].concat(), ..place });
        while let Some(place) = next {
            // One that counts no memory is charged where one above it does.
            if let Some(limit) = read::limit(host, &place)
                && let Some(used) = read::used_for_good(host, &place)
            {
                let bytes = Bytes(limit.0.saturating_sub(used.0));
                rooms.push(Room { bytes, path: place.path.clone() });
            }
            next = above(&place);
        }
    }
    rooms.into_iter().min_by_key(|room| room.bytes)
}

/// The paths of a process in the hierarchies that can count memory, by a /proc/PID/cgroup, with the version
/// of each.
fn paths(file: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    file.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = line.splitn(3, |&byte| byte == b':');
        let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let counts = controllers.split(|&byte| byte == b',').any(|controller| controller == b"memory");
        match (number, controllers) {
            (b"0", b"") => Some((2, path)),
            _ => counts.then_some((1, path)),
        }
    })
}

/// The cgroup above; its directory is outside of the hierarchy where there is none.
fn above(place: &Place) -> Option<Place> {
    let cut = |path: &[u8]| {
        path.iter().rposition(|&byte| byte == b'/').and_then(|at| Some(path.get(..at)?.to_vec()))
    };
    let path = cut(&place.path).map(|path| if path.is_empty() { b"/".to_vec() } else { path })?;
    let directory = cut(&place.directory).filter(|_| path != place.path)?;
    Some(Place { version: place.version, path, directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_that_count_memory() {
        let check = |file: &str, expected: &[(u8, &str)]| {
            let expected: Vec<(u8, &[u8])> =
                expected.iter().map(|(version, path)| (*version, path.as_bytes())).collect();
            assert_eq!(paths(file.as_bytes()).collect::<Vec<_>>(), expected, "{file}");
        };
        check("0::/system.slice/a.service\n", &[(2, "/system.slice/a.service")]);
        check(
            "5:cpu,memory:/docker/1\n4:memory_recursiveprot:/no\n1:name=memory:/no\n0::/a:b\n",
            &[(1, "/docker/1"), (2, "/a:b")],
        );
        check("0::\nx\n\n", &[(2, "")]);
    }

    #[test]
    fn up_to_the_root() {
        let place = |path: &str, directory: &str| Place {
            version: 2,
            path: path.as_bytes().to_vec(),
            directory: directory.as_bytes().to_vec(),
        };
        let [leaf, middle, root] = [
            place("/a/b", "/sys/fs/cgroup/a/b"),
            place("/a", "/sys/fs/cgroup/a"),
            place("/", "/sys/fs/cgroup"),
        ];
        assert_eq!(above(&leaf), Some(middle.clone()));
        assert_eq!(above(&middle), Some(root.clone()));
        assert_eq!(above(&root), None);
    }
}
