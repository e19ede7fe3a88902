//! What could not be seen: data, not an error, so that everything else is still reported.

use std::fmt;

use crate::model::table::Table;

/// Something that a report is missing, where, and what would make it visible.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// What is missing.
    pub what: Missing,
    /// Where: a table, a file, a kernel module or "this host". Safe to print.
    pub place: String,
    /// How many are missing, in the unit that [`Missing`] names; `None` where nobody can tell.
    pub count: Option<u64>,
    /// What the reader can do about it, as an instruction.
    pub remedy: String,
    /// Of one that does not answer: what it would have told is a detail of what was seen (a command line, a
    /// holder, what a lock guards), and no socket is missing.
    pub is_detail: bool,
}

impl Gap {
    /// A gap of `count` things.
    pub fn counted(what: Missing, place: impl Into<String>, count: u64, remedy: impl Into<String>) -> Gap {
        Gap { count: Some(count), ..Gap::uncounted(what, place, remedy) }
    }

    /// A gap whose extent nobody can tell.
    pub fn uncounted(what: Missing, place: impl Into<String>, remedy: impl Into<String>) -> Gap {
        Gap { what, place: place.into(), count: None, remedy: remedy.into(), is_detail: false }
    }

    /// Whether, for all that is known, there may be sockets that were not seen, or not that they hold
    /// something: where there is none of these, everything was looked at.
    pub fn hides_sockets(&self) -> bool {
        // Of these /proc/net tells no queue, or not all of them.
        let mut in_part = Table::ALL.into_iter().filter(|table| table.row().hides_queues).map(Table::name);
        match self.what {
            Missing::Processes
            | Missing::Namespaces
            | Missing::Table
            | Missing::Families
            | Missing::SockDiag
            | Missing::ClosedHeld
            | Missing::ClosedHeldUnknown
            | Missing::PendingConnections
            | Missing::Messages
            | Missing::Unasked
            | Missing::Partial => true,
            Missing::NoAnswer => !self.is_detail,
            Missing::TableDetail => in_part.any(|name| name == self.place),
            _ => false,
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.what == Missing::NoAnswer {
            return write!(f, "{} {}", self.place, self.what.phrase(self.count));
        }
        if let Some(count) = self.count {
            write!(f, "{count} ")?;
        }
        write!(f, "{} ({})", self.what.phrase(self.count), self.place)
    }
}

/// The kinds of things that a report can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Missing {
    /// Processes whose descriptors and namespaces may not be read: sockets that they hold show no
    /// holder, and namespaces that only they are in are not found.
    Processes,
    /// The whole table of one family and protocol.
    Table,
    /// Sockets that descriptors refer to, of families and protocols that are in no table that is read.
    Families,
    /// What /proc/net does not tell of the sockets of a table whose module is missing: limits, the backlog,
    /// cookies, rings; of TCP sockets their memory, of unix sockets their queues and peers.
    TableDetail,
    /// Every number that NETLINK_SOCK_DIAG has and /proc/net has not.
    SockDiag,
    /// A table that was dumped, but may have lost or changed entries on the way.
    Consistency,
    /// Messages of the kernel that could not be decoded.
    Messages,
    /// Attributes of a socket that could not be decoded; the socket itself is reported.
    Attributes,
    /// Network namespaces that could not be entered: none of their sockets is seen.
    Namespaces,
    /// Connections whose other end may be in another network namespace, and was not looked for.
    Peers,
    /// Sockets that are closed and still held, whose sizes no threshold can be compared with.
    ClosedHeld,
    /// Whether there are sockets that are closed and still held at all.
    ClosedHeldUnknown,
    /// Command lines that did not come in time.
    CommandLines,
    /// Names and identities of processes that vanished or may not be read.
    Identities,
    /// Connections to unix listeners that nobody has accepted, and whose senders are not named.
    PendingConnections,
    /// What only an [`Engine`](crate::engine::Engine) shows: the queues packet by packet, and the numbers of
    /// sockets that are in no table.
    Engine,
    /// Sockets whose queues were to be walked, and were not.
    Queues,
    /// Sockets whose holder was not looked for everywhere.
    Holders,
    /// Files registered with io_uring that the kernel does not name.
    RingFiles,
    /// A part of the host's memory that no counter tells here: it counts as unaccounted, or as unknown.
    Memory,
    /// What every page is.
    Census,
    /// Sockets whose lock was not asked for, and what it guards.
    Locks,
    /// A process, a file system or a socket that did not answer in time: what it would have told is missing.
    NoAnswer,
    /// Questions that were not asked: those that did not answer took all the time, there was no process to
    /// ask with, or the conversation with the kernel could not be had.
    Unasked,
    /// All that had not been read when the run was told to end.
    Partial,
    /// Processes that do for this one what may never come back: there are none, and it waits itself.
    Workers,
    /// A fact about the host that the footprint needs; the report names the value it assumed.
    HostFact,
}

