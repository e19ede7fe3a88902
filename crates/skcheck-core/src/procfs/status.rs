//! /proc/PID/status.

use procfs::FromRead;
use procfs::process::Status;

use crate::procfs::number::parse_number;

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
pub fn number_in_status(status: &[u8], name: &[u8]) -> Option<u32> {
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(name))?;
    parse_number(line.trim_ascii())
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
