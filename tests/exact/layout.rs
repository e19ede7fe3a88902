//! The rooms of the engine: what each may name, and that no files name each other in a circle.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::arrows;
use crate::support::layers::{Layers, assert_no_circle};

/// Each below those that it may name.
const ROOMS: Layers<'_> = Layers(&[
    "error",
    "kcmp",
    "stdio",
    "wire",
    "objects",
    "btf",
    "loader",
    "maps",
    "task_file",
    "pass",
    "find",
    "walker",
    "walk",
    "records",
    "room",
    "engine",
    "isolated",
]);

fn sources() -> BTreeMap<String, String> {
    arrows::sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), 15)
}

#[test]
fn a_room_names_only_those_above_it() {
    ROOMS.assert_kept(&sources(), |file| file == "lib");
}

#[test]
fn files_name_each_other_in_no_circle() {
    assert_no_circle(&sources());
}

#[test]
fn offences_are_found() {
    let check = |file: &str, source: &str, expected: usize| {
        assert_eq!(ROOMS.offences(file, source).len(), expected, "{file}: {source}");
    };
    check("engine", "use crate::wire::FilterValue;\nuse crate::{find, records};", 0);
    check("wire::walk", "use crate::walk::run;", 1);
    check("isolated", "use crate::{Bpf, NAME};", 2);
}
