//! Files in the root's `tests/` and `benches/` that no crate declares would silently never run.

mod documented;
mod matches;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::arrows::{self, is_in};
use crate::support::layers::{Layers, assert_no_circle};

#[test]
fn every_test_and_bench_is_declared() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(&root);
    command.stdout(std::process::Stdio::piped());
    let output = crate::support::child::spawn(&mut command).wait_with_output().expect("it ends");
    assert!(output.status.success(), "cargo metadata fails");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let targets = packages.iter().flat_map(|package| package["targets"].as_array().expect("targets"));
    let declared: BTreeSet<PathBuf> = targets
        .filter_map(|target| Path::new(target["src_path"].as_str()?).canonicalize().ok())
        .filter(|path| path.starts_with(root.join("tests")) || path.starts_with(root.join("benches")))
        .collect();
    assert!(declared.contains(&root.join("tests/core/main.rs")), "{declared:?}");
    assert_eq!(entry_points(&root), declared);
}

/// What cargo would take for a target in a package: files, and directories with a `main.rs`.
fn entry_points(root: &Path) -> BTreeSet<PathBuf> {
    let entries = ["tests", "benches"].map(|dir| root.join(dir).read_dir()).into_iter().flatten().flatten();
    let path = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("it can be listed").path();
    let main = |path: PathBuf| if path.is_dir() { path.join("main.rs") } else { path };
    entries
        .map(path)
        .map(main)
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs") && path.exists())
        .collect()
}

/// The rooms of the library, each below those that it may name: a file names those before its own, and its own.
const ROOMS: Layers<'_> = Layers(&[
    "glob",
    "model",
    "procfs",
    "container",
    "cgroup",
    "diag",
    "host",
    "engine",
    "footprint",
    "exact",
    "occupancy",
    "collect",
    "memory",
    "holders",
    "snapshot",
    "join",
    "verdict",
    "leaks",
    "packets",
    "watch::evidence",
    "watch::sample",
    "watch::judge",
]);

/// Those that only say what there is.
const DOORS: [&str; 2] = ["lib", "watch"];

fn sources() -> BTreeMap<String, String> {
    arrows::sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), 200)
}

#[test]
fn a_room_names_only_those_above_it() {
    ROOMS.assert_kept(&sources(), |file| DOORS.contains(&file) || is_in(file, "testing"));
}

#[test]
fn files_name_each_other_in_no_circle() {
    assert_no_circle(&sources());
}

/// What only one room knows.
#[test]
fn secrets_are_kept() {
    for (secret, room) in [
        ("netlink_packet", "diag"),
        ("netlink_sys", "diag"),
        ("move_into_link_name_space", "host"),
        ("setns", "host"),
    ] {
        let sources = sources();
        let who: Vec<&String> = sources.iter().filter(|it| it.1.contains(secret)).map(|it| it.0).collect();
        assert!(who.iter().all(|file| is_in(file, room)), "{secret}: {who:?}");
    }
}

#[test]
fn offences_are_found() {
    let check = |file: &str, source: &str, expected: usize| {
        assert_eq!(ROOMS.offences(file, source).len(), expected, "{file}: {source}");
    };
    check("model::query", "use crate::snapshot::entry::SocketEntry;", 1);
    check("join::passes", "use crate::model::query::Query;\nuse crate::diag::{decode, request};", 0);
    check("watch::sample::probe", "fn f() { crate::watch::judge::judgement::judge() }", 1);
    check("watch::judge::scene", "use crate::watch::evidence::sample::Sample;", 0);
    check("memory::ledger", "use crate::Query;", 1);
}
