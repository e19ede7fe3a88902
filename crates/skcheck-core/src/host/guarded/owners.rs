//! Who it is that does not answer, for a report: what is asked for that answers whatever happens.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::host::guarded::pool::WorkerPool;
use crate::host::guarded::subject::Subject;
use crate::host::live::Live;
use crate::model::place::{Place, ProcessName};
use crate::procfs::comm::comm;
use crate::procfs::mountinfo::mounts;
use crate::procfs::wchan::wchan;

/// Finds out who somebody is.
pub(super) struct Whose<'g> {
    pub(super) pool: &'g WorkerPool,
    pub(super) live: &'g Live,
}

/// A file system.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileSystem {
    /// Where it is mounted.
    point: PathBuf,
    /// Its type: `nfs4`, `fuse.sshfs`.
    kind: String,
    /// Its device number (`0:57`).
    pub(super) device: Vec<u8>,
}

impl FileSystem {
    /// That which a path lies on, by a /proc/PID/mountinfo whose mount points are as the path's owner sees
    /// them. A namespace that is mounted there does not count: it is reached through what lies below.
    fn of(mountinfo: &[u8], path: &Path) -> Option<FileSystem> {
        let above = mounts(mountinfo).filter_map(|mount| {
            let point = PathBuf::from(OsString::from_vec(mount.point()));
            let kind = String::from_utf8_lossy(mount.kind).into_owned();
            (kind != "nsfs" && path.starts_with(&point)).then(|| FileSystem {
                point,
                kind,
                device: mount.device.to_vec(),
            })
        });
        above.max_by_key(|mount| mount.point.components().count())
    }
}

impl Whose<'_> {
    /// A process's name and id, for a report.
    pub(super) fn name_of(&self, pid: u32) -> ProcessName {
        let comm = self.pool.read_anyway(&format!("/proc/{pid}/comm")).map(|file| comm(&file));
        ProcessName { pid, comm, fd: None }
    }

    /// The kernel function that somebody waits in who does not answer for one of the things that he has. Of a
    /// process that does not answer at all, this file does not either.
    pub(super) fn waits_in(&self, subject: &Subject) -> Option<String> {
        let pid = subject.pid().filter(|_| !matches!(subject, Subject::Process(_)))?;
        let file = self.pool.read_anyway(&format!("/proc/{pid}/wchan"))?;
        wchan(&file).map(|name| name.escape_ascii().to_string())
    }

    /// What a path lies on, for a report, and its device number.
    pub(super) fn file_system_of(&self, path: &Path) -> (Place, Option<Vec<u8>>) {
        let Some(FileSystem { point, kind, device }) = self.mount_of(path) else {
            return (Place::file(path), None);
        };
        (Place::FileSystem { point, kind, path: path.to_owned() }, Some(device))
    }

    /// What a path lies on, unless that is the kernel's own or the scanner's root.
    pub(super) fn mount_of(&self, path: &Path) -> Option<FileSystem> {
        if Subject::Place(path.to_owned()).is_of_kernel() {
            return None;
        }
        // What lies below a process's root is mounted as that process sees it.
        let of_process = path.strip_prefix("/proc").ok().and_then(|rest| {
            let mut parts = rest.components();
            let pid = parts.next()?.as_os_str().to_str()?.to_owned();
            let is_root = parts.next().is_some_and(|part| part.as_os_str() == "root");
            is_root.then(|| (pid, Path::new("/").join(parts.as_path())))
        });
        let (whose, there) = match of_process {
            Some((pid, there)) => (pid, there),
            None => ("self".to_owned(), self.live.place_of(path)),
        };
        let mountinfo = self.pool.read_anyway(&format!("/proc/{whose}/mountinfo"))?;
        let is_of_kernel = |kind: &str| ["proc", "sysfs", "cgroup", "cgroup2"].contains(&kind);
        // Of the scanner's own root nothing dead is to be said: it runs from there.
        let found = FileSystem::of(&mountinfo, &there)?;
        (found.point != Path::new("/") && !is_of_kernel(&found.kind)).then_some(found)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_the_innermost_above() {
        let mountinfo = b"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            30 21 0:57 / /mnt/de\\040ad rw - fuse.x x rw\n\
            31 30 0:4 net:[1] /mnt/de\\040ad/a rw - nsfs nsfs rw\n";
        let of = |path: &str| FileSystem::of(mountinfo, Path::new(path)).unwrap().device;
        assert_eq!(of("/mnt/de ad/a"), b"0:57");
        assert_eq!(of("/mnt/de ad/b/c"), b"0:57");
        assert_eq!(of("/mnt/other"), b"8:1");
        assert_eq!(FileSystem::of(b"", Path::new("/a")), None);
    }
}
