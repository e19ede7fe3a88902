//! What /proc/PID/fdinfo says of epoll sets.

use super::{hexadecimal, words};
use crate::host::parse_number;
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
