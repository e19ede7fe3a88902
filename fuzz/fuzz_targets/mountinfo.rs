//! /proc/PID/mountinfo: where cgroups and network namespaces are mounted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::link::netns_id;
use skcheck_core::testing::procfs::mountinfo::{ip_netns_name, mounted_namespaces};
use skcheck_core::testing::{cgroup_directories, cgroup_mounts, numbered_mount};

/// A cgroup whose files are looked for; the first line names another.
const PATH: &[u8] = b"/system.slice/nginx.service";

fuzz_target!(|file: &[u8]| {
    let lines = file.split(|&b| b == b'\n').count();
    let namespaces: Vec<_> = mounted_namespaces(file).collect();
    assert!(namespaces.len() <= lines && cgroup_mounts(file).len() <= 3 * lines);
    let _ = namespaces.iter().filter_map(|(_, point)| ip_netns_name(point)).count();
    for path in [PATH, file.split(|&b| b == b'\n').next().unwrap_or_default()] {
        assert!(cgroup_directories(file, path).iter().all(|directory| directory.starts_with(b"/")));
    }
    let _ = netns_id(file);
    let _ = numbered_mount(file, 30);
});
