//! A process does not come to the end of execve(2): its directory in /proc does not answer.

use crate::asked::{Asked, Engine, What};
use crate::contract::{Contract, can_be_made};
use crate::world::{World, user};

/// The holders are looked for in /proc.
fn is_asked(asked: &Asked) -> bool {
    asked.engine == Engine::Proc && matches!(asked.what, What::Scan | What::Watch | What::Leaks)
}

/// Older kernels answer what a report needs (`stat`, the links below `fd`) all the same.
fn in_the_way(world: &World) -> fn(&Asked) -> bool {
    let file = format!("/proc/{}/stat", world.stuck[0].pid);
    if world.is_answered(&file) { |_| false } else { is_asked }
}

#[test]
fn a_program() {
    if can_be_made() {
        let world = user("exec");
        Contract { is_asked: in_the_way(&world), ..Contract::of(&world) }.holds_in(world);
    }
}

/// What is in its sockets is told all the same; whose they are, only by who need not ask /proc.
#[test]
fn a_program_that_has_sockets() {
    if can_be_made() {
        let world = user("exec-with-sockets");
        let knows_holders: fn(&Asked) -> bool = |asked| asked.engine == Engine::Bpf;
        Contract { is_asked: in_the_way(&world), knows_holders, ..Contract::of(&world) }.holds_in(world);
    }
}

#[test]
fn thirty_programs() {
    if can_be_made() {
        let world = user("exec*30");
        Contract { is_asked: in_the_way(&world), ..Contract::of(&world) }.holds_in(world);
    }
}
