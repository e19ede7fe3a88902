//! What a cgroup's files say of freezing and of CPU quota, and where they are.

use std::time::Duration;

use crate::container::identity::Mount;
use crate::procfs::flat::counter;
use crate::watch::evidence::Throttling;

/// Whether a cgroup of version 2, or one above it, is frozen (`frozen` of its `cgroup.events`, since Linux
/// 5.2). It is when all its processes have come to rest.
pub fn frozen_v2(events: &[u8]) -> Option<bool> {
    counter(events, "frozen").map(|frozen| frozen != 0)
}

/// Whether a cgroup of version 1, or one above it, is frozen (its `freezer.state`). One that is about to
/// be, `FREEZING`, counts: each of its threads stops where it would next run outside of the kernel.
pub fn frozen_v1(state: &[u8]) -> Option<bool> {
    match state.trim_ascii() {
        b"FROZEN" | b"FREEZING" => Some(true),
        b"THAWED" => Some(false),
        _ => None,
    }
}

/// How a cgroup ran out of CPU quota so far (its `cpu.stat`: version 2 has `throttled_usec`, version 1
/// `throttled_time` in nanoseconds). `None` where the cgroup's CPU time is not shared out.
pub fn throttling(cpu_stat: &[u8]) -> Option<Throttling> {
    let number = |name| counter(cpu_stat, name);
    let time = number("throttled_usec").map(Duration::from_micros);
    let time = time.or_else(|| number("throttled_time").map(Duration::from_nanos));
    Some(Throttling { periods: number("nr_periods")?, throttled: number("nr_throttled")?, time: time? })
}

/// The cgroups of a process, by /proc/PID/cgroup; `None` where it is in no such hierarchy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hierarchies<'f> {
    /// In version 2.
    pub unified: Option<&'f [u8]>,
    /// In version 1, of the freezer.
    pub freezer: Option<&'f [u8]>,
    /// In version 1, of the controller of CPU time.
    pub cpu: Option<&'f [u8]>,
}

impl<'f> Hierarchies<'f> {
    pub(crate) fn parse(file: &'f [u8]) -> Hierarchies<'f> {
        let mut found = Hierarchies::default();
        for line in file.split(|&b| b == b'\n') {
            let mut fields = line.splitn(3, |&b| b == b':');
            let (Some(_), Some(names), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let has = |name: &[u8]| names.split(|&b| b == b',').any(|it| it == name);
            match names {
                b"" => found.unified = Some(path),
                _ if has(b"freezer") => found.freezer = Some(path),
                _ => {}
            }
            if has(b"cpu") {
                found.cpu = Some(path);
            }
        }
        found
    }
}

/// The directory of a cgroup, and below it how many components of its path the mounted part of its
/// hierarchy has. `None` where it lies outside of what is mounted.
pub(crate) fn directory(mounts: &[Mount], path: &[u8]) -> Option<(Vec<u8>, usize)> {
    let wanted = components(path);
    mounts.iter().find_map(|mount| {
        let rest = wanted.strip_prefix(components(&mount.root).as_slice())?;
        // What is outside of the reader's cgroup namespace is not below its mounts.
        if rest.contains(&b"..".as_slice()) {
            return None;
        }
        let all = [&components(&mount.mount_point), rest].concat();
        Some(([b"/".as_slice(), &all.join(&b'/')].concat(), rest.len()))
    })
}

fn components(path: &[u8]) -> Vec<&[u8]> {
    path.split(|&b| b == b'/').filter(|part| !part.is_empty()).collect()
}
