//! A process as a report names it, parsed from what somebody else has read of /proc.

use procfs::FromRead;
use procfs::process::Status;

use crate::container::Container;
use crate::host::parse_number;

/// A process that holds a reported socket, or the other end of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// The process id, as the scanner's pid namespace numbers it.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of /proc/PID/stat). With the pid it
    /// names a process for good. `None` when the process vanished or may not be read.
    pub start_time: Option<u64>,
    /// The name of its main thread (/proc/PID/comm), as bytes; at most 15 of them, chosen by the
    /// process. `None` when the process vanished.
    pub comm: Option<Vec<u8>>,
    /// Its real user (`Uid:` of /proc/PID/status).
    pub uid: Option<u32>,
    /// Its arguments (/proc/PID/cmdline), as bytes. Empty for a kernel thread and a zombie; `None`
    /// when it could not be read in time.
    pub cmdline: Option<Vec<Vec<u8>>>,
    /// Its cgroup (/proc/PID/cgroup), as bytes: the path of version 2; on a host that has version 1
    /// too, the path that tells most (see [`Cgroup::of_process`](crate::Cgroup::of_process)). Begins
    /// with `/..` where it is outside the scanner's cgroup namespace. `None` when the process
    /// vanished.
    pub cgroup: Option<Vec<u8>>,
    /// Its systemd unit, such as `nginx.service`, as bytes, where the cgroup tells one.
    pub unit: Option<Vec<u8>>,
    /// Its container, where the cgroup tells one.
    pub container: Option<Container>,
    /// Its process id in its own pid namespace (the last of `NSpid:` in /proc/PID/status, since
    /// Linux 4.1). `None` where that namespace is the one that `pid` is of.
    pub ns_pid: Option<u32>,
}

impl Process {
    /// Whether `name` is a part of comm or of the base name of the command.
    pub fn is_named(&self, name: &[u8]) -> bool {
        let contains = |text: &[u8]| name.is_empty() || text.windows(name.len()).any(|part| part == name);
        let command = self.cmdline.as_ref().and_then(|arguments| arguments.first());
        let base = command.and_then(|command| command.rsplit(|&b| b == b'/').next());
        self.comm.as_deref().is_some_and(contains) || base.is_some_and(contains)
    }
}

/// The start time in /proc/PID/stat, in clock ticks since boot.
pub fn start_time(stat: &[u8]) -> Option<u64> {
    // Not procfs's parser: it panics on a line that is cut behind the name. The name can have
    // blanks and parentheses in it; behind the last one follows field 3.
    let behind_name = stat.rsplit(|&b| b == b')').next()?;
    let start = behind_name.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(22 - 3)?;
    std::str::from_utf8(start).ok()?.parse().ok()
}

/// The real user in /proc/PID/status. The name in it may be any bytes.
pub fn uid(status: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(status);
    Status::from_read(text.as_bytes()).ok().map(|status| status.ruid)
}

/// The effective capabilities in /proc/PID/status, a bit for each.
pub fn effective_capabilities(status: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(status);
    let value = text.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(value.trim(), 16).ok()
}

/// The innermost process id in /proc/PID/status, where there is more than one.
pub fn ns_pid(status: &[u8]) -> Option<u32> {
    // The kernel escapes line ends in the name, so no name can look like this line.
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"))?;
    let ids = line.split(u8::is_ascii_whitespace).filter(|id| !id.is_empty()).skip(1);
    parse_number(ids.last()?)
}

/// The process that a thread belongs to (`Tgid:` in its status).
pub fn thread_group(status: &[u8]) -> Option<u32> {
    number_in_status(status, b"Tgid:")
}

/// A number of /proc/PID/status, by the name before it. Line ends in the process's name are escaped, so none
/// can look like such a line.
pub(crate) fn number_in_status(status: &[u8], name: &[u8]) -> Option<u32> {
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(name))?;
    parse_number(line.trim_ascii())
}

/// The name in /proc/PID/comm.
pub fn comm(file: &[u8]) -> Vec<u8> {
    file.strip_suffix(b"\n").unwrap_or(file).to_vec()
}

/// The kernel function in /proc/PID/wchan or /proc/PID/task/TID/wchan; `None` for `0`: it does not sleep, or
/// the reader may not know (`proc_pid_wchan` says the same of both).
pub fn wchan(file: &[u8]) -> Option<Vec<u8>> {
    let name = file.trim_ascii();
    (!name.is_empty() && name != b"0").then(|| name.to_vec())
}

/// The arguments in /proc/PID/cmdline: each ends with a NUL.
pub fn cmdline(file: &[u8]) -> Vec<Vec<u8>> {
    let file = file.strip_suffix(b"\0").unwrap_or(file);
    if file.is_empty() {
        return Vec::new();
    }
    file.split(|&b| b == 0).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_name_their_process() {
        assert_eq!(thread_group(b"Name:\tcat\nTgid:\t7\nPid:\t9\n"), Some(7));
        assert_eq!(thread_group(b"Name:\tcat\n"), None);
    }

    #[test]
    fn ns_pid_is_the_innermost_of_several() {
        let all: [(&[u8], Option<u32>); 6] = [
            (b"Name:\tnginx\nTgid:\t4711\nNSpid:\t4711\t12\n", Some(12)),
            (b"NSpid:\t4711\t99\t1\n", Some(1)),
            (b"NSpid:\t4711\t4711\n", Some(4711)),
            (b"NSpid:\t4711\n", None),
            (b"Name:\tx\\nNSpid:\t1\t2\n", None),
            (b"NSpid:\t4711\t-1\n", None),
        ];
        for (status, expected) in all {
            assert_eq!(ns_pid(status), expected, "{}", status.escape_ascii());
        }
    }
}
