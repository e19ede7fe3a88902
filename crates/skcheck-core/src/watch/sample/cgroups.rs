//! Whether cgroups keep their processes from running.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::container::identity::{Mount, v1_mounts, v2_mounts};
use crate::host::Host;
use crate::procfs::thread::cgroup::{Hierarchies, directory, frozen_v1, frozen_v2, throttling};
use crate::watch::evidence::process::Quota;

/// What the cgroups of a process say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CgroupState {
    pub(crate) frozen: Option<bool>,
    /// The frozen one.
    pub(crate) frozen_path: Option<Vec<u8>>,
    pub(crate) quotas: Vec<Quota>,
    /// Nothing that is there could not be read.
    pub(crate) is_whole: bool,
}

/// Where the hierarchies are mounted that matter here.
pub(crate) struct CgroupMounts {
    unified: Vec<Mount>,
    freezer: Vec<Mount>,
    cpu: Vec<Mount>,
}

impl CgroupMounts {
    /// Where the host's first process has them, or else this one.
    fn read(host: &dyn Host) -> CgroupMounts {
        let files = ["/proc/1/mountinfo", "/proc/self/mountinfo"];
        let files: Vec<Vec<u8>> =
            files.iter().filter_map(|path| crate::watch::sample::file::read(host, path).ok()).collect();
        let mounts = |of: &dyn Fn(&[u8]) -> Vec<Mount>| files.iter().flat_map(|file| of(file)).collect();
        CgroupMounts {
            unified: mounts(&v2_mounts),
            freezer: mounts(&|file| v1_mounts(file, "freezer")),
            cpu: mounts(&|file| v1_mounts(file, "cpu")),
        }
    }
}

/// What was found in one sample: many processes share one cgroup.
#[derive(Default)]
pub(crate) struct Cgroups {
    /// By what /proc/PID/cgroup says.
    of: FxHashMap<Vec<u8>, CgroupState>,
}

impl Cgroups {
    /// What the cgroups of a process say that has this /proc/PID/cgroup.
    pub(crate) fn of(
        &mut self,
        host: &dyn Host,
        mounts: &mut Option<CgroupMounts>,
        file: &[u8],
    ) -> &CgroupState {
        let mounts = mounts.get_or_insert_with(|| CgroupMounts::read(host));
        self.of.entry(file.to_vec()).or_insert_with(|| look(host, mounts, &Hierarchies::parse(file)))
    }
}

fn look(host: &dyn Host, mounts: &CgroupMounts, hierarchies: &Hierarchies<'_>) -> CgroupState {
    let mut group = CgroupState { is_whole: true, ..CgroupState::default() };
    let freezers = [
        (hierarchies.unified, &mounts.unified, "cgroup.events", frozen_v2 as fn(&[u8]) -> Option<bool>),
        (hierarchies.freezer, &mounts.freezer, "freezer.state", frozen_v1),
    ];
    for (path, mounts, name, parse) in freezers {
        let Some(path) = path else { continue };
        let file = directory(mounts, path).map(|(directory, _)| read(host, &directory, name));
        let frozen = match file {
            Some(Ok(file)) => parse(&file),
            // The root cannot be frozen, and has no such file.
            Some(Err(error)) if path == b"/" && error.kind() == io::ErrorKind::NotFound => Some(false),
            _ => {
                group.is_whole = false;
                None
            }
        };
        if frozen == Some(true) && group.frozen != Some(true) {
            group.frozen_path = Some(path.to_vec());
        }
        group.frozen = group.frozen.max(frozen);
    }
    // Where version 1 shares out CPU time, version 2 cannot.
    let (path, mounts) = match hierarchies.cpu {
        Some(path) => (Some(path), &mounts.cpu),
        None => (hierarchies.unified, &mounts.unified),
    };
    if let Some(path) = path {
        group.is_whole &= quotas(host, mounts, path, &mut group.quotas);
    }
    group
}

/// Those of a cgroup and of all above it. Whether they could be looked for.
fn quotas(host: &dyn Host, mounts: &[Mount], path: &[u8], quotas: &mut Vec<Quota>) -> bool {
    /// A path has at most 4096 bytes, and a level hardly one.
    const DEEPEST: usize = 64;
    let Some((mut directory, depth)) = directory(mounts, path) else { return false };
    let mut path = path.to_vec();
    let mut is_whole = true;
    for level in 0..=depth.min(DEEPEST) {
        match read(host, &directory, "cpu.stat") {
            Ok(file) => {
                let limited = throttling(&file).filter(|it| it.periods > 0);
                quotas.extend(limited.map(|throttling| Quota { cgroup: path.clone(), throttling }));
            }
            // It has been removed since, or this is a kernel before 4.15 whose groups need not have it.
            Err(error) => is_whole &= error.kind() == io::ErrorKind::NotFound && level > 0,
        }
        shorten(&mut directory);
        shorten(&mut path);
    }
    is_whole
}

/// Takes the last component off a path.
fn shorten(path: &mut Vec<u8>) {
    let slash = path.iter().rposition(|&b| b == b'/').unwrap_or(0);
    path.truncate(slash.max(1));
}

fn read(host: &dyn Host, directory: &[u8], name: &str) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    host.read(&Path::new(OsStr::from_bytes(directory)).join(name), &mut file).map(|()| file)
}
