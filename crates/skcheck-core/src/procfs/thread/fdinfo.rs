//! What /proc/PID/fdinfo says of epoll sets, and of files.

use crate::procfs::number::parse_number;
use crate::procfs::thread::{hexadecimal, words};
use crate::watch::evidence::Interest;

/// What an epoll set waits for (`ep_show_fdinfo`): lines like
/// `tfd:        6 events: 40000019 data:                6  pos:0 ino:124e1f8 sdev:9`. Kernels before 4.13
/// end it behind `data`.
pub fn interests(fdinfo: &[u8]) -> impl Iterator<Item = Interest> {
    fdinfo.split(|&b| b == b'\n').filter_map(|line| {
        let mut words = words(line.strip_prefix(b"tfd:")?);
        let fd = parse_number(words.next()?)?;
        let events = words.next().filter(|word| *word == b"events:").and_then(|_| words.next())?;
        let events = u32::try_from(hexadecimal(events)?).ok()?;
        let inode = words.find_map(|word| word.strip_prefix(b"ino:"));
        Some(Interest { fd, events, inode: inode.and_then(hexadecimal) })
    })
}

/// What is told of any open file (`seq_show` in fs/proc/fd.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFile {
    /// Whether it can be read, and written.
    pub access: (bool, bool),
    /// The mount that it lies on, as the reader of the file has mounts (/proc/PID/mountinfo).
    pub mount: Option<u32>,
    /// Its inode number (since Linux 5.14).
    pub inode: Option<u64>,
    /// The master of a pseudo-terminal: which (`pty_show_fdinfo`, since Linux 4.18).
    pub terminal: Option<u32>,
}

impl OpenFile {
    /// Parses it; `None` where the flags are not told, which every kernel does.
    pub fn parse(fdinfo: &[u8]) -> Option<OpenFile> {
        let line = |name: &[u8]| {
            let mut lines = fdinfo.split(|&b| b == b'\n');
            lines.find_map(|line| line.strip_prefix(name)).map(<[u8]>::trim_ascii)
        };
        let flags = u64::from_str_radix(std::str::from_utf8(line(b"flags:")?).ok()?, 8).ok()?;
        // O_RDONLY, O_WRONLY, O_RDWR; nothing goes through a descriptor of O_PATH.
        let access = match (flags & O_PATH != 0, flags & 3) {
            (true, _) => (false, false),
            (false, mode) => (mode == 0 || mode == 2, mode == 1 || mode == 2),
        };
        Some(OpenFile {
            access,
            mount: line(b"mnt_id:").and_then(parse_number),
            inode: line(b"ino:").and_then(crate::procfs::thread::decimal),
            terminal: line(b"tty-index:").and_then(parse_number),
        })
    }
}

/// `O_PATH`, the same number on every architecture that skcheck runs on.
const O_PATH: u64 = 0o10_000_000;
