//! Readers whose control group is frozen, or out of CPU quota.

use nix::libc::SYS_clock_nanosleep;
use nix::sys::signal::Signal;
use skcheck_core::watch::cause::{Cause, CauseCode, Fact};
use skcheck_core::watch::progress::Reading;

use crate::control_group::{ControlGroup, Hierarchy, says};
use crate::kernel;
use crate::look::{LONG, SHORT, stands_on, watch};
use crate::pairs::{Pair, fill_tcp};
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::sockets::inode;

/// A role in the group of a hierarchy is frozen by `freeze`.
fn frozen(hierarchy: Hierarchy, freeze: impl FnOnce(&ControlGroup)) {
    let pair = Pair::tcp(1 << 20, 1 << 20);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let role = Role::start("read 1", vec![pair.reader]);
    // Dropped before the role, which does not end while it is frozen.
    let Some(group) = ControlGroup::new(hierarchy, "frozen") else {
        return println!("this host has no {hierarchy:?}");
    };
    kernel::sleeps_in(role.pid(), &[SYS_clock_nanosleep]);
    group.take(role.pid());
    freeze(&group);
    let seen = watch(SHORT);
    let cause = seen.stalled_by(reader, CauseCode::Frozen);
    let path = group.path.as_bytes();
    stands_on(cause, role.pid(), |fact| matches!(fact, Fact::FrozenCgroup(cgroup) if cgroup.ends_with(path)));
}

#[test]
fn frozen_by_version_1() {
    if in_own_netns("groups::frozen_by_version_1") {
        frozen(Hierarchy::Of("freezer"), |group| {
            group.set("freezer.state", "FROZEN");
            says(group, "freezer.state", "FROZEN");
        });
    }
}

#[test]
fn frozen_by_version_2() {
    if in_own_netns("groups::frozen_by_version_2") {
        frozen(Hierarchy::Unified, |group| {
            group.set("cgroup.freeze", "1");
            says(group, "cgroup.events", "frozen 1");
        });
    }
}

/// A role that would run all the time gets 1 ms of 100.
fn throttled(group: &ControlGroup) {
    let pair = Pair::tcp(1 << 20, 1 << 20);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let role = Role::start("spin", vec![pair.reader]);
    group.take(role.pid());
    runs_out(group);
    assert_eq!(kernel::state(role.pid()), b'R'); // it wants to run
    let seen = watch(LONG);
    let cause = seen.stalled_by(reader, CauseCode::Throttled);
    is_quota(group, cause, role.pid());
    slow_and_throttled(group, &role);
}

fn runs_out(group: &ControlGroup) {
    eventually("it runs out of its quota", || {
        let stat = group.get("cpu.stat");
        let line = stat.lines().find_map(|line| line.strip_prefix("nr_throttled "))?;
        (line.parse::<u64>().ok()? > 1).then_some(())
    });
}

fn is_quota(group: &ControlGroup, cause: &Cause, pid: u32) {
    let path = group.path.as_bytes();
    stands_on(cause, pid, |fact| {
        let Fact::Throttled { throttled, periods, cgroup } = fact else { return false };
        // In nearly all of the twenty periods of the window.
        cgroup.ends_with(path) && (10..=periods.to_owned()).contains(throttled) && *periods <= 40
    });
}

/// One that reads has no more time than one that does not; one that sleeps in the same group, where `busy`
/// uses up what there is, reads as slowly as it means to.
fn slow_and_throttled(group: &ControlGroup, busy: &Role) {
    let mut seen = Vec::new();
    for (role, code) in [("toil 100", Some(CauseCode::Throttled)), ("sip 500", None)] {
        let pair = Pair::tcp(64 << 10, 64 << 10);
        let reader = inode(&pair.reader);
        let full = fill_tcp(pair.writer);
        let role = Role::start(role, vec![pair.reader]);
        let _writer = Role::start("pour", vec![full]);
        group.take(role.pid());
        busy.signal(if code.is_some() { Signal::SIGSTOP } else { Signal::SIGCONT });
        runs_out(group);
        let judged = watch(LONG).socket(reader).clone();
        assert!(matches!(judged.reading, Reading::Slow | Reading::Draining), "{judged:#?}");
        assert!(judged.sender_is_full, "{judged:#?}");
        assert_eq!(judged.cause.as_ref().map(|cause| cause.code), code, "{judged:#?}");
        if let Some(cause) = &judged.cause {
            is_quota(group, cause, role.pid());
        }
        seen.push(judged.consumed);
    }
    assert!(seen.iter().all(|consumed| *consumed > Some(0)), "{seen:?}");
}

