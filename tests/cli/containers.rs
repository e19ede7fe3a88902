//! Containers and pods, told by a made-up /proc over the real one and a made-up kubelet's directories.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::run::{Ran, on_terminal, run, skcheck};

const ID: &str = "b2a102854b4969b2ce98dc329c86b4fb2b06e4ad2cc8da9d8a7578c9cd2004a2";
const UID: &str = "72f7f152-440c-66ac-9084-e0fc1d8a910c";
const POD: &str = "/kubepods.slice/kubepods-pod72f7f152_440c_66ac_9084_e0fc1d8a910c.slice/cri-containerd-\
                   b2a102854b4969b2ce98dc329c86b4fb2b06e4ad2cc8da9d8a7578c9cd2004a2.scope";
const SERVICE: &str = "/system.slice/web.service";

/// How the pod's name is shown: its bytes would colour a terminal, turn text around, and are no text.
const POD_SHOWN: &str = "prod/a\\x1b[31m\\u{202e}\\xff";

/// A host with three readers that do not read: one in a pod, one in a service, one in neither.
struct Node {
    dir: tempfile::TempDir,
    readers: Vec<Child>,
}

impl Node {
    fn new() -> Node {
        let dir = tempfile::tempdir().unwrap();
        let (proc, logs) = (dir.path().join("proc"), dir.path().join("var/log"));
        fs::create_dir(&proc).unwrap();
        let pod = OsStr::from_bytes(b"prod_a\x1b[31m\xe2\x80\xae\xff_").to_owned();
        let pod_directory = [pod.as_bytes(), UID.as_bytes()].concat();
        fs::create_dir_all(logs.join("pods").join(OsStr::from_bytes(&pod_directory))).unwrap();
        fs::create_dir_all(logs.join("containers")).unwrap();
        let log = [b"a\x1b[31m\xe2\x80\xae\xff_prod_server-".as_slice(), ID.as_bytes(), b".log"].concat();
        fs::write(logs.join("containers").join(OsStr::from_bytes(&log)), "").unwrap();
        for file in ["1", "meminfo", "slabinfo", "sys", "zoneinfo"] {
            symlink(Path::new("/proc").join(file), proc.join(file)).unwrap();
        }
        let reader = |(fragments, cgroup): (u32, &str)| {
            let reader = reader(fragments);
            show(&proc, reader.id(), cgroup);
            reader
        };
        let readers = [(30, POD), (20, SERVICE), (10, "/")].into_iter().map(reader).collect();
        Node { dir, readers }
    }

    fn pid(&self, at: usize) -> u32 {
        self.readers[at].id()
    }

    fn command(&self, arguments: &str) -> Command {
        let root = self.dir.path().display();
        // Sockets of other tests have no process here.
        let [a, b, c] = [0, 1, 2].map(|at| self.pid(at));
        skcheck(&format!(
            "-t --host-root {root} --proc {root}/proc --pid {a} --pid {b} --pid {c} {arguments}"
        ))
    }

    fn table(&self, arguments: &str) -> String {
        let Ran { code, out, err } = run(&mut self.command(arguments));
        assert_eq!(code, Some(0), "{err}");
        out
    }

    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.table(&format!("{arguments} --format json"))).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for reader in &mut self.readers {
            drop(reader.stdin.take());
            let _ = reader.wait();
        }
    }
}

