//! What could not be seen: data, not an error, so that everything else is still reported.

use std::fmt;

use crate::model::place::Place;

/// Something that a report is missing, where, and what would make it visible.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// What is missing.
    pub what: Missing,
    /// Where.
    pub place: Place,
    /// How many are missing, in the unit that [`Missing`] names; `None` where nobody can tell.
    pub count: Option<u64>,
    /// What the reader can do about it, as an instruction; and why it is missing, where that is not plain.
    pub remedy: String,
    /// Of one that does not answer: what it would have told is a detail of what was seen (a command line, a
    /// holder, what a lock guards), and no socket is missing.
    pub is_detail: bool,
    /// It is so on an ordinary host, and nothing is amiss: the host's first process alone lets nobody look, not
    /// even root.
    pub is_ordinary: bool,
}

impl Gap {
    /// A gap of `count` things.
    pub fn counted(what: Missing, place: impl Into<Place>, count: u64, remedy: impl Into<String>) -> Gap {
        Gap { count: Some(count), ..Gap::uncounted(what, place, remedy) }
    }

    /// What a report lacks that was told to end before it was whole.
    pub fn cut_short() -> Gap {
        let remedy = "told to end; what had been found until then is shown: run again for the rest";
        Gap::uncounted(Missing::Partial, Place::Host, remedy)
    }

    /// A gap whose extent nobody can tell.
    pub fn uncounted(what: Missing, place: impl Into<Place>, remedy: impl Into<String>) -> Gap {
        Gap {
            what,
            place: place.into(),
            count: None,
            remedy: remedy.into(),
            is_detail: false,
            is_ordinary: false,
        }
    }

