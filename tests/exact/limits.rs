//! Too little of what loading takes: an error that says of what, and neither a panic nor an abort.

use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use skcheck_bpf::{Bpf, Kind};
use skcheck_core::Live;

use crate::support::child::try_spawn;

/// What the child narrows, in its environment.
const NARROW: &str = "SKCHECK_TEST_NARROW";

fn narrow(resource: Resource, current: u64) {
    let maximum = getrlimit(resource).maximum;
    setrlimit(resource, Rlimit { current: Some(current), maximum }).expect("less is always allowed");
}

/// How much address space this process has, in bytes.
fn address_space() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc is mounted");
    let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number");
    pages * rustix::param::page_size() as u64
}

/// Loads with less, in a process of its own, since the limits are the whole process's.
#[test]
fn a_child() {
    let Ok(what) = std::env::var(NARROW) else { return };
    match what.as_str() {
        "files" => narrow(Resource::Nofile, 12),
        _ => narrow(Resource::As, address_space() + (64 << 20)),
    }
    let loaded = Bpf::load(&Live::new());
    println!("kind {:?}", loaded.as_ref().map(|_| ()).map_err(skcheck_bpf::Error::kind));
}

fn loading_with(narrowed: &str) -> String {
    let mut command = Command::new(std::env::current_exe().expect("the test binary has a path"));
    command.args(["--exact", "limits::a_child", "--nocapture", "--test-threads=1"]).env(NARROW, narrowed);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = try_spawn(&mut command).expect("there are threads and memory");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let kind = said.split("kind ").nth(1).and_then(|rest| rest.lines().next());
    kind.unwrap_or_else(|| panic!("it says nothing: {output:?}")).to_owned()
}

#[test]
fn too_few_descriptors() {
    assert_eq!(loading_with("files"), format!("Err({:?})", Kind::Descriptors));
}

#[test]
fn too_little_memory() {
    assert_eq!(loading_with("memory"), format!("Err({:?})", Kind::Memory));
}
