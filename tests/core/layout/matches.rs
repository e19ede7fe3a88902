//! Arms that would swallow a new protocol, family or table without anybody having decided so, and questions that
//! are about one of them alone.

use std::collections::BTreeMap;
use std::path::Path;

/// The lines of `text` that stand for "any other" beside arms that name protocols, families or tables: their
/// numbers, from 1 on. Of tests of its own nothing is asked.
fn swallowing(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = product(text).lines().collect();
    let is_any = |line: &str| {
        let pattern = pattern(line).trim();
        line.contains("=>") && pattern.chars().all(|it| it == '_' || it.is_ascii_lowercase())
    };
    let found = (0..lines.len()).filter(|at| is_any(lines[*at]) && beside(&lines, *at).any(names_a_family));
    found.map(|at| at + 1).collect()
}

/// A source without tests of its own.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
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
    names_one(pattern(arm))
}

fn names_one(text: &str) -> bool {
    NAMES.iter().any(|name| text.split(name).skip(1).any(is_variant))
}

const NAMES: [&str; 3] = ["Protocol::", "Family::", "Table::"];

fn is_variant(rest: &str) -> bool {
    rest.starts_with(|first: char| first.is_ascii_uppercase()) && !rest.starts_with("ALL")
}

/// How often something is compared with one protocol, family or table: by `==`, `!=` or `matches!`.
fn comparisons(text: &str) -> usize {
    let product = product(text);
    let compared = |operator: &str| {
        let right = product.split(operator).skip(1).map(str::trim_start);
        right.filter(|it| NAMES.iter().any(|name| it.strip_prefix(name).is_some_and(is_variant))).count()
    };
    let matched = product.split("matches!(").skip(1).filter(|it| names_one(&it[..end(it)])).count();
    compared("==") + compared("!=") + matched
}

/// Where the parenthesis ends that a text begins in.
fn end(text: &str) -> usize {
    let mut depth = 1;
    let is_end = |it: char| {
        depth += i32::from(it == '(') - i32::from(it == ')');
        depth == 0
    };
    text.find(is_end).unwrap_or(text.len())
}

/// The questions that a new protocol has no other answer to than "no": they are about what one alone has. Any other
/// is asked of its row.
const OF_ONE: [(&str, usize, &str); 18] = [
    ("skcheck-bpf/src/walk.rs", 1, "the lock that a walk of TCP's own tables waits for"),
    ("skcheck-bpf/src/wire/find.rs", 4, "which fields of a record are filled in"),
    ("skcheck-cli/src/output/table/scan/numbers.rs", 1, "what no subflow carries yet"),
    ("skcheck-core/src/collect/dumps/proc_net.rs", 1, "TCP's part in the ledger"),
    ("skcheck-core/src/collect/proc_pass.rs", 1, "whose TCP tables are left out"),
    ("skcheck-core/src/collect/dumps/record_collector.rs", 2, "MPTCP sockets and their subflows"),
    ("skcheck-core/src/collect/dumps/tables.rs", 3, "TCP's table of ports, and its part in the ledger"),
    ("skcheck-core/src/collect/survey/unlisted.rs", 1, "TCP sockets that are closed and still held"),
    ("skcheck-core/src/diag/request.rs", 2, "tcp_info and mptcp_info, which take a lock"),
    ("skcheck-core/src/footprint.rs", 1, "what no subflow carries yet"),
    ("skcheck-core/src/holders/listeners.rs", 1, "sockets of IPv6 that take IPv4 too"),
    ("skcheck-core/src/leaks/look.rs", 1, "TCP's table of connections, which is the whole host's"),
    ("skcheck-core/src/packets/listing.rs", 1, "TCP's sequence numbers"),
    ("skcheck-core/src/packets/lock_keepers.rs", 1, "the lock that a walk of TCP's own tables waits for"),
    ("skcheck-core/src/watch/evidence/counters.rs", 1, "mptcp_info"),
    ("skcheck-core/src/watch/judge/chain/connections.rs", 1, "who waits in unix_wait_for_peer"),
    ("skcheck-core/src/watch/judge/progress/tcp.rs", 1, "MPTCP's sequence numbers"),
    ("skcheck-core/src/watch/judge/scene/coverage.rs", 1, "connections over TCP"),
];

#[test]
fn only_what_one_alone_has_is_asked_by_its_name() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for package in ["skcheck-core", "skcheck-bpf", "skcheck-cli"] {
        sources(&crates.join(package).join("src"), &mut files);
    }
    let relative = |path: &Path| path.strip_prefix(&crates).expect("of a crate").display().to_string();
    let found: BTreeMap<String, usize> = files
        .iter()
        .map(|path| (relative(path), comparisons(&std::fs::read_to_string(path).expect("a source"))))
        .filter(|(path, found)| *found > 0 && !path.contains("/families/"))
        .collect();
    let expected = OF_ONE.map(|(file, count, _)| (file.to_owned(), count));
    assert_eq!(found, expected.into(), "what a new protocol could have too is a field of the row");
}

#[test]
fn what_compares() {
    let check = |text: &str, expected: usize| assert_eq!(comparisons(text), expected, "{text}");
    check("if it == Protocol::Tcp || it != Family::Unix {}", 2);
    check("matches!(\n    it.protocol,\n    Protocol::Tcp | Protocol::Udp\n)", 1);
    check("matches!(f(it), Some(Table::Tcp(_))) && it == State::Listen", 1);
    check("matches!(f(it), State::Listen).then_some(Protocol::Tcp)", 0);
    check("it.protocols == Protocols::ALL && it == Table::ALL.len()", 0);
    check("it\n#[cfg(test)]\nmod tests { it == Protocol::Tcp }", 0);
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
