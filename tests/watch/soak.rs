//! Watching for long takes no more memory than watching for a moment.

use skcheck_core::Live;
use skcheck_core::watch::{Probe, Sample, judge};

use crate::look::{engine, here};
use crate::pairs::Pair;
use crate::support::netns::in_own_netns;

/// Sockets, half of them with unread data.
const SOCKETS: usize = 2000;
const SAMPLES: usize = 60;
/// What the allocator may keep at one time and not at another.
const SLACK_KIB: u64 = 4 << 10;

#[test]
fn memory_is_flat() {
    if !in_own_netns("soak::memory_is_flat") {
        return;
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("up to the maximum");
    let pairs: Vec<Pair> = (0..SOCKETS / 2).map(|_| Pair::tcp(1 << 16, 1 << 16)).collect();
    pairs.iter().for_each(|pair| pair.write(100));

    let host = Live::new();
    let mut probe = Probe::new(&host, here());
    let mut before: Option<Sample> = None;
    let mut sizes = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let now = probe.sample(engine(), before.as_ref()).expect("the host can be sampled");
        if let Some(before) = &before {
            let judgement = judge(before, &now);
            assert!(judgement.sockets.len() >= SOCKETS / 2, "{} judged", judgement.sockets.len());
        }
        before = Some(now);
        sizes.push(resident_kib());
    }
    // The first few fill what is then used again.
    let (early, late) = (sizes[SAMPLES / 6], sizes[SAMPLES - 1]);
    assert!(late <= early + SLACK_KIB, "it grows: {sizes:?} KiB");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