/// One that works all the time on what it reads; one that sleeps in between.
#[test]
fn busy() {
    if !in_own_netns("groups::busy") {
        return;
    }
    for (role, code) in [("toil 2000", Some(CauseCode::Busy)), ("read 50000", None)] {
        let pair = Pair::tcp(64 << 10, 64 << 10);
        let reader = inode(&pair.reader);
        let full = fill_tcp(pair.writer);
        let role = Role::start(role, vec![pair.reader]);
        let _writer = Role::start("pour", vec![full]);
        let judged = watch(LONG).socket(reader).clone();
        assert!(matches!(judged.reading, Reading::Slow | Reading::Draining), "{judged:#?}");
        assert_eq!(judged.cause.as_ref().map(|cause| cause.code), code, "{judged:#?}");
        if let Some(cause) = &judged.cause {
            let is_it = |fact: &Fact| matches!(fact, Fact::Spins { tid, .. } if *tid == role.pid());
            stands_on(cause, role.pid(), is_it);
        }
    }
}

/// The major page faults of a process so far.
fn major_faults(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let behind_name = stat.rsplit_once(')').expect("a name").1;
    behind_name.split_whitespace().nth(9).expect("12 fields").parse().expect("a number")
}

/// One whose memory is read from a file again and again; one that sleeps as often by itself.
#[test]
fn paging() {
    if !in_own_netns("groups::paging") {
        return;
    }
    for (role, code) in [("page 500", Some(CauseCode::Paging)), ("sip 5", None)] {
        let pair = Pair::tcp(64 << 10, 64 << 10);
        let reader = inode(&pair.reader);
        let full = fill_tcp(pair.writer);
        let role = Role::start(role, vec![pair.reader]);
        let _writer = Role::start("pour", vec![full]);
        let before = major_faults(role.pid());
        let judged = watch(LONG).socket(reader).clone();
        let faults = major_faults(role.pid()) - before;
        assert!(matches!(judged.reading, Reading::Slow | Reading::Draining), "{judged:#?}");
        assert_eq!(judged.cause.as_ref().map(|cause| cause.code), code, "{faults}: {judged:#?}");
        if let Some(cause) = &judged.cause {
            let within = |told: u64| told > faults / 2 && told <= faults;
            let is_it = |fact: &Fact| matches!(fact, Fact::MajorFaults { faults, .. } if within(*faults));
            stands_on(cause, role.pid(), is_it);
        }
    }
}

#[test]
fn throttled_by_version_1() {
    if !in_own_netns("groups::throttled_by_version_1") {
        return;
    }
    let Some(group) = ControlGroup::new(Hierarchy::Of("cpu"), "throttled") else {
        return println!("this host has the cpu controller in version 2, or nowhere");
    };
    group.set("cpu.cfs_period_us", "100000");
    group.set("cpu.cfs_quota_us", "1000");
    throttled(&group);
}

#[test]
fn throttled_by_version_2() {
    if !in_own_netns("groups::throttled_by_version_2") {
        return;
    }
    let group = ControlGroup::new(Hierarchy::Unified, "throttled").filter(|group| group.has("cpu.max"));
    let Some(group) = group else {
        return println!("this host has the cpu controller in version 1, or nowhere");
    };
    group.set("cpu.max", "1000 100000");
    throttled(&group);
}
