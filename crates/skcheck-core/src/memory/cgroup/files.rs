//! Reads the files of a cgroup, through the seam.

use std::io;
use std::os::unix::ffi::OsStrExt;

use crate::cgroup::location::{Location, NotLocated};
use crate::cgroup::mounts::{Hierarchy, HierarchyMounts};
use crate::host::Host;
use crate::host::file::{read, try_read};
use crate::memory::cgroup::charged::CgroupMemory;
use crate::memory::ledger::Ledger;
use crate::memory::ledger::cgroup::{V1, v1, v2};
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::units::Bytes;
use crate::procfs::flat::{counter, number};
use crate::procfs::pressure::Pressure;

/// What version 1 says where there is no limit: the largest number of pages (`PAGE_COUNTER_MAX`), and
/// before Linux 3.19 the largest number.
const NO_LIMIT: u64 = 1 << 62;

/// Memory is counted in one of these hierarchies, whichever a path was copied from: both are tried.
pub(super) const COUNTING: [Hierarchy; 2] = [Hierarchy::Unified, Hierarchy::Controller("memory")];

/// Reads the memory of a cgroup. `path` is what /proc/PID/cgroup says (`/kubepods.slice/...`), or where
/// its files are (`/sys/fs/cgroup/...`).
///
/// # Errors
/// When there is no such cgroup, or when it counts no memory.
pub fn cgroup(host: &dyn Host, path: &[u8]) -> Result<CgroupMemory, Error> {
    let mounts = HierarchyMounts::read(|path| read(host, path));
    let locations =
        mounts.locations(&COUNTING, path).map_err(|why| Error::no_cgroup(path, why_unlocated(why)))?;
    let counts = |location: &&Location| try_read(host, location.file(usage(location))).is_ok();
    let Some(location) = locations.iter().find(counts) else {
        return Err(Error::no_cgroup(path, &why_none(host, &locations)));
    };
    let memory =
        if location.version == 1 { of_version_1(host, location) } else { of_version_2(host, location) };
    // It has been removed meanwhile, or is a kernel's that nobody knows.
    memory.ok_or_else(|| {
        Error::no_cgroup(path, "its memory.stat cannot be read, or lacks what every kernel tells")
    })
}

/// The lowest limit of the cgroup at this location; `None` where it has none, or counts no memory.
pub(super) fn limit(host: &dyn Host, location: &Location) -> Option<Bytes> {
    let names: &[&str] =
        if location.version == 1 { &["memory.limit_in_bytes"] } else { &["memory.max", "memory.high"] };
    let one =
        |name: &&str| number(&try_read(host, location.file(name)).ok()?).filter(|limit| *limit < NO_LIMIT);
    names.iter().filter_map(one).min().map(Bytes)
}

/// What it is charged but for what the kernel takes back when it needs room.
pub(super) fn used_for_good(host: &dyn Host, location: &Location) -> Option<Bytes> {
    let used = number(&try_read(host, location.file(usage(location))).ok()?)?;
    let stat = try_read(host, location.file("memory.stat")).ok()?;
    // Of version 1 those of the whole tree below it, like its usage.
    let prefix = if location.version == 1 { "total_" } else { "" };
    let one = |name: &str| counter(&stat, &format!("{prefix}{name}")).unwrap_or(0);
    let taken_back = ["active_file", "inactive_file", "slab_reclaimable"].map(one);
    Some(Bytes(taken_back.into_iter().fold(used, u64::saturating_sub)))
}

/// The file that every cgroup has whose memory is counted.
fn usage(location: &Location) -> &'static str {
    if location.version == 1 { "memory.usage_in_bytes" } else { "memory.current" }
}

fn of_version_2(host: &dyn Host, location: &Location) -> Option<CgroupMemory> {
    let one = |name: &str| try_read(host, location.file(name)).ok().and_then(|text| number(&text).map(Bytes));
    let stat = try_read(host, location.file("memory.stat")).ok()?;
    let ledger = v2(one("memory.current")?, &stat)?;
    let events = try_read(host, location.file("memory.events")).unwrap_or_default();
    let pressure =
        try_read(host, location.file("memory.pressure")).ok().and_then(|text| Pressure::parse(&text));
    let mut gaps = Vec::new();
    if pressure.is_none() {
        let remedy = "boot the kernel with psi=1 (Linux 4.20 or newer) to have it counted";
        gaps.push(gap(location, "memory.pressure", "how long tasks waited for memory", remedy));
    }
    Some(CgroupMemory {
        limit: one("memory.max"),
        high: one("memory.high"),
        limit_hits: counter(&events, "max"),
        oom_kills: counter(&events, "oom_kill"),
        pressure,
        sock: counter(&stat, "sock").map(Bytes),
        gaps,
        ..bare(location, ledger)
    })
}

