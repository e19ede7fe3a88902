//! What a worker does, as /proc shows it. These files of one's own child answer at once: it executes no
//! program, and nobody traces it.

/// Whether it runs, or wants to (field 3 of /proc/PID/stat). Where that cannot be told, it is taken to sleep.
pub(super) fn runs(pid: u32) -> bool {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(|&b| b == b')').next().is_some_and(|rest| rest.starts_with(b" R"))
}

/// The kernel function that it waits in.
pub(super) fn wchan(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/wchan")).ok()?;
    Some(name).filter(|name| !name.is_empty() && name != "0")
}
