//! Where the memory of a host went: a ledger of its owners, what sockets' own books say, and a census
//! of its pages.
//!
//! [`memory`](crate::memory()) reads that of the host, [`cgroup()`] that of one cgroup.

pub(crate) mod census;
pub(crate) mod cgroup;
pub(crate) mod figures;
pub(crate) mod host_memory;
pub(crate) mod ledger;
pub(crate) mod network;
pub(crate) mod reserved;
pub(crate) mod threads;

pub use crate::memory::census::{Census, CensusProgress, PageClass};
pub use crate::memory::cgroup::{CgroupMemory, Headroom, cgroup, own_headroom};
pub use crate::memory::figures::{available, resident};
pub use crate::memory::host_memory::Memory;
pub use crate::memory::ledger::{Included, Ledger, LedgerGroup, Part, PartKind};
pub use crate::memory::network::{Network, ProtocolMemory};
pub use crate::memory::reserved::Reserved;
pub use crate::procfs::mem_limits::MemLimits;
pub use crate::procfs::pressure::Pressure;