    /// Whether, for all that is known, there may be sockets that were not seen, or not that they hold
    /// something: where there is none of these, everything was looked at.
    pub fn hides_sockets(&self) -> bool {
        match self.what {
            Missing::Processes
            | Missing::Namespaces
            | Missing::Table
            | Missing::Families
            | Missing::ClosedHeld
            | Missing::ClosedHeldUnknown
            | Missing::PendingConnections
            | Missing::Messages
            | Missing::Unasked
            | Missing::Partial => true,
            Missing::NoAnswer => !self.is_detail,
            // Of some /proc/net tells no queue, or not all of them.
            Missing::TableDetail => matches!(self.place, Place::Table(table) if table.row().hides_queues),
            Missing::SockDiag => true,
            Missing::Consistency
            | Missing::Attributes
            | Missing::Peers
            | Missing::CommandLines
            | Missing::Identities
            | Missing::Engine
            | Missing::Queues
            | Missing::Holders
            | Missing::RingFiles
            | Missing::Memory
            | Missing::Census
            | Missing::Locks
            | Missing::Workers
            | Missing::HostFact => false,
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
        match &self.place {
            Place::Processes { .. } => write!(f, "{}: {}", self.what.phrase(self.count), self.place),
            // It is nowhere else.
            Place::Host => f.write_str(self.what.phrase(self.count)),
            place => write!(f, "{} ({place})", self.what.phrase(self.count)),
        }
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
    /// A fact about the host that the footprint or the network's books need; where a value was assumed instead,
    /// the remedy names it.
    HostFact,
}

impl Missing {
    /// Whether it is about those that do not answer ([`Host::unanswered`](crate::host::Host::unanswered)).
    pub fn is_of_waiting(self) -> bool {
        matches!(self, Missing::NoAnswer | Missing::Unasked | Missing::Partial | Missing::Workers)
    }

    /// The kind's stable name, lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        self.words().name
    }

    /// The kind with this [`name`](Self::name).
    pub fn of_name(name: &str) -> Option<Missing> {
        Missing::all().find(|missing| missing.name() == name)
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Missing> {
        ALL.into_iter()
    }

    /// What so many of the kind are, as a phrase behind their number.
    pub fn phrase(self, count: Option<u64>) -> &'static str {
        let words = self.words();
        if count == Some(1) { words.one } else { words.many }
    }
}

/// How a kind is called, and what one of it and several of it are.
struct KindWords {
    name: &'static str,
    one: &'static str,
    many: &'static str,
}

/// Gives every kind its words. One that is forgotten is a match that is not exhaustive.
macro_rules! words {
    ($($kind:ident => $name:literal, $one:literal, $many:literal;)*) => {
        const ALL: [Missing; [$(Missing::$kind),*].len()] = [$(Missing::$kind),*];

        impl Missing {
            const fn words(self) -> KindWords {
                match self {
                    $(Missing::$kind => KindWords { name: $name, one: $one, many: $many },)*
                }
            }
        }
    };
}

words! {
    Processes => "processes",
        "process whose descriptors and namespaces may not be read",
        "processes whose descriptors and namespaces may not be read";
    Table => "table", "socket table not seen", "socket table not seen";
    Families => "families",
        "socket of a protocol that is in no table",
        "sockets of protocols that are in no table";
    TableDetail => "table_detail", "socket known from /proc/net alone", "sockets known from /proc/net alone";
    SockDiag => "sock_diag",
        "socket memory, unix queues and cookies not seen",
        "socket memory, unix queues and cookies not seen";
    Consistency => "consistency",
        "table that changed while it was read",
        "table that changed while it was read";
    Messages => "messages", "kernel message not understood", "kernel messages not understood";
    Attributes => "attributes", "attribute not understood", "attributes not understood";
    Namespaces => "namespaces", "network namespace not entered", "network namespaces not entered";
    Peers => "peers",
        "connections whose other end was not looked for",
        "connections whose other end was not looked for";
    ClosedHeld => "closed_held",
        "closed socket still held, its size unknown",
        "closed sockets still held, their sizes unknown";
    ClosedHeldUnknown => "closed_held_unknown",
        "sockets closed and still held not looked for",
        "sockets closed and still held not looked for";
    CommandLines => "command_lines", "command line not read in time", "command lines not read in time";
    Identities => "identities", "process without a name", "processes without a name";
    PendingConnections => "pending_connections",
        "connection waiting for accept without a known sender",
        "connections waiting for accept without a known sender";
    Engine => "engine", "packets and pages not measured", "packets and pages not measured";
    Queues => "queues", "socket whose packets were not walked", "sockets whose packets were not walked";
    Holders => "holders",
        "socket whose holder was not looked for to the end",
        "sockets whose holders were not looked for to the end";
    RingFiles => "ring_files",
        "file registered with io_uring not told",
        "files registered with io_uring not told";
    Memory => "memory", "a part of memory not told", "a part of memory not told";
    Census => "census", "pages not counted", "pages not counted";
    Locks => "locks",
        "socket that was not asked for what its lock guards",
        "sockets that were not asked for what their locks guard";
    NoAnswer => "no_answer", "does not answer", "do not answer";
    Unasked => "unasked", "question not asked", "questions not asked";
    Partial => "partial", "partial: the report was cut short", "partial: the report was cut short";
    Workers => "workers", "no process to ask with", "no process to ask with";
    HostFact => "host_fact", "host fact not told", "host fact not told";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::{IpVersion, Table};

    #[test]
    fn a_kind_has_words_of_its_own() {
        for missing in Missing::all() {
            assert_eq!(Missing::of_name(missing.name()), Some(missing));
            for count in [Some(1), Some(2), None] {
                assert!(!missing.phrase(count).is_empty(), "{missing:?}");
            }
        }
        assert_eq!(Missing::of_name(""), None);
    }

    #[test]
    fn what_hides_sockets() {
        let check = |what, place: Place, is_detail, expected| {
            let gap = Gap { is_detail, ..Gap::counted(what, place, 1, "") };
            assert_eq!(gap.hides_sockets(), expected, "{gap:?}");
        };
        check(Missing::Processes, Place::processes(&[1], |_| None), false, true);
        check(Missing::Families, Place::Protocols([(b"XDP".to_vec(), 1)].into()), false, true);
        check(Missing::NoAnswer, Place::Host, false, true);
        check(Missing::NoAnswer, Place::Host, true, false);
        check(Missing::TableDetail, Table::Unix.into(), false, true);
        check(Missing::TableDetail, Table::Tcp(IpVersion::V6).into(), false, true);
        check(Missing::TableDetail, Table::Packet.into(), false, false);
        check(Missing::Identities, Place::Host, false, false);
        check(Missing::HostFact, Place::Host, false, false);
    }

    #[test]
    fn processes_are_named() {
        let comm = |pid| (pid != 3).then(|| b"ng\x1binx".to_vec());
        let of = |pids: &[u32]| {
            let place = Place::processes(pids, comm);
            Gap::counted(Missing::Processes, place, pids.len() as u64, "").to_string()
        };
        let what = "whose descriptors and namespaces may not be read";
        assert_eq!(of(&[1]), format!("1 process {what}: ng\\x1binx (1)"));
        let many = format!(
            "7 processes {what}: ng\\x1binx (1), ng\\x1binx (2), pid 3, ng\\x1binx (4), ng\\x1binx (5) and 2 more"
        );
        assert_eq!(of(&[1, 2, 3, 4, 5, 6, 7]), many);
    }
}
