//! A cgroup's `cpu.stat`, of both versions.

use std::time::Duration;

use crate::procfs::flat::counter;

/// How a cgroup ran out of CPU quota, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Throttling {
    /// `nr_periods`: a count.
    pub periods: u64,
    /// `nr_throttled`: in how many of these it ran out: a count.
    pub throttled: u64,
    /// `throttled_usec` (version 1: `throttled_time`).
    pub time: Duration,
}

impl Throttling {
    /// Parses it: version 2 has `throttled_usec`, version 1 `throttled_time` in nanoseconds. `None` where the
    /// cgroup's CPU time is not shared out.
    pub(crate) fn parse(cpu_stat: &[u8]) -> Option<Throttling> {
        let number = |name| counter(cpu_stat, name);
        let time = number("throttled_usec").map(Duration::from_micros);
        let time = time.or_else(|| number("throttled_time").map(Duration::from_nanos));
        Some(Throttling { periods: number("nr_periods")?, throttled: number("nr_throttled")?, time: time? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas() {
        let expected = Some(Throttling { periods: 7, throttled: 3, time: Duration::from_micros(1500) });
        let v2 = b"usage_usec 9\nnr_periods 7\nnr_throttled 3\nthrottled_usec 1500\nnr_bursts 0\n";
        assert_eq!(Throttling::parse(v2), expected);
        assert_eq!(Throttling::parse(b"nr_periods 7\nnr_throttled 3\nthrottled_time 1500000\n"), expected);
        // Version 2 where CPU time is not shared out.
        assert_eq!(Throttling::parse(b"usage_usec 9\nuser_usec 3\n"), None);
    }
}
