//! /proc/net/protocols.

use crate::procfs::sockstat::{InUse, none_or_perhaps};

/// Whether a namespace has sockets of the protocol that its /proc/net/protocols calls `name` (`MPTCP`, ...;
/// `sock_prot_inuse_get`). Perhaps, where that has no line of it.
pub fn protocol_in_use(protocols: &[u8], name: &str) -> InUse {
    let text = String::from_utf8_lossy(protocols);
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let column = header.split_whitespace().position(|word| word == "sockets");
    let line = lines.find(|line| line.split_whitespace().next() == Some(name));
    let count = line.zip(column).and_then(|(line, at)| line.split_whitespace().nth(at)?.parse().ok());
    none_or_perhaps(count)
}
