//! Which files of a crate name which, read from their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every source file of a crate but tests, by the path of its module: more than so many.
pub(crate) fn sources(root: &Path, least: usize) -> BTreeMap<String, String> {
    let (mut sources, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder of sources") {
            let path: PathBuf = entry.expect("an entry").path();
            match path.file_stem().and_then(|stem| stem.to_str()).expect("a name") {
                "tests" => {}
                _ if path.is_dir() => folders.push(path),
                _ if path.extension().is_none_or(|extension| extension != "rs") => {}
                _ => {
                    let relative = path.strip_prefix(root).expect("below the root").with_extension("");
                    let module = relative.to_str().expect("a name").replace('/', "::");
                    let module = module.strip_suffix("::mod").unwrap_or(&module).to_owned();
                    let source = without_tests(&std::fs::read_to_string(&path).expect("a source"));
                    let is_whole = !source.contains("super::") && !source.contains("self::");
                    assert!(is_whole, "{module}: the test reads whole paths");
                    sources.insert(module, source);
                }
            }
        }
    }
    assert!(sources.len() > least, "{}", sources.len());
    sources
}

/// Comments name things too, and need not keep to anything.
fn without_tests(source: &str) -> String {
    let code = source.split("\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The paths that a source names behind `crate::`, those of a group one by one.
pub(crate) fn named(source: &str) -> Vec<String> {
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

/// Whether a path leads into a room.
pub(crate) fn is_in(path: &str, room: &str) -> bool {
    path.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What a file of a room names that is in none of those that it may name.
pub(crate) fn offences(file: &str, named: &[String], is_allowed: impl Fn(&str) -> bool) -> Vec<String> {
    named.iter().filter(|path| !is_allowed(path)).map(|path| format!("{file} names {path}")).collect()
}

/// Which files each file names: a path leads to the file with the longest part of it.
pub(crate) fn arrows<'a>(
    files: impl Iterator<Item = (&'a str, Vec<String>)>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let files: BTreeMap<&str, Vec<String>> = files.collect();
    let file_of = |path: &String| files.keys().filter(|file| is_in(path, file)).max_by_key(|it| it.len());
    let to = |from: &str, named: &[String]| {
        named.iter().filter_map(file_of).copied().filter(|to| *to != from).collect()
    };
    files.iter().map(|(from, named)| (*from, to(from, named))).collect()
}

/// The files of a circle; `None` where there is none.
pub(crate) fn circle<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
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
