//! Whether cgroups keep their processes from running.

use std::io;

use rustc_hash::FxHashMap;

use crate::cgroup::location::Location;
use crate::cgroup::mounts::{Hierarchy, HierarchyMounts};
use crate::host::file::try_read;
use crate::host::{Host, file};
use crate::procfs::cgroup::memberships;
use crate::procfs::cpu_stat::Throttling;
use crate::procfs::{cgroup_events, freezer_state};
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
        mounts: &mut Option<HierarchyMounts>,
        file: &[u8],
    ) -> &CgroupState {
        let mounts = mounts.get_or_insert_with(|| HierarchyMounts::read(|path| file::read(host, path)));
        self.of.entry(file.to_vec()).or_insert_with(|| look(host, mounts, file))
    }
}

const FREEZER: Hierarchy = Hierarchy::Controller("freezer");
const CPU: Hierarchy = Hierarchy::Controller("cpu");

fn look(host: &dyn Host, mounts: &HierarchyMounts, file: &[u8]) -> CgroupState {
    let mut group = CgroupState { is_whole: true, ..CgroupState::default() };
    let path = |hierarchy: Hierarchy| {
        memberships(file).filter(|it| hierarchy.has(it)).last().map(|membership| membership.path)
    };
    let unified = path(Hierarchy::Unified);
    let freezers = [
        (unified, Hierarchy::Unified, "cgroup.events", cgroup_events::frozen as fn(&[u8]) -> Option<bool>),
        (path(FREEZER), FREEZER, "freezer.state", freezer_state::frozen),
    ];
    for (path, hierarchy, name, parse) in freezers {
        let Some(path) = path else { continue };
        let file = mounts.locate(hierarchy, path).map(|location| try_read(host, location.file(name)));
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
    let (path, hierarchy) = match path(CPU) {
        Some(path) => (Some(path), CPU),
        None => (unified, Hierarchy::Unified),
    };
    if let Some(path) = path {
        group.is_whole &= quotas(host, mounts.locate(hierarchy, path), &mut group.quotas);
    }
    group
}

/// Those of a cgroup and of all above it. Whether they could be looked for.
fn quotas(host: &dyn Host, location: Option<Location>, quotas: &mut Vec<Quota>) -> bool {
    /// A path has at most 4096 bytes, and a level hardly one.
    const DEEPEST: usize = 64;
    let mut is_whole = location.is_some();
    let all = std::iter::successors(location, Location::above);
    for (level, location) in all.take(DEEPEST + 1).enumerate() {
        match try_read(host, location.file("cpu.stat")) {
            Ok(file) => {
                let limited = Throttling::parse(&file).filter(|it| it.periods > 0);
                quotas.extend(limited.map(|throttling| Quota { cgroup: location.path, throttling }));
            }
            // It has been removed since, or this is a kernel before 4.15 whose groups need not have it.
            Err(error) => is_whole &= error.kind() == io::ErrorKind::NotFound && level > 0,
        }
    }
    is_whole
}
