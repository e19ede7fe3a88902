//! Who did not answer: remembered, so that nobody is waited for twice, and named in the report.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::host::worker::{Ending, Left};
use crate::model::gap::{Gap, Missing};
use crate::procfs::mountinfo::mounts;
use crate::procfs::number::parse_number;

/// After so long somebody who did not answer is asked again: a watch goes on for hours.
const AGAIN: Duration = Duration::from_secs(10);

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
    /// A socket, or a table of sockets, by what was asked; and the process that holds it, where that is
    /// known.
    Sockets(String, Option<u32>),
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
            Subject::Sockets(_, pid) => pid.is_none(),
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
    fn is_detail(&self) -> bool {
        match self {
            Subject::Memory(_) | Subject::Descriptor(..) => true,
            Subject::Sockets(_, pid) => pid.is_some(),
            Subject::Process(_) | Subject::Place(_) => false,
        }
    }

    /// The process that it is about.
    pub(super) fn pid(&self) -> Option<u32> {
        match self {
            Subject::Process(pid) | Subject::Memory(pid) | Subject::Descriptor(pid, _) => Some(*pid),
            Subject::Place(_) => None,
            Subject::Sockets(_, pid) => *pid,
        }
    }
}

/// One that did not answer.
#[derive(Debug)]
struct Silence {
    /// Its name, for a report.
    name: String,
    /// The kernel function that it waits in itself, where that could be asked.
    waits_in: Option<String>,
    wchan: Option<String>,
    since: Instant,
    /// The worker that waits there.
    left: Left,
}

/// All that did not answer.
#[derive(Debug, Default)]
pub(super) struct Silent {
    of: BTreeMap<Subject, Silence>,
    /// File systems that do not answer, by their device number (`0:57`).
    devices: BTreeMap<Vec<u8>, Subject>,
    /// Questions that were not asked, since there was no time left.
    pub(super) unasked: u64,
    /// The same, since there was no process to ask with.
    pub(super) lacked: u64,
    /// The same, since a conversation with the kernel could not be had, by the reason.
    pub(super) refused: BTreeMap<String, u64>,
    /// Workers that ended, and how.
    pub(super) ended: Vec<Ending>,
}

/// What a silence is remembered with.
pub(super) struct Met {
    pub(super) name: String,
    pub(super) waits_in: Option<String>,
    pub(super) wchan: Option<String>,
    pub(super) left: Left,
}

impl Silent {
    pub(super) fn add(&mut self, subject: Subject, met: Met) {
        let Met { name, waits_in, wchan, left } = met;
        let since = Instant::now();
        self.of.entry(subject).or_insert(Silence { name, waits_in, wchan, since, left });
    }

    /// A question that could not be asked, and why.
    pub(super) fn add_refused(&mut self, error: &io::Error) {
        *self.refused.entry(error.to_string().escape_default().to_string()).or_default() += 1;
    }

    /// A file system that does not answer: of what else lies on it nothing is asked.
    pub(super) fn add_device(&mut self, device: Vec<u8>, subject: Subject) {
        self.devices.entry(device).or_insert(subject);
    }

    /// Whether it is known not to answer.
    pub(super) fn has(&self, subject: &Subject) -> bool {
        let of_process = || subject.pid().is_some_and(|pid| self.of.contains_key(&Subject::Process(pid)));
        self.of.contains_key(subject) || of_process()
    }

    /// Whether everybody has answered.
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    pub(super) fn has_device(&self, device: &[u8]) -> bool {
        self.devices.contains_key(device)
    }

    pub(super) fn has_devices(&self) -> bool {
        !self.devices.is_empty()
    }

    /// A new look begins: those that were asked some time ago are asked once more, unless a worker still
    /// waits there.
    pub(super) fn begin_anew(&mut self) {
        self.of.retain(|_, silence| {
            let is_left = !silence.left.has_ended();
            silence.since.elapsed() < AGAIN || is_left
        });
        let of = &self.of;
        self.devices.retain(|_, subject| of.contains_key(subject));
        (self.unasked, self.lacked) = (0, 0);
        self.refused.clear();
        self.ended.clear();
    }

