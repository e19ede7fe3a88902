//! Command lines without an end, and one that does not come.

use serde_json::Value;

use crate::asked::{Asked, What};
use crate::contract::{Contract, Wrong, can_be_made};
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
        Contract { is_asked, also: hides_nothing, ..Contract::of(&world) }.holds_in(world);
    }
}

/// A name that is missing hides no socket and no ring, and stands in one gap alone.
fn hides_nothing(asked: &Asked, document: &Value, wrong: &mut Wrong) {
    let gaps = || document["gaps"].as_array().into_iter().flatten();
    let cut_short = gaps().any(|gap| gap["what"] == "partial" || gap["what"] == "unasked");
    if asked.what == What::Mem && !cut_short {
        let rings = &document["sockets"]["rings"];
        wrong.unless(rings.is_u64(), || format!("rings are {rings}: {:?}", document["gaps"]));
    }
    let silent = |gap: &&Value| gap["what"] == "no_answer";
    wrong.unless(gaps().filter(silent).all(|gap| gap["hides_sockets"] == false), || {
        format!("{:?}", document["gaps"])
    });
    let twice = gaps().any(|gap| gap["what"] == "command_lines");
    wrong.unless(!twice, || format!("told twice: {:?}", document["gaps"]));
}