fn of_version_1(host: &dyn Host, location: &Location) -> Option<CgroupMemory> {
    let one = |name: &str| try_read(host, location.file(name)).ok().and_then(|text| number(&text));
    let stat = try_read(host, location.file("memory.stat")).ok()?;
    let mut gaps = Vec::new();
    // Of the root's usage kernel memory is no part (`mem_cgroup_usage`); no other cgroup has this file.
    let is_root = try_read(host, location.file("cgroup.sane_behavior")).is_ok();
    let kernel = one("memory.kmem.usage_in_bytes").filter(|_| !is_root).map(Bytes);
    if kernel.is_none() {
        let remedy = "see the ledger of the whole host, or a cgroup below the root";
        gaps.push(gap(location, "memory.kmem.usage_in_bytes", "kernel memory", remedy));
    }
    // Counted only from the moment on that a limit is set (`memcg_update_tcp_max`), and then for good.
    let is_limited = one("memory.kmem.tcp.limit_in_bytes").is_some_and(|limit| limit < NO_LIMIT);
    let sock = one("memory.kmem.tcp.usage_in_bytes").filter(|used| *used > 0 || is_limited);
    if sock.is_none() {
        let remedy = "set memory.kmem.tcp.limit_in_bytes before the program makes its sockets: version 1 \
            counts their memory from then on";
        gaps.push(gap(location, "memory.kmem.tcp.usage_in_bytes", "memory of sockets", remedy));
    }
    let oom = try_read(host, location.file("memory.oom_control")).unwrap_or_default();
    Some(CgroupMemory {
        limit: one("memory.limit_in_bytes").filter(|limit| *limit < NO_LIMIT).map(Bytes),
        limit_hits: one("memory.failcnt"),
        oom_kills: counter(&oom, "oom_kill"),
        sock: sock.map(Bytes),
        gaps,
        ..bare(location, v1(&V1 { usage: Bytes(one("memory.usage_in_bytes")?), stat: &stat, kernel })?)
    })
}

/// What is the same for both versions, and nothing else known.
fn bare(location: &Location, ledger: Ledger) -> CgroupMemory {
    CgroupMemory {
        path: location.path.clone(),
        version: location.version,
        ledger,
        limit: None,
        high: None,
        limit_hits: None,
        oom_kills: None,
        pressure: None,
        sock: None,
        gaps: Vec::new(),
    }
}

fn why_unlocated(why: NotLocated) -> &'static str {
    match why {
        NotLocated::Outside => "a path with .. in it leads out of what can be seen here; give one without",
        NotLocated::NotMounted => {
            "no hierarchy that counts memory is mounted, neither cgroup2 nor cgroup with memory"
        }
    }
}

/// Why none of these locations has the memory of a cgroup.
fn why_none(host: &dyn Host, locations: &[Location]) -> String {
    let error = |location: &Location, name| {
        try_read(host, location.file(name)).err().filter(|error| !is_absent(error))
    };
    for location in locations {
        if let Some(error) = error(location, usage(location)) {
            let file = location.file(usage(location));
            return format!("{}: {error}", file.as_os_str().as_bytes().escape_ascii());
        }
    }
    // Where version 1 counts memory, version 2 cannot.
    let version_1: Vec<&Location> = locations.iter().filter(|location| location.version == 1).collect();
    // Reading it can fail where it is (a threaded cgroup).
    let is_there = |location: &&Location| {
        try_read(host, location.file("cgroup.procs")).is_ok() || error(location, "cgroup.procs").is_some()
    };
    let there = locations.iter().filter(|_| version_1.is_empty()).find(is_there);
    match there {
        _ if locations.is_empty() => "it lies outside of what is mounted here".to_owned(),
        Some(location) if location.path == b"/" => {
            "the root of all cgroups has no counters of its own: look at the memory of the whole host"
                .to_owned()
        }
        Some(location) => format!(
            "{} counts no memory: enable that (+memory in cgroup.subtree_control of the cgroup above it), or \
             look at the one above it",
            location.directory.escape_ascii()
        ),
        None => {
            let looked_at = if version_1.is_empty() { locations.iter().collect() } else { version_1 };
            let directories = looked_at.iter().map(|it| it.directory.escape_ascii().to_string());
            let directories = directories.collect::<Vec<_>>().join(" and ");
            format!("there is no {directories}; the paths of a process are in /proc/PID/cgroup")
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn gap(location: &Location, name: &str, what: &'static str, remedy: &str) -> Gap {
    Gap::uncounted(Missing::Memory, Place::part_of_file(location.file(name), what), remedy)
}