impl Missing {
    /// Whether it is about those that do not answer ([`Host::unanswered`](crate::host::Host::unanswered)).
    pub fn is_of_waiting(self) -> bool {
        matches!(self, Missing::NoAnswer | Missing::Unasked | Missing::Partial | Missing::Workers)
    }

    /// The kind's stable name, lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            Missing::Processes => "processes",
            Missing::Table => "table",
            Missing::Families => "families",
            Missing::TableDetail => "table_detail",
            Missing::SockDiag => "sock_diag",
            Missing::Consistency => "consistency",
            Missing::Messages => "messages",
            Missing::Attributes => "attributes",
            Missing::Namespaces => "namespaces",
            Missing::Peers => "peers",
            Missing::ClosedHeld => "closed_held",
            Missing::ClosedHeldUnknown => "closed_held_unknown",
            Missing::CommandLines => "command_lines",
            Missing::Identities => "identities",
            Missing::PendingConnections => "pending_connections",
            Missing::Engine => "engine",
            Missing::Queues => "queues",
            Missing::Holders => "holders",
            Missing::RingFiles => "ring_files",
            Missing::Memory => "memory",
            Missing::Census => "census",
            Missing::Locks => "locks",
            Missing::NoAnswer => "no_answer",
            Missing::Unasked => "unasked",
            Missing::Partial => "partial",
            Missing::Workers => "workers",
            Missing::HostFact => "host_fact",
        }
    }

    fn phrase(self, count: Option<u64>) -> &'static str {
        let one = count == Some(1);
        match self {
            Missing::Processes if one => "process whose descriptors and namespaces may not be read",
            Missing::Processes => "processes whose descriptors and namespaces may not be read",
            Missing::Table => "socket table not seen",
            Missing::Families if one => "socket of a protocol that is in no table",
            Missing::Families => "sockets of protocols that are in no table",
            Missing::TableDetail if one => "socket known from /proc/net alone",
            Missing::TableDetail => "sockets known from /proc/net alone",
            Missing::SockDiag => "socket memory, unix queues and cookies not seen",
            Missing::Consistency => "table that changed while it was read",
            Missing::Messages if one => "kernel message not understood",
            Missing::Messages => "kernel messages not understood",
            Missing::Attributes if one => "attribute not understood",
            Missing::Attributes => "attributes not understood",
            Missing::Namespaces if one => "network namespace not entered",
            Missing::Namespaces => "network namespaces not entered",
            Missing::Peers => "connections whose other end was not looked for",
            Missing::ClosedHeld if one => "closed socket still held, its size unknown",
            Missing::ClosedHeld => "closed sockets still held, their sizes unknown",
            Missing::ClosedHeldUnknown => "sockets closed and still held not looked for",
            Missing::CommandLines if one => "command line not read in time",
            Missing::CommandLines => "command lines not read in time",
            Missing::Identities if one => "process without a name",
            Missing::Identities => "processes without a name",
            Missing::PendingConnections if one => "connection waiting for accept without a known sender",
            Missing::PendingConnections => "connections waiting for accept without a known sender",
            Missing::Engine => "packets and pages not measured",
            Missing::Queues if one => "socket whose packets were not walked",
            Missing::Queues => "sockets whose packets were not walked",
            Missing::Holders if one => "socket whose holder was not looked for to the end",
            Missing::Holders => "sockets whose holders were not looked for to the end",
            Missing::RingFiles if one => "file registered with io_uring not told",
            Missing::RingFiles => "files registered with io_uring not told",
            Missing::Memory => "a part of memory not told",
            Missing::Census => "pages not counted",
            Missing::Locks if one => "socket that was not asked for what its lock guards",
            Missing::Locks => "sockets that were not asked for what their locks guard",
            Missing::NoAnswer if one => "does not answer",
            Missing::NoAnswer => "do not answer",
            Missing::Unasked if one => "question not asked",
            Missing::Unasked => "questions not asked",
            Missing::Partial => "partial: the report was cut short",
            Missing::Workers => "no process to ask with",
            Missing::HostFact => "host fact assumed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_sockets() {
        let check = |what, place: &str, is_detail, expected| {
            let gap = Gap { is_detail, ..Gap::counted(what, place, 1, "") };
            assert_eq!(gap.hides_sockets(), expected, "{gap:?}");
        };
        check(Missing::Processes, "/proc/PID/fd", false, true);
        check(Missing::Families, "1 XDP", false, true);
        check(Missing::NoAnswer, "app (7)", false, true);
        check(Missing::NoAnswer, "app (7)", true, false);
        check(Missing::TableDetail, "unix", false, true);
        check(Missing::TableDetail, "tcp over IPv6", false, true);
        check(Missing::TableDetail, "packet", false, false);
        check(Missing::Identities, "/proc/PID/comm", false, false);
        check(Missing::HostFact, "17", false, false);
    }
}
