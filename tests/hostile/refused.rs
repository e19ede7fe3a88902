//! What the program needs and does not get: threads, memory, descriptors, an output. It works with what it
//! has, and says what that costs.

use serde_json::Value;

use crate::asked::{Asked, Engine, What};
use crate::cgroup::{Group, Hierarchy, hierarchies};
use crate::command::{limited, run};
use crate::contract::{Contract, Wrong, can_be_made};
use crate::inside::SOMEBODY;
use crate::world::{root, user};

/// Nobody is interrupted, and nothing is asked for that a limit rules out from the start.
fn runs(asked: &Asked) -> bool {
    let possible = matches!(asked.what, What::Scan | What::Stalled | What::Mem | What::Watch | What::Leaks);
    possible && asked.signal.is_none() && asked.engine != Engine::Bpf
}

/// Where it says why it has not looked into the kernel, it is for want of what it does not get.
fn blames(asked: &Asked, document: &Value, wrong: &mut Wrong, what: &[&str]) {
    let gaps = document["gaps"].as_array().into_iter().flatten();
    let mut engine = gaps.clone().filter(|gap| gap["what"] == "engine");
    if asked.what == What::Scan && asked.engine == Engine::Auto && document["descriptors_engine"] == "proc" {
        let blamed = engine.any(|gap| what.iter().any(|word| gap.to_string().contains(word)));
        wrong.unless(blamed, || format!("does not say that it wants {what:?}: {}", document["gaps"]));
    }
    for gap in gaps {
        let elsewhere = ["5.17", "CONFIG_DEBUG_INFO_BTF", "modprobe", "security module"];
        let right = elsewhere.iter().all(|word| !gap.to_string().contains(word));
        wrong.unless(right, || format!("blames something else: {gap}"));
    }
}

#[test]
fn threads_to_a_user() {
    if can_be_made() {
        let mut world = root("");
        // Others are not his to see.
        world.beside.retain(|held| held.unread == 2345);
        let runs = |asked: &Asked| runs(asked) && !asked.text;
        Contract { limits: "processes 1", user: SOMEBODY, runs, ..Contract::of(&world) }.holds_in(world);
    }
}

/// None, or one or two and no more.
#[test]
fn threads_in_a_control_group() {
    if !can_be_made() {
        return;
    }
    for most in ["1", "2", "3"] {
        let (group, file) = group("pids", "threads", &["pids.max", "pids.max"], most);
        let world = root("");
        let alone: fn(&Asked) -> bool =
            |asked| runs(asked) && matches!(asked.what, What::Scan | What::Watch) && !asked.text;
        // Those that go on at once share them.
        let (runs, at_once) = if most == "1" { (runs as fn(&Asked) -> bool, 3) } else { (alone, 1) };
        Contract { limits: &format!("group {file}"), runs, at_once, ..Contract::of(&world) }.holds_in(world);
        drop(group);
    }
}

/// Somebody is stuck beside it, and who asked him has to be out of the way before another can.
#[test]
fn threads_beside_one_that_is_stuck() {
    if !can_be_made() {
        return;
    }
    for role in ["exec", "silent-command-line"] {
        let (group, file) = group("pids", role, &["pids.max", "pids.max"], "3");
        let world = user(role);
        let runs: fn(&Asked) -> bool = |asked| runs(asked) && asked.engine == Engine::Proc && !asked.text;
        let limits = format!("group {file}");
        Contract { limits: &limits, runs, at_once: 1, ..Contract::of(&world) }.holds_in(world);
        drop(group);
    }
}

/// From what is too little for BPF, and enough for everything else, to nearly enough.
#[test]
fn addresses() {
    if can_be_made() {
        for mebibytes in [30, 60, 120] {
            let world = root("");
            let runs = |asked: &Asked| runs(asked) && !asked.text && asked.engine == Engine::Auto;
            let limits = format!("memory {}", mebibytes << 20);
            let also = |asked: &Asked, document: &Value, wrong: &mut Wrong| {
                blames(asked, document, wrong, &["memory"]);
            };
            Contract { limits: &limits, runs, also, ..Contract::of(&world) }.holds_in(world);
        }
    }
}

#[test]
fn memory_in_a_control_group() {
    if can_be_made() {
        let (group, file) = group("memory", "memory", &["memory.limit_in_bytes", "memory.max"], "25165824");
        let world = root("");
        let runs = |asked: &Asked| runs(asked) && !asked.text && asked.engine == Engine::Auto;
        let also =
            |asked: &Asked, document: &Value, wrong: &mut Wrong| blames(asked, document, wrong, &["memory"]);
        // They share it.
        Contract { limits: &format!("group {file}"), runs, also, at_once: 1, ..Contract::of(&world) }
            .holds_in(world);
        // Where a group says so (memory.oom.group) the kernel ends all of it.
        let killed = ["memory.oom_control", "memory.events"]
            .iter()
            .filter_map(|file| std::fs::read_to_string(group.directory.join(file)).ok())
            .find_map(|text| text.lines().find_map(|line| line.strip_prefix("oom_kill ").map(str::to_owned)));
        assert_eq!(killed.as_deref(), Some("0"));
        drop(group);
    }
}

/// With very few it may refuse, in a sentence.
#[test]
fn descriptors() {
    if !can_be_made() {
        return;
    }
    let world = root("");
    for files in [4, 8, 12, 16, 20, 24] {
        for arguments in
            ["--format json --timeout 3s", "mem --format json --timeout 3s", "watch --for 1s --format jsonl"]
        {
            let mut command = limited(&format!("files {files}"), 0, arguments);
            let ran = run(&world, &mut command, None);
            let code = ran.ended.and_then(|status| status.code());
            let mut wrong = Wrong::about(format!("{files} descriptors: skcheck {arguments}"));
            wrong.unless(matches!(code, Some(0 | 2)), || format!("ends with {:?}: {}", ran.ended, ran.err));
            wrong.unless(!ran.err.contains("panicked"), || ran.err.clone());
            let asked = Asked::of(if arguments.starts_with("--") { What::Scan } else { What::Mem });
            if let Some(line) = ran.out.lines().last().filter(|_| code == Some(0)) {
                let document = serde_json::from_str(line).expect("a document");
                blames(&asked, &document, &mut wrong, &["descriptor", "open files"]);
            }
            wrong.assert_nothing();
        }
    }
}

/// What nobody can read was not written.
#[test]
fn an_output() {
    if !can_be_made() {
        return;
    }
    let world = root("");
    for arguments in ["", "--format json", "mem", "leaks", "watch --for 1s", "--help"] {
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" >&-", crate::inside::PROGRAM])
            .args(arguments.split_whitespace());
        let ran = run(&world, &mut command, None);
        let code = ran.ended.and_then(|status| status.code());
        assert_eq!(code, Some(2), "skcheck {arguments} >&-: {ran:?}");
    }
}

/// A control group with a limit, in a file of version 1 or 2, and its file of processes.
fn group(controller: &str, name: &str, files: &[&str; 2], limit: &str) -> (Group, String) {
    let hierarchy: Hierarchy =
        hierarchies(controller).into_iter().next().expect("control groups are mounted");
    let group = Group::new(&hierarchy, name);
    if hierarchy.version == 2 {
        let above = group.directory.parent().expect("it is below the root").join("cgroup.subtree_control");
        std::fs::write(above, format!("+{controller}")).expect("root may");
    }
    group.write(files[usize::from(hierarchy.version) - 1], limit);
    let file = group.directory.join("cgroup.procs").display().to_string();
    (group, file)
}
