//! File systems that have died, in the way of what a report needs.

use serde_json::Value;

use crate::asked::{Asked, What};
use crate::command::{limited, run};
use crate::contract::{Contract, can_be_made};
use crate::fuse::{NEVER_READ, PLACE};
use crate::world::{Held, root, user};

#[test]
fn below_which_the_kernels_configuration_would_be() {
    if can_be_made() {
        let world = root("boot");
        let is_asked: fn(&Asked) -> bool = |asked| matches!(asked.what, What::Scan | What::Mem);
        Contract {
            arguments: "--host-root /mnt",
            culprits: vec![PLACE.to_owned()],
            is_asked,
            ..Contract::of(&world)
        }
        .holds_in(world);
    }
}

/// All of them together take no longer than one.
#[test]
fn below_which_network_namespaces_are_mounted() {
    if can_be_made() {
        let world = root("namespaces");
        let is_asked: fn(&Asked) -> bool = |asked| matches!(asked.what, What::Scan | What::Watch);
        let culprits = vec![PLACE.to_owned()];
        Contract { culprits, is_asked, ..Contract::of(&world) }.holds_in(world);
    }
}

/// A process waits for a file instead of reading its socket: the file is named, with what it lies on. One
/// that has such a file open and sleeps waits for no file.
#[test]
fn that_a_reader_waits_for() {
    if !can_be_made() {
        return;
    }
    let mut world = user("read-before-the-socket sleep-with-a-file");
    let named =
        |name: &str| *world.held.iter().find(|held| world.comm(held.pid) == name).expect("it is held");
    let (waits, sleeps) = (named("sk-read-file"), named("sk-sleep-file"));
    let watch = |held: &Held, more: &str| {
        let arguments = format!("watch --pid {} --for 1s {more}", held.pid);
        let ran = run(&world, &mut limited("", 0, &arguments), None);
        assert!(ran.ended.is_some_and(|status| status.success()), "{ran:?}");
        ran.out
    };
    let cause = |held: &Held| {
        let out = watch(held, "--format jsonl");
        let document: Value = serde_json::from_str(out.lines().next().expect("a window")).expect("JSON");
        assert_eq!(
            (&document["sockets"][0]["verdict"], &document["stalled"]),
            (&"stalled".into(), &1.into())
        );
        document["sockets"][0]["cause"].clone()
    };
    let is_file = |fact: &&Value| fact["kind"] == "file";
    let files =
        |cause: &Value| cause["evidence"].as_array().expect("evidence").iter().filter(is_file).count();
    let found = cause(&waits);
    assert_eq!((&found["code"], files(&found)), (&"blocked".into(), 1), "{found}");
    let (fact, path) = (&found["evidence"][0], format!("{PLACE}/{NEVER_READ}-{}", waits.pid));
    assert_eq!((&fact["kind"], &fact["path"]), (&"file".into(), &path.clone().into()), "{found}");
    assert_eq!(fact["mount"]["point"], PLACE, "{found}");
    let kind = fact["mount"]["type"].as_str().expect("a type").to_owned();
    assert!(kind.starts_with("fuse") && fact["silent"] == true, "{found}");
    let out = watch(&waits, "");
    let because = out.lines().find(|line| line.starts_with("Because: ")).expect("a cause");
    let expected =
        format!("thread {} waits for {path} (fd {}), on {kind} at {PLACE} (", waits.pid, fact["fd"]);
    assert!(because.contains("a thread of it waits for a file whose file system does not answer"), "{out}");
    assert!(because.contains(&expected), "{expected} in {out}");

    let found = cause(&sleeps);
    assert_eq!((&found["code"], files(&found)), (&"blocked".into(), 0), "{found}");
    assert!(watch(&sleeps, "").contains("its threads are all blocked elsewhere"));
    world.release();
}
