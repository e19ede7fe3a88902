//! What looks like all this, and holds up nobody.

use crate::asked::{Asked, What};
use crate::contract::{Contract, can_be_made};
use crate::world::{root, user};

/// They wait for a file system, and have locked nothing that anybody asks for.
#[test]
fn who_waits_himself_is_not_named() {
    if can_be_made() {
        let world = user("read recv-unix");
        Contract::of(&world).holds_in(world);
    }
}

/// A socket's lock, a start and an answer that take 0.3 s each time come in time.
#[test]
fn who_is_slow_is_not_named() {
    if can_be_made() {
        let world = user("recv-slowly exec-slowly");
        // A watch waits no longer than its interval, and these are slow several times in one.
        let runs: fn(&Asked) -> bool = |asked| asked.what != What::Watch;
        Contract { runs, ..Contract::of(&world) }.holds_in(world);
    }
}

/// A file system that answers after 0.3 s is not dead.
#[test]
fn a_slow_file_system_is_not_named() {
    if can_be_made() {
        let world = root("slow-boot");
        Contract { arguments: "--host-root /mnt", ..Contract::of(&world) }.holds_in(world);
    }
}
