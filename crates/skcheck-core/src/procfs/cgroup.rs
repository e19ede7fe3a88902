//! /proc/PID/cgroup (`proc_cgroup_show`).

/// The cgroup of a process in one hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership<'f> {
    /// The controllers of the hierarchy, and its name, with commas between: `cpu,cpuacct`, `name=systemd`;
    /// empty for version 2.
    controllers: &'f [u8],
    /// Its path below the hierarchy's root, as the reader's cgroup namespace sees it.
    pub path: &'f [u8],
}

impl Membership<'_> {
    /// Whether the hierarchy is that of version 2.
    pub(crate) fn is_unified(&self) -> bool {
        self.controllers.is_empty()
    }

    /// Whether the hierarchy has this controller, or this name (`name=systemd`), in version 1.
    pub(crate) fn has(&self, controller: &str) -> bool {
        self.controllers.split(|&b| b == b',').any(|it| it == controller.as_bytes())
    }
}

/// The hierarchies that a process is in: lines like `4:memory:/docker/ID` and `0::/system.slice/nginx.service`.
/// What is no such line is passed over.
pub(crate) fn memberships(file: &[u8]) -> impl Iterator<Item = Membership<'_>> + Clone {
    file.split(|&b| b == b'\n').filter_map(|line| {
        let mut fields = line.splitn(3, |&b| b == b':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Membership { controllers, path })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies() {
        let file = b"9:name=systemd:/s\n6:freezer:/f:1\n4:memory:/m\n1:cpu,cpuacct:/c\nx\n1:cpu\n0::/u\n";
        let path = |is_wanted: &dyn Fn(&Membership<'_>) -> bool| {
            memberships(file).find(is_wanted).map(|found| found.path)
        };
        assert_eq!(path(&|it| it.is_unified()), Some(&b"/u"[..]));
        for (name, expected) in [
            ("freezer", Some("/f:1")),
            ("cpu", Some("/c")),
            ("cpuacct", Some("/c")),
            ("name=systemd", Some("/s")),
            ("systemd", None),
            ("cpuset", None),
        ] {
            assert_eq!(path(&|it| it.has(name)), expected.map(str::as_bytes), "{name}");
        }
        assert_eq!(memberships(file).count(), 5);
    }
}
