//! The memory of one cgroup, version 1 or 2: its ledger, its limits, and how much it suffers.

pub(crate) mod place;
pub(crate) mod read;
pub(crate) mod room;

use crate::host::Host;
use crate::memory::ledger::Ledger;
use crate::model::error::Error;
use crate::model::gap::Gap;
use crate::model::units::Bytes;

pub use crate::memory::cgroup::room::{Room, own_room};

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

/// Pressure stall information: the share of the last 10, 60 and 300 seconds in which tasks waited for
/// memory, in hundredths of a percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    /// At least one task waited.
    pub some: [u32; 3],
    /// All tasks waited at the same time.
    pub full: [u32; 3],
}

impl CgroupMemory {
    /// All that it is charged: its usage, and what version 1 counts apart from that, its sockets.
    pub fn charged(&self) -> Bytes {
        let apart = self.sock.filter(|_| self.version == 1).unwrap_or(Bytes(0));
        Bytes(self.ledger.total.0.saturating_add(apart.0))
    }
}

/// Reads the memory of a cgroup. `path` is what /proc/PID/cgroup says (`/kubepods.slice/...`), or where
/// its files are (`/sys/fs/cgroup/...`).
///
/// # Errors
/// When there is no such cgroup, or when it counts no memory.
pub fn cgroup(host: &dyn Host, path: &[u8]) -> Result<CgroupMemory, Error> {
    read::cgroup(host, path)
}

impl Pressure {
    /// Parses a pressure file (`psi_show`).
    pub fn parse(file: &[u8]) -> Option<Pressure> {
        let text = std::str::from_utf8(file).ok()?;
        let shares = |who: &str| {
            let mut words = text.lines().find(|line| line.split(' ').next() == Some(who))?.split(' ').skip(1);
            let mut share = |name: &str| hundredths(words.next()?.strip_prefix(name)?);
            Some([share("avg10=")?, share("avg60=")?, share("avg300=")?])
        };
        Some(Pressure { some: shares("some")?, full: shares("full")? })
    }
}

/// `12.34` as 1234.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.')?;
    let (whole, rest): (u32, u32) = (whole.parse().ok()?, (rest.len() == 2).then(|| rest.parse().ok())??);
    whole.checked_mul(100)?.checked_add(rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
