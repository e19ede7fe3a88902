//! A process as a report names it, parsed from what somebody else has read of /proc.

use crate::model::container::Container;

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
    /// too, the path that tells most (see [`Cgroup::of_process`](crate::container::identity::Cgroup::of_process)). Begins
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
    pub(crate) fn is_named(&self, name: &[u8]) -> bool {
        let contains = |text: &[u8]| name.is_empty() || text.windows(name.len()).any(|part| part == name);
        let command = self.cmdline.as_ref().and_then(|arguments| arguments.first());
        let base = command.and_then(|command| command.rsplit(|&b| b == b'/').next());
        self.comm.as_deref().is_some_and(contains) || base.is_some_and(contains)
    }
}
