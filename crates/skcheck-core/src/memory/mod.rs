//! Where the memory of a host went: a ledger of its owners, what sockets' own books say, and a census
//! of its pages.
//!
//! [`memory`] reads all of it. What the parsers and sums below are given was read elsewhere: they are
//! pure.

pub mod census;
pub mod cgroup;
pub mod ledger;
pub mod network;
pub(crate) mod read;
pub mod reserved;
pub(crate) mod threads;

use std::time::SystemTime;

use crate::host::Host;
use crate::memory::census::{Census, Progress};
use crate::memory::ledger::Ledger;
use crate::memory::network::Network;
use crate::memory::reserved::Reserved;
use crate::model::error::Error;
use crate::model::gap::Gap;

/// The memory of a host.
///
/// Not a photograph: the kernel's counters are read one file after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// When it was read.
    pub taken_at: SystemTime,
    /// Who owns what.
    pub ledger: Ledger,
    /// Memory that the kernel never got to give away, outside of the ledger's total; `None` where
    /// /proc/iomem hides it (root only).
    pub reserved: Option<Reserved>,
    /// What the network stack's own counters say.
    pub network: Network,
    /// What every page is; `None` where it was not asked for or not allowed.
    pub census: Option<Census>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// Reads the memory of a host: its ledger, its network's books, and, when `census` is given, a census of
/// its pages (root only; it is told how far it has come).
///
/// # Errors
/// When /proc/meminfo cannot be read.
pub fn memory(host: &dyn Host, census: Option<&Progress<'_>>) -> Result<Memory, Error> {
    read::memory(host, census)
}
