//! Cgroups that a test makes for its children.

use std::path::PathBuf;
use std::time::Duration;

use super::unique;

/// A hierarchy that is mounted here.
#[derive(Debug, Clone)]
pub(crate) struct Hierarchy {
    /// 1 or 2.
    pub(crate) version: u8,
    /// Where it is.
    mount: PathBuf,
}

/// The hierarchies that have this controller: of version 1, and version 2 where it can be enabled there or
/// needs not be (`freezer`).
pub(crate) fn hierarchies(controller: &str) -> Vec<Hierarchy> {
    // Any bytes may be in the path of a mount.
    let mountinfo = std::fs::read("/proc/self/mountinfo").expect("/proc is mounted");
    let hierarchy = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let mount = PathBuf::from(place.split(' ').nth(4)?);
        let version = match kind.split(' ').next()? {
            "cgroup" if kind.split([' ', ',']).any(|option| option == controller) => 1,
            "cgroup2" => {
                let controllers = std::fs::read_to_string(mount.join("cgroup.controllers")).ok()?;
                let has = controllers.split_whitespace().any(|name| name == controller);
                (has || controller == "freezer").then_some(2)?
            }
            _ => return None,
        };
        Some(Hierarchy { version, mount })
    };
    String::from_utf8_lossy(&mountinfo).lines().filter_map(hierarchy).collect()
}

/// A cgroup right below the root, which is removed with this. What runs in it has to end before.
pub(crate) struct Group {
    pub(crate) directory: PathBuf,
    /// As /proc/PID/cgroup has it.
    pub(crate) path: String,
}

impl Group {
    pub(crate) fn new(hierarchy: &Hierarchy, name: &str) -> Group {
        let name = unique::name(name);
        let directory = hierarchy.mount.join(&name);
        std::fs::create_dir(&directory).expect("root may");
        Group { directory, path: format!("/{name}") }
    }

    /// One below this one.
    pub(crate) fn below(&self, name: &str) -> Group {
        let directory = self.directory.join(name);
        std::fs::create_dir(&directory).expect("root may");
        Group { directory, path: format!("{}/{name}", self.path) }
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.directory.join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    pub(crate) fn take(&self, pid: u32) {
        self.write("cgroup.procs", &pid.to_string());
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process is in it until its parent has waited for it, and a little longer.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.directory).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("{} is left behind", self.directory.display());
    }
}

/// A cgroup that is frozen, until this is dropped: what is frozen does not even end when it is killed.
pub(crate) struct Frozen<'g>(&'g Group, (&'static str, &'static str));

impl Frozen<'_> {
    pub(crate) fn new<'g>(group: &'g Group, hierarchy: &Hierarchy) -> Frozen<'g> {
        let (file, [on, off]) = match hierarchy.version {
            1 => ("freezer.state", ["FROZEN", "THAWED"]),
            _ => ("cgroup.freeze", ["1", "0"]),
        };
        let frozen = Frozen(group, (file, off));
        group.write(file, on);
        frozen
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let (file, off) = self.1;
        let _ = std::fs::write(self.0.directory.join(file), off);
    }
}
