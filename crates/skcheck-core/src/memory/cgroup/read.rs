//! Reads the files of a cgroup, through the seam.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::host::Host;
use crate::memory::cgroup::place::{Place, places};
use crate::memory::cgroup::{CgroupMemory, Pressure};
use crate::memory::ledger::Ledger;
use crate::memory::ledger::cgroup::{V1, v1, v2};
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::units::Bytes;
use crate::procfs::flat::{counter, number};

/// What version 1 says where there is no limit: the largest number of pages (`PAGE_COUNTER_MAX`), and
/// before Linux 3.19 the largest number.
const NO_LIMIT: u64 = 1 << 62;

pub(super) fn cgroup(host: &dyn Host, path: &[u8]) -> Result<CgroupMemory, Error> {
    // A scanner in a container has the host's hierarchies where the host's first process has them.
    let files = ["/proc/1/mountinfo", "/proc/self/mountinfo"];
    let mountinfos: Vec<Vec<u8>> =
        files.into_iter().filter_map(|file| read(host, file.as_bytes()).ok()).collect();
    let places = places(&mountinfos, path).map_err(|why| Error::no_cgroup(path, why))?;
    let counts = |place: &&Place| read(host, &file(place, usage(place))).is_ok();
    let Some(place) = places.iter().find(counts) else {
        return Err(Error::no_cgroup(path, &why_none(host, &places)));
    };
    let memory = if place.version == 1 { of_version_1(host, place) } else { of_version_2(host, place) };
    // It has been removed meanwhile, or is a kernel's that nobody knows.
    memory.ok_or_else(|| {
        Error::no_cgroup(path, "its memory.stat cannot be read, or lacks what every kernel tells")
    })
}

/// The lowest limit of the cgroup in this place; `None` where it has none, or counts no memory.
pub(super) fn limit(host: &dyn Host, place: &Place) -> Option<Bytes> {
    let names: &[&str] =
        if place.version == 1 { &["memory.limit_in_bytes"] } else { &["memory.max", "memory.high"] };
    let one = |name: &&str| number(&read(host, &file(place, name)).ok()?).filter(|limit| *limit < NO_LIMIT);
    names.iter().filter_map(one).min().map(Bytes)
}

/// What it is charged but for what the kernel takes back when it needs room.
pub(super) fn used_for_good(host: &dyn Host, place: &Place) -> Option<Bytes> {
    let used = number(&read(host, &file(place, usage(place))).ok()?)?;
    let stat = read(host, &file(place, "memory.stat")).ok()?;
    // Of version 1 those of the whole tree below it, like its usage.
    let prefix = if place.version == 1 { "total_" } else { "" };
    let one = |name: &str| counter(&stat, &format!("{prefix}{name}")).unwrap_or(0);
    let taken_back = ["active_file", "inactive_file", "slab_reclaimable"].map(one);
    Some(Bytes(taken_back.into_iter().fold(used, u64::saturating_sub)))
}

/// The file that every cgroup has whose memory is counted.
fn usage(place: &Place) -> &'static str {
    if place.version == 1 { "memory.usage_in_bytes" } else { "memory.current" }
}

fn of_version_2(host: &dyn Host, place: &Place) -> Option<CgroupMemory> {
    let one = |name: &str| read(host, &file(place, name)).ok().and_then(|text| number(&text).map(Bytes));
    let stat = read(host, &file(place, "memory.stat")).ok()?;
    let ledger = v2(one("memory.current")?, &stat)?;
    let events = read(host, &file(place, "memory.events")).unwrap_or_default();
    let pressure = read(host, &file(place, "memory.pressure")).ok().and_then(|text| Pressure::parse(&text));
    let mut gaps = Vec::new();
    if pressure.is_none() {
        let remedy = "boot the kernel with psi=1 (Linux 4.20 or newer) to have it counted";
        gaps.push(gap(place, "memory.pressure", "how long tasks waited for memory", remedy));
    }
    Some(CgroupMemory {
        limit: one("memory.max"),
        high: one("memory.high"),
        limit_hits: counter(&events, "max"),
        oom_kills: counter(&events, "oom_kill"),
        pressure,
        sock: counter(&stat, "sock").map(Bytes),
        gaps,
        ..bare(place, ledger)
    })
}

