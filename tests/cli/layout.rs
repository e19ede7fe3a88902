//! The rooms of the command: what each may name, and that no files name each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::arrows::{self, arrows, circle, is_in, named};

/// Each room with all that it may name.
const ROOMS: [(&str, &[&str]); 12] = [
    ("main", &["args", "config", "commands"]),
    ("commands", &["config", "report", "output", "stall", "text"]),
    ("config", &["args", "report", "text"]),
    ("args", &["text"]),
    ("output::json", &["output::words", "report", "text"]),
    ("output::table", &["output::words", "report", "text"]),
    ("output::words", &["report", "text"]),
    ("output::progress", &["text"]),
    ("output::screen", &["text"]),
    ("report", &[]),
    ("stall", &[]),
    ("text", &[]),
];

#[test]
fn a_room_names_only_those_below_it() {
    let sources = sources();
    let rooms: BTreeSet<&str> = sources.keys().filter_map(|file| room_of(file)).collect();
    assert_eq!(
        rooms,
        ROOMS.map(|(room, _)| room).into(),
        "every room is in the table, and the other way round"
    );
    let offences: Vec<String> =
        sources.iter().flat_map(|(file, source)| offences(file, &named(source))).collect();
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn files_name_each_other_in_no_circle() {
    let sources = sources();
    let named = sources.iter().map(|(file, source)| (file.as_str(), named(source)));
    assert_eq!(circle(&arrows(named)), None);
}

/// What these tests would say of sources that do not keep to it.
#[test]
fn offences_are_found() {
    let check = |file: &str, source: &str, expected: usize| {
        assert_eq!(offences(file, &named(source)).len(), expected, "{file}: {source}");
    };
    check("report::scan", "use crate::output::table;", 1);
    check("report::scan", "use crate::report::sums::{Sums, weight};", 0);
    check("output::table::scan", "    use crate::config::{Page,\n    ScanConfig};", 2);
    check("output::words::names", "fn f() { crate::output::table::grid::draw() }", 1);
    check("output::json::scan", "use crate::output::words::names;\nuse crate::args::By;", 1);
    check("args", "use crate::args::scan::ScanArgs;\nuse crate::text::size;", 0);
    check("args::values", "use crate::{config, text::size};", 1);
    let circle_of = |files: &[(&str, &str)]| {
        circle(&arrows(files.iter().map(|(file, source)| (*file, named(source))))).map(|files| files.len())
    };
    let to_b = ("args", "use crate::args::b::B;");
    assert_eq!(circle_of(&[to_b, ("args::b", "use crate::text::size;")]), None);
    assert_eq!(circle_of(&[to_b, ("args::b", "use crate::args::{C, D};")]), Some(2));
    let through = ("args::b", "use crate::args::c::C;");
    assert_eq!(circle_of(&[to_b, through, ("args::c", "pub(crate) use crate::args::A;")]), Some(3));
}

fn sources() -> BTreeMap<String, String> {
    arrows::sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), 100)
}

/// The room of a file; `None` for one that only says which rooms there are.
fn room_of(file: &str) -> Option<&str> {
    match file.split_once("::") {
        _ if file == "output" => None,
        Some(("output", rest)) => Some(&file[.."output::".len() + rest.find("::").unwrap_or(rest.len())]),
        Some((room, _)) => Some(room),
        None => Some(file),
    }
}

/// What a file names and may not.
fn offences(file: &str, named: &[String]) -> Vec<String> {
    let Some(room) = room_of(file) else { return Vec::new() };
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| allowed);
    arrows::offences(file, named, |path| is_in(path, room) || allowed.iter().any(|room| is_in(path, room)))
}
