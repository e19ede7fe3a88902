//! /proc/net/sockstat and /proc/net/sockstat6.

use crate::model::units::Pages;
use crate::procfs::number::{decimal, words};

/// How many sockets of a kind a namespace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// None at all.
    None,
    /// Some, or nobody can tell.
    Perhaps,
}

/// Whether a namespace has sockets of the protocol that its sockstat calls `name` (`TCP`, `TCP6`,
/// `UDP`, ...; `sock_prot_inuse_get`). TCP sockets that are only bound are not counted.
pub fn in_use(sockstat: &[u8], name: &str) -> InUse {
    none_or_perhaps(sockstat_number(sockstat, name, "inuse"))
}

/// Whether a namespace has any socket at all that a process made (`sock_inuse_get`).
pub fn any_in_use(sockstat: &[u8]) -> InUse {
    none_or_perhaps(sockets_used(sockstat))
}

/// How many sockets of every family processes have made in a namespace (`sock_inuse_get`).
pub fn sockets_used(sockstat: &[u8]) -> Option<u64> {
    sockstat_number(sockstat, "sockets", "used")
}

pub(super) fn none_or_perhaps(count: Option<u64>) -> InUse {
    if count == Some(0) { InUse::None } else { InUse::Perhaps }
}

/// How many TCP connections wait for their end in a namespace without a socket (`tw` of sockstat: states TIME-WAIT
/// and FIN-WAIT-2), which [`sockets_used`] leaves out.
pub fn waiting_for_end(sockstat: &[u8]) -> Option<u64> {
    sockstat_number(sockstat, "TCP", "tw")
}

/// The memory of all TCP sockets of the host, in every namespace (`mem` of /proc/net/sockstat,
/// `tcp_memory_allocated`), in pages. Each CPU may keep up to 1 MiB that it has not reported yet.
pub fn tcp_memory(sockstat: &[u8]) -> Option<Pages> {
    sockstat_number(sockstat, "TCP", "mem").map(Pages)
}

/// One number of /proc/net/sockstat or sockstat6: the one named `name` in the line of `protocol`.
pub fn sockstat_number(sockstat: &[u8], protocol: &str, name: &str) -> Option<u64> {
    sockstat.split(|&b| b == b'\n').find_map(|line| {
        let numbers = line.strip_prefix(protocol.as_bytes())?.strip_prefix(b":")?;
        decimal(words(numbers).skip_while(|word| *word != name.as_bytes()).nth(1)?)
    })
}
