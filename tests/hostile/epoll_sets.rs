//! Somebody is inside epoll_wait(2): what is in the set cannot be read.

use crate::asked::{Asked, What};
use crate::contract::{Contract, can_be_made};
use crate::world::user;

#[test]
fn a_set_that_tells_into_memory_that_does_not_come() {
    if can_be_made() {
        let world = user("epoll");
        let is_asked: fn(&Asked) -> bool = |asked| matches!(asked.what, What::Stalled | What::Watch);
        Contract { is_asked, ..Contract::of(&world) }.holds_in(world);
    }
}
