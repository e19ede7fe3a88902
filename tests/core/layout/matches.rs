//! Arms that would swallow a new protocol, family or table without anybody having decided so.

use std::path::Path;

/// The lines of `text` that stand for "any other" beside arms that name protocols, families or tables: their
/// numbers, from 1 on. Of tests of its own nothing is asked.
fn swallowing(text: &str) -> Vec<usize> {
    let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines: Vec<&str> = product.lines().collect();
    let is_any = |line: &str| {
        let pattern = pattern(line).trim();
        line.contains("=>") && pattern.chars().all(|it| it == '_' || it.is_ascii_lowercase())
    };
    let found = (0..lines.len()).filter(|at| is_any(lines[*at]) && beside(&lines, *at).any(names_a_family));
    found.map(|at| at + 1).collect()
}

/// The arms of the match that a line is an arm of: rustfmt gives them one indentation.
fn beside<'t>(lines: &'t [&'t str], at: usize) -> impl Iterator<Item = &'t str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let own = depth(lines[at]);
    let is_within = move |line: &&&str| line.is_empty() || depth(line) >= own;
    let before = lines[..at].iter().rev().take_while(is_within);
    let after = lines[at + 1..].iter().take_while(is_within);
    before.chain(after).filter(move |line| depth(line) == own).copied()
}

/// Whether the pattern of an arm names one.
fn names_a_family(arm: &str) -> bool {
    let is_variant = |rest: &str| rest.starts_with(|first: char| first.is_ascii_uppercase());
    ["Protocol::", "Family::", "Table::"].iter().any(|name| pattern(arm).split(name).skip(1).any(is_variant))
}

fn pattern(arm: &str) -> &str {
    arm.split("=>").next().unwrap_or_default().split(" if ").next().unwrap_or_default()
}

#[test]
fn no_arm_swallows_a_new_family() {
    let mut files = Vec::new();
    for package in ["skcheck-core", "skcheck-bpf", "skcheck-cli"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src"), &mut files);
    }
    assert!(files.len() > 200, "{}", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source");
        assert_eq!(swallowing(&text), [0; 0], "{}: read the row, or name each", file.display());
    }
}

fn sources(directory: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in directory.read_dir().expect("it can be listed") {
        let path = entry.expect("it can be listed").path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_test {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            files.push(path);
        }
    }
}

#[test]
fn what_swallows() {
    let check = |arms: &str, expected: &[usize]| {
        let text = format!("match it {{\n{arms}}}\n#[cfg(test)]\nmod tests {{\n    _ => 1,\n}}\n");
        assert_eq!(swallowing(&text), expected, "{arms}");
    };
    check("    Protocol::Tcp => 1,\n    _ => 2,\n", &[3]);
    check(
        "    Protocol::Tcp\n    | Protocol::Udp => {\n        1\n    }\n\n    // A word.\n    _ if x => 2,\n",
        &[8],
    );
    check("    _ => 2,\n    (Table::Tcp(_), 1) => 1,\n", &[2]);
    check("    Family::Unix => 1,\n    other => other.into(),\n", &[3]);
    check("    Family::Ipv4 => 1,\n    Family::Ipv6 => 2,\n", &[]);
    check("    State::Listen if it == Protocol::Tcp => 1,\n    _ => 2,\n", &[]);
    check("    Some(1) => Protocol::Tcp,\n    _ => Protocol::Udp,\n", &[]);
    check("    Protocol::Tcp => match x {\n        1 => 1,\n        _ => 2,\n    },\n", &[]);
    check("    Protocols::ALL => 1,\n    Protocol::of(x) => 1,\n    _ => 2,\n", &[]);
}
