//! What links in /proc/PID/fd and /proc/PID/ns point to: `socket:[N]`, `pipe:[N]`, `net:[N]`.

use crate::model::netns::NetnsId;
use crate::model::socket::Inode;
use crate::procfs::number::parse_number;

/// The inode in `socket:[N]`.
pub fn socket_inode(target: &[u8]) -> Option<Inode> {
    let number = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    parse_number(number).and_then(Inode::new)
}

/// The inode in `pipe:[N]`: of a pipe without a name.
pub fn pipe_inode(target: &[u8]) -> Option<u64> {
    let number = target.strip_prefix(b"pipe:[")?.strip_suffix(b"]")?;
    parse_number(number).map(u64::from)
}

/// The namespace that a link points to: `net:[N]`.
pub fn netns_id(target: &[u8]) -> Option<NetnsId> {
    let number = target.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok().map(NetnsId)
}