    /// What is missing because of them.
    pub(super) fn gaps(&self, ended_by: Option<&str>, budget: Duration) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = self.of.iter().map(|(subject, silence)| silence.gap(subject)).collect();
        gaps.extend(self.ended.iter().map(|ending| {
            let help =
                if ending.may_lack_memory() { "give it more memory, and run again" } else { "run again" };
            let remedy = format!("the process that read it has ended ({}): {help}", ending.how);
            Gap::counted(Missing::NoAnswer, "a part of this host", 1, remedy)
        }));
        gaps.extend(self.refused.iter().map(|(error, count)| {
            let remedy = "run again; what they were about may have gone meanwhile";
            Gap::counted(Missing::Unasked, error, *count, remedy)
        }));
        match ended_by {
            Some(by) => {
                let remedy = "what had been found until then is shown: run again for the rest";
                gaps.push(Gap::uncounted(Missing::Partial, by, remedy));
            }
            None if self.unasked > 0 => {
                let place = format!("--timeout {}", seconds(budget));
                let remedy =
                    "those that do not answer took all the time that there was to wait: raise --timeout";
                gaps.push(Gap::counted(Missing::Unasked, place, self.unasked, remedy));
            }
            None => {}
        }
        gaps
    }
}

impl Silence {
    /// The same words for those that are stuck alike, so that they can be told together.
    fn gap(&self, subject: &Subject) -> Gap {
        let asker = match &self.wchan {
            Some(wchan) => format!("who asks waits in {wchan}"),
            None => "who asks waits".to_owned(),
        };
        let waits = match &self.waits_in {
            Some(function) => format!("it waits in {function}; {asker}"),
            None => asker,
        };
        let remedy = match subject {
            Subject::Process(_) => format!(
                "{waits}: it is stuck while it executes a program, or the like; its descriptors are not read, and \
                 sockets that only it holds may show no holder"
            ),
            Subject::Memory(_) => format!("{waits}: its memory is locked, often by a stuck page fault"),
            Subject::Descriptor(..) => format!("{waits}: somebody is stuck while he uses that descriptor"),
            Subject::Place(_) => {
                format!(
                    "{waits}: the file system is dead, or who serves it; bring it back, or umount --force it"
                )
            }
            Subject::Sockets(..) => format!(
                "{waits}: a process is stuck in send or recv and keeps the lock; what only the lock gives is unknown"
            ),
        };
        let gap = Gap::counted(Missing::NoAnswer, self.name.clone(), 1, remedy);
        Gap { is_detail: subject.is_detail(), ..gap }
    }
}

fn seconds(time: Duration) -> String {
    match time.as_millis() {
        ms if ms < 1000 => format!("{ms} ms"),
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{:.1} s", ms as f64 / 1000.0),
    }
}

/// The file system that a path lies on: mount point, type and device number, from a /proc/PID/mountinfo whose
/// mount points are as the path's owner sees them. A namespace that is mounted there does not count: it is
/// reached through what lies below.
pub(super) fn file_system(mountinfo: &[u8], path: &Path) -> Option<(PathBuf, String, Vec<u8>)> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let above = mounts(mountinfo).filter_map(|mount| {
        let point = PathBuf::from(OsString::from_vec(mount.point()));
        let kind = String::from_utf8_lossy(mount.kind).into_owned();
        (kind != "nsfs" && path.starts_with(&point)).then(|| (point, kind, mount.device.to_vec()))
    });
    above.max_by_key(|(point, ..)| point.components().count())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

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
    fn the_file_system_is_the_innermost_above() {
        let mountinfo = b"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            30 21 0:57 / /mnt/de\\040ad rw - fuse.x x rw\n\
            31 30 0:4 net:[1] /mnt/de\\040ad/a rw - nsfs nsfs rw\n";
        let of = |path: &str| file_system(mountinfo, Path::new(path)).unwrap().2;
        assert_eq!(of("/mnt/de ad/a"), b"0:57");
        assert_eq!(of("/mnt/de ad/b/c"), b"0:57");
        assert_eq!(of("/mnt/other"), b"8:1");
        assert_eq!(file_system(b"", Path::new("/a")), None);
    }
    #[test]
    fn what_is_silent_hides_sockets_or_a_detail() {
        let check = |subject: Subject, hides: bool| assert_eq!(!subject.is_detail(), hides, "{subject:?}");
        check(Subject::Process(7), true);
        check(Subject::Place("/mnt".into()), true);
        check(Subject::Sockets("sockets".to_owned(), None), true);
        check(Subject::Memory(7), false);
        check(Subject::Descriptor(7, 5), false);
        check(Subject::Sockets("app (7), fd 5".to_owned(), Some(7)), false);
    }
}