fn of_version_1(host: &dyn Host, place: &Place) -> Option<CgroupMemory> {
    let one = |name: &str| read(host, &file(place, name)).ok().and_then(|text| number(&text));
    let stat = read(host, &file(place, "memory.stat")).ok()?;
    let mut gaps = Vec::new();
    // Of the root's usage kernel memory is no part (`mem_cgroup_usage`); no other cgroup has this file.
    let is_root = read(host, &file(place, "cgroup.sane_behavior")).is_ok();
    let kernel = one("memory.kmem.usage_in_bytes").filter(|_| !is_root).map(Bytes);
    if kernel.is_none() {
        let remedy = "see the ledger of the whole host, or a cgroup below the root";
        gaps.push(gap(place, "memory.kmem.usage_in_bytes", "kernel memory", remedy));
    }
    // Counted only from the moment on that a limit is set (`memcg_update_tcp_max`), and then for good.
    let is_limited = one("memory.kmem.tcp.limit_in_bytes").is_some_and(|limit| limit < NO_LIMIT);
    let sock = one("memory.kmem.tcp.usage_in_bytes").filter(|used| *used > 0 || is_limited);
    if sock.is_none() {
        let remedy = "set memory.kmem.tcp.limit_in_bytes before the program makes its sockets: version 1 \
            counts their memory from then on";
        gaps.push(gap(place, "memory.kmem.tcp.usage_in_bytes", "memory of sockets", remedy));
    }
    let oom = read(host, &file(place, "memory.oom_control")).unwrap_or_default();
    Some(CgroupMemory {
        limit: one("memory.limit_in_bytes").filter(|limit| *limit < NO_LIMIT).map(Bytes),
        limit_hits: one("memory.failcnt"),
        oom_kills: counter(&oom, "oom_kill"),
        sock: sock.map(Bytes),
        gaps,
        ..bare(place, v1(&V1 { usage: Bytes(one("memory.usage_in_bytes")?), stat: &stat, kernel })?)
    })
}

/// What is the same for both versions, and nothing else known.
fn bare(place: &Place, ledger: Ledger) -> CgroupMemory {
    CgroupMemory {
        path: place.path.clone(),
        version: place.version,
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

/// Why none of these places has the memory of a cgroup.
fn why_none(host: &dyn Host, places: &[Place]) -> String {
    let list = |places: &mut dyn Iterator<Item = &Place>| {
        let directories = places.map(|place| place.directory.escape_ascii().to_string());
        directories.collect::<Vec<_>>().join(" and ")
    };
    let error = |place: &Place, name| read(host, &file(place, name)).err().filter(|error| !is_absent(error));
    // Reading it can fail where it is (a threaded cgroup).
    let is_there = |place: &&Place| {
        read(host, &file(place, "cgroup.procs")).is_ok() || error(place, "cgroup.procs").is_some()
    };
    if places.is_empty() {
        return "it lies outside of what is mounted here".to_owned();
    }
    for place in places {
        if let Some(error) = error(place, usage(place)) {
            return format!("{}: {error}", file(place, usage(place)).escape_ascii());
        }
    }
    // Where version 1 counts memory, version 2 cannot.
    let mut version_1 = places.iter().filter(|place| place.version == 1).peekable();
    let there = places.iter().filter(|_| version_1.peek().is_none()).find(is_there);
    match there {
        Some(place) if place.path == b"/" => {
            "the root of all cgroups has no counters of its own: look at the memory of the whole host"
                .to_owned()
        }
        Some(place) => format!(
            "{} counts no memory: enable that (+memory in cgroup.subtree_control of the cgroup above it), or \
             look at the one above it",
            list(&mut std::iter::once(place))
        ),
        None => {
            let looked =
                if version_1.peek().is_some() { list(&mut version_1) } else { list(&mut places.iter()) };
            format!("there is no {looked}; the paths of a process are in /proc/PID/cgroup")
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn gap(place: &Place, name: &str, what: &str, remedy: &str) -> Gap {
    let path = file(place, name);
    Gap::uncounted(
        Missing::Memory,
        crate::model::place::Place::Host(format!("{}: {what}", path.escape_ascii()).into()),
        remedy,
    )
}

fn file(place: &Place, name: &str) -> Vec<u8> {
    [place.directory.as_slice(), name.as_bytes()].join(&b'/')
}

pub(super) fn read(host: &dyn Host, path: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    host.read(Path::new(OsStr::from_bytes(path)), &mut file).map(|()| file)
}
