//! File systems that have died, in the way of what a report needs.

use crate::asked::{Asked, What};
use crate::contract::{Contract, can_be_made};
use crate::fuse::PLACE;
use crate::world::root;

#[test]
fn below_which_the_kernels_configuration_would_be() {
    if can_be_made() {
        let world = root("boot");
        let is_asked: fn(&Asked) -> bool = |asked| matches!(asked.what, What::Scan | What::Mem);
        Contract {
            arguments: "--host-root /mnt",
            culprits: vec![PLACE.to_owned()],
            is_asked,
            ..Contract::of(&world)
        }
        .holds_in(world);
    }
}

/// All of them together take no longer than one.
#[test]
fn below_which_network_namespaces_are_mounted() {
    if can_be_made() {
        let world = root("namespaces");
        let is_asked: fn(&Asked) -> bool = |asked| matches!(asked.what, What::Scan | What::Watch);
        let culprits = vec![PLACE.to_owned()];
        Contract { culprits, is_asked, ..Contract::of(&world) }.holds_in(world);
    }
}
