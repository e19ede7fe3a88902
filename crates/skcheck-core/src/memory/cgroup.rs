//! The memory of one cgroup, version 1 or 2: its ledger, its limits, and how much it suffers.

use crate::error::Error;
use crate::host::Host;
use crate::memory::ledger::Ledger;
use crate::units::Bytes;

/// The memory of a cgroup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CgroupMemory {
    /// Its path below the root of its hierarchy, as bytes: `/kubepods.slice/...`.
    pub path: Vec<u8>,
    /// 1 or 2.
    pub version: u8,
    /// Who owns what it is charged.
    pub ledger: Ledger,
    /// `memory.max`, or `memory.limit_in_bytes`; `None`: no limit.
    pub limit: Option<Bytes>,
    /// `memory.high`; `None`: no such limit, as always in version 1.
    pub high: Option<Bytes>,
    /// How often it met its limit (`max` of `memory.events`, `memory.failcnt`): a count.
    pub limit_hits: Option<u64>,
    /// Kills for want of memory (`oom_kill` of `memory.events`, `memory.oom_control`): a count.
    pub oom_kills: Option<u64>,
    /// How long its tasks waited for memory (`memory.pressure`; version 2 only).
    pub pressure: Option<Pressure>,
    /// What the sockets of its processes are charged (`sock` of memory.stat; version 1:
    /// `memory.kmem.tcp.usage_in_bytes`, which is a limit of its own and not in the usage).
    pub sock: Option<Bytes>,
}

/// Reads the memory of the cgroup with this path below the root of its hierarchy.
///
/// # Errors
/// When there is no such cgroup, or its counters cannot be read.
pub fn cgroup(host: &dyn Host, path: &[u8]) -> Result<CgroupMemory, Error> {
    let _ = (host, path);
    Err(Error::no_meminfo())
}

/// Pressure stall information: the share of the last 10, 60 and 300 seconds in which tasks waited for
/// memory, in hundredths of a percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    /// At least one task waited.
    pub some: [u32; 3],
    /// All tasks waited at the same time.
    pub full: [u32; 3],
}
