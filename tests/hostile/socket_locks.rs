//! A process keeps its socket locked.

use crate::command::{limited, run};
use crate::contract::{Contract, can_be_made};
use crate::skip::{Skip, skip};
use crate::world::{root, user};

#[test]
fn by_receiving_into_memory_that_does_not_come() {
    if can_be_made() {
        let world = user("recv");
        Contract::of(&world).holds_in(world);
    }
}

#[test]
fn by_sending_memory_that_does_not_come() {
    if can_be_made() {
        let world = user("send");
        Contract::of(&world).holds_in(world);
    }
}

#[test]
fn of_mptcp() {
    let protocols = std::fs::read_to_string("/proc/net/protocols").expect("/proc is mounted");
    let has_mptcp = protocols.lines().any(|line| line.starts_with("MPTCP "));
    if !has_mptcp {
        return skip(Skip::NeedsModule("CONFIG_MPTCP"));
    }
    if can_be_made() {
        let world = user("mptcp");
        Contract::of(&world).holds_in(world);
    }
}

/// Only root may where vm.unprivileged_userfaultfd is 0.
#[test]
fn by_receiving_into_memory_that_a_program_fills() {
    if can_be_made() {
        let mut world = user("userfault");
        if world.unable {
            drop(world);
            world = root("userfault");
        }
        Contract::of(&world).holds_in(world);
    }
}

/// Whoever asks for locks waits for those who keep one, and is told who that is and how to do without.
#[test]
fn that_are_asked_for() {
    if !can_be_made() {
        return;
    }
    let mut world = user("recv");
    let (beside, stuck) = (world.beside[0], world.held[0]);
    let innocent = format!("{} ({})", world.comm(beside.pid), beside.pid);
    let culprit = format!("{} ({})", world.comm(stuck.pid), stuck.pid);
    let packets = |lock: &str| {
        let arguments = format!("packets {} {} --timeout 2s{lock}", stuck.pid, stuck.fd);
        run(&world, &mut limited("", 0, &arguments), None)
    };
    let (locked, unlocked) = (packets(" --lock"), packets(""));
    world.release();
    assert_eq!(locked.ended.and_then(|status| status.code()), Some(2), "{locked:?}");
    let told = format!("and {culprit} may keep one locked: run without --lock");
    assert!(locked.err.contains(&told) && !locked.err.contains(&innocent), "{told} in {locked:?}");
    assert_eq!(unlocked.ended.and_then(|status| status.code()), Some(0), "{unlocked:?}");
    assert!(unlocked.out.contains("6.8 KiB unread") && !unlocked.err.contains("--lock"), "{unlocked:?}");
}
