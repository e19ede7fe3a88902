//! What a user sees who is not root.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::Value;

use crate::run::{PROGRAM, Unread, run, skcheck};

/// The program as somebody who may not look into this process.
pub(crate) fn as_nobody(arguments: &str) -> (tempfile::TempDir, Command) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("skcheck");
    // Copied by another process: while a descriptor here were open for writing, a test that runs a
    // program at the same time would inherit it, and the copy could not be run ("text file busy").
    assert!(Command::new("cp").args([PROGRAM.as_ref(), program.as_os_str()]).status().unwrap().success());
    let mut command = Command::new(&program);
    command.args(arguments.split_whitespace()).current_dir("/").env("LC_ALL", "C.UTF-8");
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    (dir, command)
}

#[test]
fn names_what_it_may_not_see_and_still_reports() {
    let unread = Unread::make(4321);
    let (_dir, mut nobody) = as_nobody(&format!("-t --port {} --format json", unread.port()));
    let ran = run(&mut nobody);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["sockets"][0]["unread"], 4321);
    let gap = report["gaps"].as_array().unwrap().iter().find(|gap| gap["what"] == "processes").unwrap();
    assert!(gap["count"].as_u64().unwrap() > 0);
    assert!(gap["remedy"].as_str().unwrap().contains("root"));
    if rustix::process::geteuid().is_root() {
        assert_eq!(report["sockets"][0]["holding"], "hidden");
        assert_eq!(report["sockets"][0]["holders"], Value::Array(Vec::new()));
    }
}

#[test]
fn tells_the_next_step_in_the_table() {
    let unread = Unread::make(10);
    let (_dir, mut nobody) = as_nobody(&format!("-t --port {}", unread.port()));
    let table = run(&mut nobody).out;
    assert!(table.contains("Not seen: ") && table.contains("run as root"), "{table}");
    assert!(table.contains("sudo skcheck"), "{table}");
}

/// What an option could accept is said to whoever can give it.
#[test]
fn only_the_strict_are_told_what_they_can_accept() {
    let said = |arguments: &str| run(&mut skcheck(arguments)).out.contains("--accept-gap");
    for arguments in ["", "leaks", "mem", "watch --for 1s"] {
        assert!(!said(arguments), "{arguments}");
    }
    let strict = run(&mut skcheck("--strict")).out;
    let is_ordinary = strict.contains("Not seen, as usual");
    assert_eq!(strict.contains("(--accept-gap processes)"), is_ordinary, "{strict}");
}

/// Threads of the kernel hold nothing: whoever is not root misses nothing of them.
#[test]
fn no_thread_of_the_kernel_is_missing() {
    let (_dir, mut nobody) = as_nobody("--format json");
    let report: Value = serde_json::from_str(&run(&mut nobody).out).unwrap();
    let gaps = report["gaps"].as_array().unwrap();
    let named = gaps.iter().filter(|gap| gap["what"] == "processes");
    let named: Vec<&Value> =
        named.flat_map(|gap| gap["place"]["processes"].as_array().into_iter().flatten()).collect();
    assert!(!named.is_empty(), "{gaps:#?}");
    for process in named {
        // `PF_KTHREAD`.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process["pid"])).unwrap_or_default();
        let flags =
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(6)?.parse::<u64>().ok());
        assert!(flags.is_none_or(|flags| flags & 0x0020_0000 == 0), "{process}");
    }
}

#[test]
fn strict_turns_a_gap_into_three() {
    let unread = Unread::make(10);
    let code = |arguments: &str| {
        let (_dir, mut nobody) = as_nobody(&format!("-t --port {} {arguments}", unread.port()));
        run(&mut nobody).code
    };
    assert_eq!(code(""), Some(0));
    assert_eq!(code("--strict"), Some(3));
    assert_eq!(code("--exit-code"), Some(1));
    assert_eq!(code("--strict --exit-code"), Some(3));
    assert_eq!(code("--strict --exit-code --bogus"), Some(2));
    // Nobody sees few processes, no engine, and no namespace but its own.
    let seen = |gaps: &str| code(&format!("--strict --accept-gap {gaps}"));
    assert_eq!(seen("processes"), Some(3), "there are others");
    let all = "processes,namespaces,engine,host_fact,closed-held-unknown,table,families,table_detail,memory";
    assert_eq!(seen(all), Some(0));
    assert_eq!(seen("everything"), Some(2), "no such kind");
    assert_eq!(code("--accept-gap processes"), Some(2), "only with --strict");
}
