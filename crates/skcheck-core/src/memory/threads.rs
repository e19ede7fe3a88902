//! How many chunks threads and CPUs may keep for what they send next.

use std::path::Path;

use crate::collect::host_facts;
use crate::host::{Host, file};
use crate::procfs::number::parse_number;
use crate::procfs::stat::Stat;

/// Each CPU has one `page_frag_cache` for packets that drivers receive in a softirq and one for the others
/// (`napi_alloc_cache`, `netdev_alloc_cache`).
const PER_CPU: u64 = 2;

/// One for each thread of a program, two for each CPU.
pub(super) fn keep(host: &dyn Host) -> u64 {
    let mut pids = Vec::new();
    // Where /proc cannot be listed there is nothing to be read of processes either.
    let _ = host.read_dir(Path::new("/proc"), &mut |name| pids.extend(parse_number(name)));
    let stats = pids.into_iter().filter_map(|pid| file::read(host, &format!("/proc/{pid}/stat")));
    let threads = stats.map(|stat| of_program(&stat)).fold(0, u64::saturating_add);
    threads.saturating_add(PER_CPU.saturating_mul(host_facts::cpus(host)))
}

/// The threads of a process, by its /proc/PID/stat; none of a thread of the kernel.
fn of_program(stat: &[u8]) -> u64 {
    Stat::parse(stat).filter(|stat| !stat.is_of_kernel()).map_or(0, |stat| stat.threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_programs_count() {
        let stat = |name: &str, flags: u32, threads: &str| {
            format!("42 ({name}) S 1 42 42 0 -1 {flags} 9 8 7 6 5 4 3 2 20 0 {threads} 0 1234 99\n")
        };
        for (stat, threads) in [
            (stat("nginx", 0x0040_0100, "7"), 7),
            (stat("a) S 1 (b c", 0x0040_0100, "7"), 7),
            (stat("kthreadd", 0x0020_8040, "1"), 0),
            (stat("nginx", 0x0040_0100, "many"), 0),
            ("42 (nginx) S 1 42".to_owned(), 0),
            (String::new(), 0),
        ] {
            assert_eq!(of_program(stat.as_bytes()), threads, "{stat}");
        }
        assert_eq!(of_program(b"\xff) \xff"), 0);
    }
}
