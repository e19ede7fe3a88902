//! /proc/stat.

use procfs::{ExplicitSystemInfo, FromReadSI, KernelStats};

/// How many CPUs are online; `None` where it is none.
pub fn cpus(file: &[u8]) -> Option<u64> {
    // None of it is used here: it converts times.
    let system = ExplicitSystemInfo {
        boot_time_secs: 0,
        ticks_per_second: 100,
        page_size: 4096,
        is_little_endian: true,
    };
    KernelStats::from_read(file, &system).ok().map(|stat| stat.cpu_time.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn online_cpus() {
        let file =
            b"cpu  2 0 2 2\ncpu0 1 0 1 1 0 0 0 0 0 0\ncpu3 1 0 1 1\nintr 7 0 1\nctxt 9\nbtime 1700000000\n\
                     processes 42\nprocs_running 1\nprocs_blocked 0\nsoftirq 1 2 3\n";
        assert_eq!(cpus(file), Some(2));
        for bad in [&b""[..], b"cpu", b"cpu0 1 0 1 x\n", b"\xff"] {
            assert_eq!(cpus(bad), None);
        }
    }
}
