//! The memory of one cgroup.

use crate::memory::ledger::Ledger;
use crate::model::gap::Gap;
use crate::model::units::Bytes;
use crate::procfs::pressure::Pressure;

/// The memory of a cgroup and of all that are below it.
///
/// The pages that unread data pins do not show here: no cgroup is charged for the chunks that packets
/// are carved from, at most for their truesize (`sock`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CgroupMemory {
    /// Its path below the root of its hierarchy, as bytes: `/kubepods.slice/...`.
    pub path: Vec<u8>,
    /// 1 or 2.
    pub version: u8,
    /// Who owns what it is charged. Its counters lag behind each other by up to 64 pages for each CPU
    /// (`MEMCG_CHARGE_BATCH`), and each CPU charges up to as many ahead: `unaccounted` is off by that.
    pub ledger: Ledger,
    /// `memory.max`, or `memory.limit_in_bytes`; `None`: no limit. Those above it can be lower.
    pub limit: Option<Bytes>,
    /// `memory.high`; `None`: no such limit, as always in version 1.
    pub high: Option<Bytes>,
    /// How often it met its limit (`max` of `memory.events`, `memory.failcnt`): a count.
    pub limit_hits: Option<u64>,
    /// Kills for want of memory (`oom_kill` of `memory.events`; version 1: of `memory.oom_control`, not
    /// counting those below it): a count.
    pub oom_kills: Option<u64>,
    /// How long its tasks waited for memory (`memory.pressure`; version 2 only). `None` where the kernel
    /// does not count it.
    pub pressure: Option<Pressure>,
    /// What the sockets of its processes are charged (`sock` of memory.stat; version 1:
    /// `memory.kmem.tcp.usage_in_bytes`, which is a limit of its own and not in the usage). `None` where
    /// it is not counted, as in version 1 as long as that limit has never been set.
    pub sock: Option<Bytes>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl CgroupMemory {
    /// All that it is charged: its usage, and what version 1 counts apart from that, its sockets.
    pub fn charged(&self) -> Bytes {
        let apart = self.sock.filter(|_| self.version == 1).unwrap_or(Bytes(0));
        Bytes(self.ledger.total.0.saturating_add(apart.0))
    }
}
