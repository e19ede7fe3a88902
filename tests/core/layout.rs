//! Files in the root's `tests/` and `benches/` that no crate declares would silently never run.

mod documented;
mod matches;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

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
