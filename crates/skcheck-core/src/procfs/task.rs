//! The small files of /proc/PID and /proc/PID/task/TID: comm, cmdline, wchan, stat.

/// The start time in /proc/PID/stat, in clock ticks since boot.
pub fn start_time(stat: &[u8]) -> Option<u64> {
    // Not procfs's parser: it panics on a line that is cut behind the name. The name can have
    // blanks and parentheses in it; behind the last one follows field 3.
    let behind_name = stat.rsplit(|&b| b == b')').next()?;
    let start = behind_name.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(22 - 3)?;
    std::str::from_utf8(start).ok()?.parse().ok()
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
