//! Who it is that does not answer, for a report: what is asked for that answers whatever happens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host::LARGEST_FILE;
use crate::host::guarded::Guarded;
use crate::host::guarded::question::Question;
use crate::host::guarded::silent::{Subject, file_system};
use crate::host::worker::Trouble;
use crate::procfs::comm::comm;
use crate::procfs::wchan::wchan;

impl Guarded {
    /// A process's name and id, for a report.
    pub(super) fn name_of(&self, pid: u32) -> String {
        let comm = self.read_anyway(&format!("/proc/{pid}/comm")).map(|file| comm(&file));
        format!("{} ({pid})", comm.unwrap_or_else(|| b"process".to_vec()).escape_ascii())
    }

    /// The kernel function that somebody waits in who does not answer for one of the things that he has. Of a
    /// process that does not answer at all, this file does not either.
    pub(super) fn waits_in(&self, subject: &Subject) -> Option<String> {
        let pid = subject.pid().filter(|_| !matches!(subject, Subject::Process(_)))?;
        let file = self.read_anyway(&format!("/proc/{pid}/wchan"))?;
        wchan(&file).map(|name| name.escape_ascii().to_string())
    }

    /// What a path lies on, for a report, and its device number.
    pub(super) fn file_system_of(&self, path: &Path) -> (String, Option<Vec<u8>>) {
        let shown = path.display().to_string().escape_default().to_string();
        match self.mount_of(path) {
            Some((point, kind, device)) => {
                let point = point.display().to_string().escape_default().to_string();
                (format!("{kind} at {point}, where {shown} lies"), Some(device))
            }
            None => (shown, None),
        }
    }

    fn mount_of(&self, path: &Path) -> Option<(PathBuf, String, Vec<u8>)> {
        if Subject::Place(path.to_owned()).is_of_kernel() {
            return None;
        }
        // What lies below a process's root is mounted as that process sees it.
        let of_process = path.strip_prefix("/proc").ok().and_then(|rest| {
            let mut parts = rest.components();
            let pid = parts.next()?.as_os_str().to_str()?.to_owned();
            let is_root = parts.next().is_some_and(|part| part.as_os_str() == "root");
            is_root.then(|| (pid, Path::new("/").join(parts.as_path())))
        });
        let (whose, there) = match of_process {
            Some((pid, there)) => (pid, there),
            None => ("self".to_owned(), self.live.place_of(path)),
        };
        let mountinfo = self.read_anyway(&format!("/proc/{whose}/mountinfo"))?;
        let is_of_kernel = |kind: &str| ["proc", "sysfs", "cgroup", "cgroup2"].contains(&kind);
        // Of the scanner's own root nothing dead is to be said: it runs from there.
        let found = file_system(&mountinfo, &there)?;
        (found.0 != Path::new("/") && !is_of_kernel(&found.1)).then_some(found)
    }

    pub(super) fn is_on_dead_device(&self, subject: &Subject) -> bool {
        let Subject::Place(path) = subject else { return false };
        if !self.silent().has_devices() {
            return false;
        }
        self.mount_of(path).is_some_and(|(_, _, device)| self.silent().has_device(&device))
    }

    /// Reads a file that answers whatever happens, even of one that did not answer before.
    pub(super) fn read_anyway(&self, path: &str) -> Option<Vec<u8>> {
        let mut worker = self.worker()?;
        let mut file = Vec::new();
        let question = Question::Read { path: path.into(), limit: LARGEST_FILE };
        let more = &mut |bytes: &[u8]| file.extend_from_slice(bytes);
        match worker.ask(question.encode().as_slice(), &self.budget, Duration::ZERO, more) {
            Ok(()) => self.give_back(worker),
            Err(Trouble::Refused(_)) => {
                self.give_back(worker);
                return None;
            }
            Err(_) => return None,
        }
        Some(file)
    }
}
