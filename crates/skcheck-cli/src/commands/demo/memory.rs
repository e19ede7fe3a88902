//! What /proc tells of memory while something is made.

use std::path::Path;

use skcheck_core::host::Guarded;
use skcheck_core::memory::ledger::LedgerGroup;
use skcheck_core::{Host, memory};

/// Memory that nobody uses, in bytes, with what the CPUs keep in free lists of their own: chunks of 32 KiB
/// come from there first (`rmqueue_pcplist`).
pub(super) fn free_memory(host: &Guarded) -> Option<u64> {
    Some(memory(host, None).ok()?.ledger.group(LedgerGroup::Free).0)
}

/// Memory that can be had without hurting anybody, in bytes.
pub(super) fn available_memory(host: &Guarded) -> Option<u64> {
    kibibytes(&read(host, "/proc/meminfo")?, "MemAvailable")
}

/// The resident memory of a process, in bytes.
pub(super) fn rss(host: &Guarded, pid: u32) -> Option<u64> {
    kibibytes(&read(host, &format!("/proc/{pid}/status"))?, "VmRSS")
}

/// The value in bytes of a line such as `MemFree:  123 kB`.
fn kibibytes(file: &str, field: &str) -> Option<u64> {
    let line = file.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn read(host: &Guarded, path: &str) -> Option<String> {
    let mut file = Vec::new();
    host.read(Path::new(path), &mut file).ok()?;
    Some(String::from_utf8_lossy(&file).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_of_proc() {
        let file = "MemTotal:   1 kB\nMemFree:  2048 kB\nMemFreeX: 1 kB\n";
        assert_eq!(kibibytes(file, "MemFree"), Some(2 << 20));
        assert_eq!(kibibytes(file, "Mem"), None);
        assert_eq!(kibibytes("MemFree: much kB", "MemFree"), None);
    }
}
