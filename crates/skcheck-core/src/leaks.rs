//! Sockets that processes open and never release: very many open ones, and those that are in no table of the
//! kernel.
//!
//! A socket that is in no table does nothing any more, or nothing yet: a TCP connection that both sides have
//! closed or that was reset, one that never connected, a UDP socket that is bound to no port, a netlink
//! socket that is bound to no portid. It keeps its descriptor and its memory, and no list of sockets shows
//! it. Whether it was ever used, cannot be told from outside.
//!
//! ```no_run
//! use skcheck_core::{Live, leaks};
//!
//! let host = Live::new();
//! let first = leaks::look(&host, leaks::Thresholds::default())?;
//! std::thread::sleep(leaks::PAUSE);
//! for leaked in first.again().leaked {
//!     println!("{} holds {} of {}", leaked.pid, leaked.sockets, leaked.protocol);
//! }
//! # Ok::<(), skcheck_core::Error>(())
//! ```

pub(crate) mod look;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use crate::collect::scanned::Scanned;
use crate::collect::unlisted::listed_protocol;
use crate::model::gap::Gap;
use crate::model::holder::Holder;
use crate::model::process::Process;
use crate::model::protocol::Protocol;
use crate::model::socket::Inode;
use crate::model::state::State;

pub use crate::leaks::look::{Look, look};

/// How long to wait between the two looks: a socket on its way from `socket` to `connect` takes less.
pub const PAUSE: Duration = Duration::from_millis(500);

/// From how many sockets on a process is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Open ones, whatever they do: a count.
    pub open: u64,
    /// Those in no table, of all protocols together: a count.
    pub leaked: u64,
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
    /// How long after the first look the second began; `None` where there was none ([`Look::alone`]): then
    /// nothing is known of what is in no table.
    pub again_after: Option<Duration>,
    /// What was looked at.
    pub scanned: Scanned,
    /// Processes with very many sockets open, those with most first.
    pub open: Vec<Open>,
    /// Processes with very many sockets in no table, by process and protocol; those with most first.
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
pub struct Open {
    /// The process.
    pub pid: u32,
    /// How many sockets it has, each once however many descriptors refer to it.
    pub sockets: u64,
    /// How many of them the tables list, by protocol and state, most first. What is left is in no table that
    /// was read.
    pub listed: Vec<(Protocol, State, u64)>,
}

/// A process's sockets of one protocol that are in no table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leaked {
    /// The process.
    pub pid: u32,
    /// `tcp`, `udp`, `udplite`, `unix`, `raw`, `ping`, `packet`, `netlink` or `mptcp`.
    pub protocol: &'static str,
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

/// A socket that a process holds in both looks and that no table knew in either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suspect {
    inode: Inode,
    holders: Vec<Holder>,
    /// The name of its protocol (`system.sockprotoname`).
    protocol: Option<Vec<u8>>,
    /// The network namespace of its process was asked, or all were.
    asked: bool,
}

/// What suspects are.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sorted {
    leaked: Vec<Leaked>,
    sockets: u64,
    below: Below,
    apart: Apart,
}

/// Sorts suspects: by process and protocol, by families without a table (those of `unread` among them), and
/// by what cannot be told.
fn sort_out(suspects: &[Suspect], unread: &BTreeSet<&'static str>, least: u64) -> Sorted {
    let mut sorted = Sorted::default();
    let mut by_process: BTreeMap<u32, BTreeMap<&'static str, Vec<&Suspect>>> = BTreeMap::new();
    for suspect in suspects {
        let Some(name) = suspect.protocol.as_deref() else {
            sorted.apart.unnamed += 1;
            continue;
        };
        match listed_protocol(name).filter(|protocol| !unread.contains(protocol)) {
            None => *sorted.apart.families.entry(name.to_vec()).or_default() += 1,
            Some(_) if !suspect.asked => sorted.apart.namespaces += 1,
            Some(protocol) => {
                sorted.sockets += 1;
                for pid in pids(suspect) {
                    by_process.entry(pid).or_default().entry(protocol).or_default().push(suspect);
                }
            }
        }
    }
    let sum = |protocols: &BTreeMap<&str, Vec<&Suspect>>| {
        protocols.values().map(|all| all.len() as u64).sum::<u64>()
    };
    let (reported, few): (Vec<_>, Vec<_>) =
        by_process.into_iter().partition(|(_, protocols)| sum(protocols) >= least);
    let shown: BTreeSet<u32> = reported.iter().map(|(pid, _)| *pid).collect();
    let unshown = few.iter().flat_map(|(_, protocols)| protocols.values().flatten());
    let unshown = unshown.filter(|suspect| pids(suspect).is_disjoint(&shown)).map(|suspect| suspect.inode);
    sorted.below =
        Below { sockets: unshown.collect::<BTreeSet<Inode>>().len() as u64, processes: few.len() as u64 };
    let rows = reported.iter().flat_map(|(pid, protocols)| {
        protocols.iter().filter_map(|(protocol, suspects)| row(*pid, protocol, suspects))
    });
    sorted.leaked = rows.collect();
    sorted.leaked.sort_by_key(|leaked| (std::cmp::Reverse(leaked.sockets), leaked.pid, leaked.protocol));
    sorted
}

fn row(pid: u32, protocol: &'static str, suspects: &[&Suspect]) -> Option<Leaked> {
    let oldest = suspects.iter().min_by_key(|suspect| suspect.inode)?;
    let holder = oldest.holders.iter().copied().find(|holder| holder.pid == pid)?;
    let shared = suspects.iter().filter(|suspect| pids(suspect).len() > 1).count() as u64;
    let sockets = suspects.len() as u64;
    Some(Leaked { pid, protocol, sockets, shared, oldest: (oldest.inode, holder) })
}

fn pids(suspect: &Suspect) -> BTreeSet<u32> {
    suspect.holders.iter().map(|holder| holder.pid).collect()
}
