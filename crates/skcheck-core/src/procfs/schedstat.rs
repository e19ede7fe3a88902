//! /proc/PID/task/TID/schedstat (`proc_pid_schedstat`).

use std::time::Duration;

use procfs::FromRead;

/// A thread's turns on a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedstat {
    /// How long the thread ran.
    pub ran: Duration,
    /// How long it waited for a processor.
    pub waited: Duration,
    /// How often it was put on one: a count.
    pub runs: u64,
}

impl Schedstat {
    /// Parses it; `None` where the kernel does not count: it then says 0, and who is there has run.
    pub fn parse(file: &[u8]) -> Option<Schedstat> {
        let stat = procfs::process::Schedstat::from_read(file).ok()?;
        (stat.pcount > 0).then_some(Schedstat {
            ran: Duration::from_nanos(stat.sum_exec_runtime),
            waited: Duration::from_nanos(stat.run_delay),
            runs: stat.pcount,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_on_a_processor() {
        let nanoseconds = Duration::from_nanos;
        let expected =
            Schedstat { ran: nanoseconds(181_448_196), waited: nanoseconds(10_724_271), runs: 385 };
        assert_eq!(Schedstat::parse(b"181448196 10724271 385\n"), Some(expected));
        for bad in [&b"0 0 0\n"[..], b"", b"1 2", b"1 2 x", b"1 x 2", b"\xff 1 2"] {
            assert_eq!(Schedstat::parse(bad), None);
        }
    }
}
