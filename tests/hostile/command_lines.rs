//! Command lines without an end, and one that does not come.

use crate::asked::{Asked, What};
use crate::contract::{Contract, can_be_made};
use crate::world::user;

#[test]
fn of_64_gib() {
    if can_be_made() {
        let world = user("endless-command-line");
        Contract::of(&world).holds_in(world);
    }
}

/// It is read of those alone that are shown.
#[test]
fn in_memory_that_does_not_come() {
    if can_be_made() {
        let world = user("silent-command-line");
        let is_asked: fn(&Asked) -> bool =
            |asked| matches!(asked.what, What::Scan | What::Stalled | What::Watch);
        let gaps = &["no_answer", "command_lines"];
        Contract { is_asked, gaps, ..Contract::of(&world) }.holds_in(world);
    }
}
