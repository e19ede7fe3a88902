//! A process keeps its socket locked.

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
        return skip(Skip::NeedsKernel([5, 6], "CONFIG_MPTCP"));
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
