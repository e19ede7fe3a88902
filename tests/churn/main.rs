//! A host on which everything comes and goes, scanned again and again: what stays is right in every scan.

mod makers;
mod scans;
mod stable;
mod world;

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

/// Scans so many times at least, and until enough others have come and gone meanwhile.
fn check(stable: &Stable, makers: &[Maker], way: Way<'_>, times: usize) {
    let made = || makers.iter().map(Maker::made).collect::<Vec<u64>>();
    let before = made();
    let came = |place: usize| makers[place].made() - before[place];
    let enough = || (0..makers.len()).all(|place| came(place) >= makers[place].enough(times));
    let (mut wrong, mut scans) = (Vec::new(), 0);
    while scans < times || !enough() {
        let mistakes = stable.mistakes(&way.scan());
        scans += 1;
        if !mistakes.is_empty() {
            wrong.push(mistakes);
        }
    }
    println!("{way}: {} of {scans} right", scans - wrong.len());
    makers.iter().enumerate().for_each(|(place, maker)| println!("  {} {}", came(place), maker.name()));
    assert!(wrong.is_empty(), "{way}: {} of {scans} are wrong: {wrong:#?}", wrong.len());
}