/// A process with so many unread bytes.
fn reader(fragments: u32) -> Child {
    let mut child = skcheck(&format!("hold-stalled-reader --fragments {fragments}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

/// Lists a process in the made-up /proc: itself, but for its cgroup.
fn show(proc: &Path, pid: u32, cgroup: &str) {
    let (real, made_up) = (format!("/proc/{pid}"), proc.join(pid.to_string()));
    fs::create_dir(&made_up).unwrap();
    for file in ["cmdline", "comm", "fd", "mountinfo", "ns", "root", "stat", "status", "task"] {
        symlink(Path::new(&real).join(file), made_up.join(file)).unwrap();
    }
    fs::write(made_up.join("cgroup"), format!("0::{cgroup}\n")).unwrap();
}

#[test]
fn json_says_whose_a_process_is() {
    let node = Node::new();
    let report = node.json("");
    let processes = report["processes"].as_array().unwrap();
    let of = |at: usize| processes.iter().find(|process| process["pid"] == node.pid(at)).unwrap();
    let container = serde_json::json!({
        "runtime": "containerd", "id": ID, "pod_uid": UID, "namespace": "prod", "name": "server",
        "pod": "a\u{1b}[31m\u{202e}\u{fffd}", "pod_hex": "611b5b33316de280aeff",
    });
    assert_eq!((&of(0)["container"], &of(0)["cgroup"]), (&container, &POD.into()));
    assert_eq!((&of(1)["container"], &of(1)["unit"]), (&Value::Null, &"web.service".into()));
    assert_eq!(
        (&of(2)["container"], &of(2)["unit"], &of(2)["cgroup"]),
        (&Value::Null, &Value::Null, &"/".into())
    );
}

#[test]
fn container_pod_and_cgroup_narrow() {
    let node = Node::new();
    for (arguments, expected) in [
        ("", vec![30, 20, 10]),
        ("--container server", vec![30]),
        ("--container b2a1", vec![30]),
        ("--container nobody", vec![]),
        (&format!("--pod {UID}"), vec![30]),
        ("--pod other", vec![]),
        ("--cgroup /system.slice/*", vec![20]),
        ("--cgroup *", vec![30, 20, 10]),
    ] {
        let report = node.json(&format!("--min-recvq 1 {arguments}"));
        let sockets = report["sockets"].as_array().unwrap();
        let unread: Vec<u64> = sockets.iter().map(|socket| socket["unread"].as_u64().unwrap()).collect();
        assert_eq!(unread, expected, "{arguments}");
    }
}

#[test]
fn the_answer_names_the_pod_and_nothing_hostile_reaches_the_terminal() {
    let node = Node::new();
    for by in ["process", "socket", "container", "pod", "netns", "cgroup"] {
        let table = node.table(&format!("--min-recvq 1 --wide --by {by}"));
        let first = table.lines().next().unwrap();
        assert!(first.contains(&format!("({}) in pod {POD_SHOWN} sits on 30 B", node.pid(0))), "{table}");
        assert!(!table.contains(['\u{1b}', '\u{202e}', '\u{fffd}']), "{table:?}");
    }
}

#[test]
fn blocks_say_whose_their_sockets_are() {
    let node = Node::new();
    let block = |by: &str, name: &str, at: usize| {
        let table = node.table(&format!("--min-recvq 1 --by {by}"));
        let lines: Vec<&str> = table.lines().collect();
        let head = lines.iter().position(|line| line.starts_with(&format!("{name} ")));
        let head = head.unwrap_or_else(|| panic!("{name} in {table}"));
        assert!(lines[head].contains("1 socket "), "{table}");
        assert!(lines[head + 1].contains(&format!("  skcheck {} ", node.pid(at))), "{table}");
    };
    block("pod", POD_SHOWN, 0);
    block("pod", "web.service", 1);
    block("pod", "(no container)", 2);
    block("container", "server", 0);
    block("container", "web.service", 1);
    block("container", "(no container)", 2);
    block("cgroup", &format!("cri-containerd-{ID}.scope"), 0);
    block("cgroup", "web.service", 1);
    block("cgroup", "/", 2);
    assert!(node.table("--by pod --min-recvq 1 --top 1").contains("2 pods more: charged "));
}

#[test]
fn eighty_columns_keep_the_place() {
    let node = Node::new();
    for by in ["process", "container", "pod", "netns", "cgroup", "socket"] {
        let shown = on_terminal(&mut node.command(&format!("--min-recvq 1 --by {by}")), 80);
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{widest}:\n{shown}");
        assert!(shown.contains(if by == "netns" { "net:[" } else { "web.service" }), "{shown}");
    }
}
