//! A host on which everything comes and goes, scanned again and again: what stays is right in every scan.

mod makers;
mod scans;
mod stable;
mod world;

use std::time::Instant;

use skcheck_bpf::Bpf;

use makers::Maker;
use scans::Way;
use stable::Stable;

/// How often each engine scans.
const SCANS: usize = 200;

/// How often the command, which loads its engine anew, is asked for each.
const RUNS: usize = 3;

const TEST: &str = "what_stays_is_right_in_every_scan";

/// As root: others may neither make namespaces nor load BPF.
#[test]
fn what_stays_is_right_in_every_scan() {
    match world::role().as_deref() {
        None if !rustix::process::geteuid().is_root() => println!("skipped: needs root"),
        None => world::run_inside(),
        Some(world::INSIDE) => inside(),
        Some(stable::ROLE) => stable::hold(),
        Some(maker) => makers::make(maker),
    }
}

fn inside() {
    world::end_with_parent();
    world::loopback_up();
    let stable = Stable::start();
    let mistakes = stable.mistakes(&Way::Library(None).scan());
    assert!(mistakes.is_empty(), "before anything comes and goes: {mistakes:?}");

    let makers = makers::start();
    let bpf = Bpf::load(&scans::host()).expect("root may");
    check(&stable, &makers, Way::Library(None), SCANS);
    check(&stable, &makers, Way::Library(Some(&bpf)), SCANS);
    check(&stable, &makers, Way::Command("proc"), RUNS);
    check(&stable, &makers, Way::Command("bpf"), RUNS);
}

/// Scans so many times while others come and go.
fn check(stable: &Stable, makers: &[Maker], way: Way<'_>, times: usize) {
    let made = || makers.iter().map(Maker::made).collect::<Vec<u64>>();
    let (began, before) = (Instant::now(), made());
    let scans = (0..times).map(|_| stable.mistakes(&way.scan()));
    let wrong: Vec<Vec<String>> = scans.filter(|mistakes| !mistakes.is_empty()).collect();
    let took = began.elapsed();
    println!("{way}: {} of {times} right, in {took:.1?}", times - wrong.len());
    for ((maker, before), now) in makers.iter().zip(before).zip(made()) {
        maker.assert_enough(now - before, took);
    }
    assert!(wrong.is_empty(), "{way}: {} of {times} are wrong: {wrong:#?}", wrong.len());
}
