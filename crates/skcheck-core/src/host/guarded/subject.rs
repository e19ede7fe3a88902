//! Whom a question is about.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::model::place::{NetnsName, Place};
use crate::procfs::number::parse_number;

/// Whom a question is about: who keeps it from being answered, if nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A process.
    Process(u32),
    /// The memory of a process: what waits while something holds the lock of that.
    Memory(u32),
    /// A descriptor of a process, and the file behind it.
    Descriptor(u32, u32),
    /// What lies on a file system, by its path in the scanner's own files.
    Place(PathBuf),
    /// A socket, or what tells of many; and the network namespace that it is in, where that is another than the
    /// scanner's.
    Sockets(Place, Option<NetnsName>),
}

impl Subject {
    /// Whom a path is about: /proc/PID/... is about a process, but what lies below its root is not.
    pub(super) fn of(path: &Path) -> Subject {
        Subject::of_process(path).unwrap_or_else(|| Subject::Place(path.to_owned()))
    }

    fn of_process(path: &Path) -> Option<Subject> {
        let mut parts = path.strip_prefix("/proc").ok()?.iter().map(OsStr::as_encoded_bytes);
        let pid = parse_number(parts.next()?)?;
        // What is below a task of it is as below the process.
        let mut next = parts.next();
        if next == Some(b"task") && parts.next().is_some() {
            next = parts.next();
        }
        let below = parts.next();
        match (next, below) {
            (Some(b"root" | b"cwd"), Some(_)) => None,
            (Some(b"cmdline" | b"environ" | b"maps" | b"smaps"), _) => Some(Subject::Memory(pid)),
            (Some(b"fdinfo"), Some(fd)) => Some(Subject::Descriptor(pid, parse_number(fd)?)),
            _ => Some(Subject::Process(pid)),
        }
    }

    /// Whom the file behind a descriptor is about.
    pub(super) fn behind(path: &Path) -> Subject {
        let fd = path.file_name().and_then(|fd| parse_number(fd.as_encoded_bytes()));
        match (Subject::of(path), fd) {
            (Subject::Process(pid), Some(fd)) => Subject::Descriptor(pid, fd),
            (subject, _) => subject,
        }
    }

    /// Whether it is about nobody: tables of sockets, and files of /proc and /sys that are about the host.
    pub(super) fn is_of_kernel(&self) -> bool {
        match self {
            Subject::Sockets(..) => self.pid().is_none(),
            // Below the root of a process lies whatever it has put there.
            Subject::Place(path) => {
                let of_process = |rest: &Path| {
                    rest.iter().next().is_some_and(|first| parse_number(first.as_encoded_bytes()).is_some())
                };
                path.starts_with("/sys") || path.strip_prefix("/proc").is_ok_and(|rest| !of_process(rest))
            }
            _ => false,
        }
    }

    /// Whether it tells no more than a detail of sockets that are seen without it: a name, a holder, what a
    /// lock guards.
    pub(super) fn is_detail(&self) -> bool {
        match self {
            Subject::Memory(_) | Subject::Descriptor(..) => true,
            Subject::Sockets(..) => self.pid().is_some(),
            Subject::Process(_) | Subject::Place(_) => false,
        }
    }

    /// The process that it is about.
    pub(super) fn pid(&self) -> Option<u32> {
        match self {
            Subject::Process(pid) | Subject::Memory(pid) | Subject::Descriptor(pid, _) => Some(*pid),
            Subject::Place(_) => None,
            Subject::Sockets(place, _) => place.named_processes().first().map(|process| process.pid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::place::ProcessName;

    #[test]
    fn files_of_a_process_are_about_it() {
        let process = ["/proc/7", "/proc/7/fd/3", "/proc/7/task/9/ns/net", "/proc/7/root"];
        for path in process {
            assert_eq!(Subject::of(Path::new(path)), Subject::Process(7), "{path}");
        }
        assert_eq!(Subject::of(Path::new("/proc/7/cmdline")), Subject::Memory(7));
        assert_eq!(Subject::of(Path::new("/proc/7/fdinfo/5")), Subject::Descriptor(7, 5));
        assert_eq!(Subject::of(Path::new("/proc/7/task/9/fdinfo/5")), Subject::Descriptor(7, 5));
        assert_eq!(Subject::behind(Path::new("/proc/7/fd/5")), Subject::Descriptor(7, 5));
        for path in ["/proc", "/proc/slabinfo", "/proc/7/root/run/netns/a", "/boot/config", "/proc/x/fd"] {
            assert_eq!(Subject::of(Path::new(path)), Subject::Place(path.into()), "{path}");
        }
    }

    #[test]
    fn what_is_silent_hides_sockets_or_a_detail() {
        let check = |subject: Subject, hides: bool| assert_eq!(!subject.is_detail(), hides, "{subject:?}");
        check(Subject::Process(7), true);
        check(Subject::Place("/mnt".into()), true);
        check(Subject::Sockets(Place::SockDiag, None), true);
        check(Subject::Sockets(Place::SockDiag, Some(NetnsName::default())), true);
        check(Subject::Sockets(Place::Connection { local: Some(80), peer: None }, None), true);
        check(Subject::Memory(7), false);
        check(Subject::Descriptor(7, 5), false);
        let app = ProcessName { pid: 7, comm: Some(b"app".to_vec()), fd: Some(5) };
        check(Subject::Sockets(Place::process(app), None), false);
    }
}
