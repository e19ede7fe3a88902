//! A control group that a test makes, moves a role into, and takes away again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scan::eventually;
use crate::support::unique;

/// Which hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// Version 2.
    Unified,
    /// Version 1, with this controller.
    Of(&'static str),
}

/// A control group below the root of its hierarchy, without limits at first.
pub(crate) struct ControlGroup {
    directory: PathBuf,
    /// Its path inside the hierarchy, as /proc/PID/cgroup tells it.
    pub(crate) path: String,
}

impl ControlGroup {
    /// `None` where this host has not mounted such a hierarchy.
    pub(crate) fn new(hierarchy: Hierarchy, label: &str) -> Option<ControlGroup> {
        let path = format!("/{}", unique::name(label));
        let directory = mount_point(hierarchy)?.join(&path[1..]);
        fs::create_dir(&directory).expect("root may");
        Some(ControlGroup { directory, path })
    }

    /// Whether it has this file: a controller of version 2 may be elsewhere.
    pub(crate) fn has(&self, file: &str) -> bool {
        self.directory.join(file).exists()
    }

    pub(crate) fn set(&self, file: &str, value: &str) {
        fs::write(self.directory.join(file), value).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    pub(crate) fn get(&self, file: &str) -> String {
        fs::read_to_string(self.directory.join(file)).expect("it is there")
    }

    /// Moves a process into it.
    pub(crate) fn take(&self, pid: u32) {
        self.set("cgroup.procs", &pid.to_string());
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Nobody ends while frozen, and nobody who is still in it lets it go.
        for (file, value) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
            if self.has(file) {
                let _ = fs::write(self.directory.join(file), value);
            }
        }
        let parent = self.directory.with_file_name("cgroup.procs");
        for pid in fs::read_to_string(self.directory.join("cgroup.procs")).unwrap_or_default().lines() {
            let _ = fs::write(&parent, pid);
        }
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Waits until a control group says this in one of its files.
pub(crate) fn says(group: &ControlGroup, file: &str, wanted: &str) {
    eventually(&format!("{file} says {wanted}"), || group.get(file).contains(wanted).then_some(()));
}

/// Where the hierarchy's root is mounted (/proc/self/mountinfo).
fn mount_point(hierarchy: Hierarchy) -> Option<PathBuf> {
    // Any bytes may be in the path of a mount.
    let text = fs::read("/proc/self/mountinfo").expect("/proc is mounted");
    String::from_utf8_lossy(&text).lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut of_mount = mount.split(' ').skip(3);
        let (root, point) = (of_mount.next()?, of_mount.next()?);
        let mut words = file_system.split(' ');
        let (kind, options) = (words.next()?, words.nth(1)?);
        let is_it = match hierarchy {
            Hierarchy::Unified => kind == "cgroup2",
            Hierarchy::Of(controller) => {
                kind == "cgroup" && options.split(',').any(|word| word == controller)
            }
        };
        (is_it && root == "/").then(|| Path::new(point).to_owned())
    })
}
