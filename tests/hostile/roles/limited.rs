//! A program that may have little: limits itself, and becomes the command.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};

/// `LIMIT VALUE`..., `--`, the command: a limit is `processes`, `files`, `memory`, or a cgroup's file of
/// processes.
pub(super) fn run(words: &[String]) {
    let (limits, command) = words.split_at(words.iter().position(|word| word == "--").expect("a command"));
    for pair in limits.chunks(2) {
        let value = pair[1].as_str();
        let limit = |resource| {
            let most = Some(value.parse().expect("a number"));
            setrlimit(resource, Rlimit { current: most, maximum: most }).expect("lower is allowed");
        };
        match pair[0].as_str() {
            "processes" => limit(Resource::Nproc),
            "files" => limit(Resource::Nofile),
            "memory" => limit(Resource::As),
            "group" => std::fs::write(value, "0").expect("root may"),
            other => panic!("no limit is called {other:?}"),
        }
    }
    let error = Command::new(&command[1]).args(&command[2..]).env_remove("SKCHECK_TEST_ROLE").exec();
    panic!("not started: {error}");
}
