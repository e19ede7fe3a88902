//! The rooms of the command: what each may name, and that no files name each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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

/// Every source file of the command but tests, by the path of its module.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut sources, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder of sources") {
            let path: PathBuf = entry.expect("an entry").path();
            match path.file_stem().and_then(|stem| stem.to_str()).expect("a name") {
                "tests" => {}
                _ if path.is_dir() => folders.push(path),
                _ => {
                    let relative = path.strip_prefix(&root).expect("below the root").with_extension("");
                    let module = relative.to_str().expect("a name").replace('/', "::");
                    let source = without_tests(&std::fs::read_to_string(&path).expect("a source"));
                    assert!(!source.contains("super::"), "{module}: the test reads whole paths");
                    sources.insert(module, source);
                }
            }
        }
    }
    assert!(sources.len() > 100, "{}", sources.len());
    sources
}

fn without_tests(source: &str) -> String {
    source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The paths that a source names behind `crate::`, those of a group one by one.
fn named(source: &str) -> Vec<String> {
    let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = |text: &str| text.find(|c: char| !is_of_path(c)).unwrap_or(text.len());
    let path = |text: &str| text[..end(text)].trim_end_matches("::").to_owned();
    let paths = |rest: &str| match rest.split_at(end(rest)) {
        (of, group) if group.starts_with('{') => {
            let items = group[1..].split('}').next().unwrap_or_default().split(',');
            items.map(|item| format!("{of}{}", path(item.trim()))).collect()
        }
        _ => vec![path(rest)],
    };
    // Who may see something is no arrow.
    let source = source.replace("pub(in crate::", "pub(in ");
    source.split("crate::").skip(1).flat_map(paths).collect()
}

fn is_in(path: &str, room: &str) -> bool {
    path.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
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
    let is_allowed = |path: &String| is_in(path, room) || allowed.iter().any(|room| is_in(path, room));
    named.iter().filter(|path| !is_allowed(path)).map(|path| format!("{file} names {path}")).collect()
}

/// Which files each file names: a path leads to the file with the longest part of it.
fn arrows<'a>(files: impl Iterator<Item = (&'a str, Vec<String>)>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let files: BTreeMap<&str, Vec<String>> = files.collect();
    let file_of = |path: &String| files.keys().filter(|file| is_in(path, file)).max_by_key(|it| it.len());
    let to = |from: &str, named: &[String]| {
        named.iter().filter_map(file_of).copied().filter(|to| *to != from).collect()
    };
    files.iter().map(|(from, named)| (*from, to(from, named))).collect()
}

/// The files of a circle; `None` where there is none.
fn circle<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    let mut left = arrows.clone();
    // Whoever names nobody that is left is in no circle.
    while let Some(done) = left.iter().find(|(_, to)| to.iter().all(|to| !left.contains_key(to))) {
        let done = *done.0;
        left.remove(done);
    }
    let mut at = *left.keys().next()?;
    let mut way = Vec::new();
    while !way.contains(&at) {
        way.push(at);
        at = left[at].iter().find(|to| left.contains_key(*to))?;
    }
    Some(way.split_off(way.iter().position(|file| *file == at)?))
}
