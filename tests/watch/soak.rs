//! Watching for long takes no more memory than watching for a moment.

use skcheck_core::Live;
use skcheck_core::watch::{Probe, Sample, judge};

use crate::look::{engine, here};
use crate::pairs::Pair;
use crate::support::netns::in_own_netns;

/// Sockets, half of them with unread data.
const SOCKETS: usize = 2000;
const SAMPLES: usize = 60;
/// Samples that are compared as one: what is kept of each look grows in every stretch; what other programs
/// of the host hold for a while grows in some.
const STRETCH: usize = 10;
/// A stretch grows by more than that where each look leaves 100 bytes a socket behind; holes in the heap
/// hide what is much smaller.
const SLACK_KIB: u64 = 128;

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
    let stretches = sizes.chunks(STRETCH).map(|sizes| sizes[STRETCH - 1].saturating_sub(sizes[0]));
    let least = stretches.min().expect("there are stretches");
    assert!(least <= SLACK_KIB, "each stretch grows by {least} KiB or more: {sizes:?} KiB");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
