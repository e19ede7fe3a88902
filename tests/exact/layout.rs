//! The rooms of the engine: what each may name, and that no files name each other in a circle.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::arrows::{self, circle, is_in, named};

/// Each below those that it may name.
const ROOMS: [&str; 14] = [
    "error", "kcmp", "stdio", "wire", "btf", "maps", "pass", "find", "walker", "walk", "records", "room",
    "engine", "isolated",
];

fn sources() -> BTreeMap<String, String> {
    arrows::sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), 15)
}

fn room_of(file: &str) -> Option<usize> {
    ROOMS.iter().position(|room| is_in(file, room))
}

fn offences(file: &str, named: &[String]) -> Vec<String> {
    let Some(own) = room_of(file) else { return Vec::new() };
    arrows::offences(file, named, |path| room_of(path).is_some_and(|room| room <= own))
}

#[test]
fn a_room_names_only_those_above_it() {
    let sources = sources();
    let without_room: Vec<&String> = sources.keys().filter(|file| room_of(file).is_none()).collect();
    assert_eq!(without_room, ["lib"]);
    let is_furnished = |room: &&str| sources.keys().any(|file| is_in(file, room));
    assert_eq!(ROOMS.iter().find(|room| !is_furnished(room)), None);
    let offences: Vec<String> =
        sources.iter().flat_map(|(file, source)| offences(file, &named(source))).collect();
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn files_name_each_other_in_no_circle() {
    let sources = sources();
    let files = sources.iter().filter(|(file, _)| *file != "lib");
    let arrows = arrows::arrows(files.map(|(file, source)| (file.as_str(), named(source))));
    assert_eq!(circle(&arrows), None);
}

#[test]
fn offences_are_found() {
    let check = |file: &str, source: &str, expected: usize| {
        assert_eq!(offences(file, &named(source)).len(), expected, "{file}: {source}");
    };
    check("engine", "use crate::wire::FilterValue;\nuse crate::{find, records};", 0);
    check("wire::walk", "use crate::walk::run;", 1);
    check("isolated", "use crate::{Bpf, NAME};", 2);
}
