//! What two looks found: plain data.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::collect::scanned::Scanned;
use crate::model::gap::Gap;
use crate::model::holder::Holder;
use crate::model::process::Process;
use crate::model::protocol::Protocol;
use crate::model::socket::Inode;
use crate::model::state::State;

/// How long to wait between the two looks: a socket on its way from `socket` to `connect` takes less.
pub const PAUSE: Duration = Duration::from_millis(500);

/// From how many sockets on a process is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// Open ones, whatever they do: a count.
    pub open: u64,
    /// Those in no table, of all protocols together: a count.
    pub leaked: u64,
}

impl Thresholds {
    /// From so many sockets of a process on.
    pub fn new(open: u64, leaked: u64) -> Thresholds {
        Thresholds { open, leaked }
    }
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { open: 2000, leaked: 500 }
    }
}

/// What two looks found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Leaks {
    /// When the first look began.
    pub taken_at: SystemTime,
    /// How long after the first look the second began; `None` where there was none ([`FirstLook::alone`](crate::leaks::look::FirstLook::alone)): then
    /// nothing is known of what is in no table.
    pub again_after: Option<Duration>,
    /// What was looked at.
    pub scanned: Scanned,
    /// Processes with very many sockets open, those with most first.
    pub open: Vec<OpenSockets>,
    /// Processes with very many sockets in no table, by process and table; those with most first.
    pub leaked: Vec<Leaked>,
    /// All sockets in no table that both looks found, each once, whoever holds them: a count.
    pub sockets: u64,
    /// The same of processes with too few to be reported.
    pub below: Below,
    /// What is in no table that was read, and no leak for that.
    pub apart: Apart,
    /// Each process that is reported, once, by pid.
    pub processes: Vec<Process>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A process with very many sockets open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSockets {
    /// The process.
    pub pid: u32,
    /// How many sockets it has, each once however many descriptors refer to it.
    pub sockets: u64,
    /// How many of them the tables list, by protocol and state, most first. What is left is in no table that
    /// was read.
    pub listed: Vec<(Protocol, State, u64)>,
}

/// A process's sockets that are in no table, and belong in one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leaked {
    /// The process.
    pub pid: u32,
    /// Where they belong, by the name that the kernel has for their protocol
    /// ([`Table::short_name`](crate::model::table::Table::short_name)). Of unix and vsock sockets that name does
    /// not tell the type.
    pub table: &'static str,
    /// How many.
    pub sockets: u64,
    /// How many of them another process has as well: they leak once, whoever lets them.
    pub shared: u64,
    /// The one with the lowest inode number, and its descriptor. Numbers go up, in batches for each processor
    /// (`get_next_ino`), and begin anew after 2^32: it is the oldest, or nearly. When it was made, the kernel
    /// does not tell.
    pub oldest: (Inode, Holder),
}

/// What was left out, being too little.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Below {
    /// How many sockets that only processes have which are not reported, each once.
    pub sockets: u64,
    /// How many processes have them.
    pub processes: u64,
}

/// Sockets of which no table tells, and which are no leaks for that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Apart {
    /// Of families and protocols that have no table here, by the name of their protocol (`sk_prot->name`), as
    /// bytes: a count.
    pub families: BTreeMap<Vec<u8>, u64>,
    /// Held by processes in network namespaces that could not be asked: a count.
    pub namespaces: u64,
    /// Whose protocol nothing tells: a count.
    pub unnamed: u64,
}
