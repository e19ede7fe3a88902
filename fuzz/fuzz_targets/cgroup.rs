//! /proc/PID/cgroup, and the files of a cgroup.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::{cgroup_events, freezer_state};
use skcheck_core::testing::{Cgroup, hierarchies, pressure, throttling};

fuzz_target!(|file: &[u8]| {
    if let Some(cgroup) = Cgroup::of_process(file) {
        assert!(cgroup.path.starts_with(b"/"));
        assert!(cgroup.container.is_none_or(|it| it.id.is_some() || it.pod_uid.is_some()));
    }
    let _ = (hierarchies(file), pressure(file));
    let _ = (freezer_state::frozen(file), cgroup_events::frozen(file), throttling(file));
});
