//! What may be typed, and what is said when it may not.

use crate::run::{Unread, json, run, skcheck};

#[test]
fn misuse_is_one_line_that_says_what_is_allowed() {
    let check = |arguments: &str, allowed: &str| {
        let ran = run(&mut skcheck(arguments));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.err.starts_with("skcheck: ") && ran.err.contains(allowed), "{}", ran.err);
    };
    check("--min-recvq 1X", "64K");
    check("--min-worst -1", "unexpected argument");
    check("--state established,foo", "closed-held");
    check("--state time-wait", "hold no data");
    check("--sort weight", "pinned, charged, worst, recvq, sendq, unread, pid");
    check("--by thread", "process, socket, container, pod, netns, cgroup");
    check("--netns 0", "no process has this id");
    check("--netns a/b", "must begin with /");
    check("--netns /proc/self/comm", "not a network namespace");
    check("--netns /no/such/file", "/no/such/file: No such file");
    check("--netns no-such-name", "/run/netns/no-such-name: No such file");
    check("--netns 4194305", "no such process"); // PID_MAX_LIMIT is 4194304
    check("--proc /no/such/dir", "--proc: /no/such/dir: No such file");
    check("--host-root /etc/passwd", "Not a directory");
    check("--format xml", "table, json, jsonl");
    check("--pid 0", "1..");
    check("--port 65536", "65535");
    check("--top many", "--top");
    check("--engine fast", "auto, proc, bpf");
    check("--engine proc --exact", "use auto or bpf");
    check("--engine proc --exact-limit 5", "use auto or bpf");
    check("--exact-limit many", "--exact-limit");
    check("packets", "<PID>");
    check("packets 0 1", "1..");
    check("packets 1 x", "<FD>");
    check("packets 1 1 --again 5", "500ms");
    check("packets 1 1 --again 2h", "at most 1h");
    check("packets 1 1 --format jsonl", "table, json");
    check("--stalled --exact", "--stalled");
    check("mem --max-unaccounted 5X", "or 5% of the memory");
    check("mem --max-unaccounted 101%", "from 0% to 100%");
    check("mem --max-unaccounted x%", "write 5%, or 0.5%");
    check("mem --cgroup / --pages", "--pages");
    check("mem --cgroup / --exact", "--exact");
    check("mem --engine proc --exact", "use auto or bpf");
    check("mem --format jsonl", "table, json");
    check("mem --pid 1", "--pid");
    check("--bogus", "--bogus");
    check("demo --fragments 0", "1..=10000");
}

#[test]
fn help_names_every_option_and_the_units() {
    let help = run(&mut skcheck("--help"));
    assert_eq!(help.code, Some(0));
    for option in [
        "--min-recvq",
        "--min-sendq",
        "--min-charged",
        "--min-worst",
        "-t",
        "-u",
        "-x",
        "-4",
        "-6",
        "--state",
        "--pid",
        "--process",
        "--port",
        "--netns",
        "--container",
        "--pod",
        "--cgroup",
        "--wide",
        "--host-root",
        "--proc",
        "--sort",
        "--top",
        "--per-process",
        "--by",
        "--all",
        "--format",
        "--engine",
        "--exact",
        "--exact-limit",
        "--verbose",
        "packets",
        "mem",
        "watch",
        "--stalled",
        "--exit-code",
        "--strict",
        "demo",
        "powers of 1024",
        "skcheck --min-recvq 1M",
    ] {
        assert!(help.out.contains(option), "{option} in {}", help.out);
    }
    let help_of_mem = run(&mut skcheck("mem --help")).out;
    for option in [
        "--pages",
        "--cgroup",
        "--format",
        "--exit-code",
        "--max-unaccounted",
        "--ascii",
        "--engine",
        "--exact",
        "--host-root",
        "skcheck mem --pages",
        "\"Nobody\" means",
    ] {
        assert!(help_of_mem.contains(option), "{option} in {help_of_mem}");
    }
    assert!(!help.out.contains("hold-stalled-reader"), "{}", help.out);
    assert_eq!(run(&mut skcheck("--version")).out, format!("skcheck {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn exit_code_tells_whether_a_socket_matched() {
    let unread = Unread::make(1000);
    let port = unread.port();
    let pid = std::process::id();
    let code =
        |arguments: &str| run(&mut skcheck(&format!("-t4 --pid {pid} --port {port} {arguments}"))).code;
    assert_eq!(code(""), Some(0));
    assert_eq!(code("--exit-code"), Some(1));
    assert_eq!(code("--exit-code --min-recvq 1000"), Some(1));
    assert_eq!(code("--exit-code --min-recvq 1001"), Some(0));
    assert_eq!(code("--exit-code --min-recvq 1M --bogus"), Some(2));
}

#[test]
fn filters_narrow_together() {
    let unread = Unread::make(3000);
    let (port, pid) = (unread.port(), std::process::id());
    let found = |arguments: &str| {
        json(&format!("--pid {pid} --port {port} {arguments}"))["sockets"].as_array().unwrap().len()
    };
    assert_eq!(found(""), 1);
    assert_eq!(found("--all"), 2);
    assert_eq!(found("-t -4 --state estab --min-recvq 3000 --min-charged 3000 --min-worst 32K"), 1);
    assert_eq!(found("-u"), 0);
    assert_eq!(found("-6"), 0);
    assert_eq!(found("-x"), 0);
    assert_eq!(found("--state close_wait,listen"), 0);
    assert_eq!(found("--min-recvq 3001"), 0);
    assert_eq!(found("--min-sendq 1"), 0);
    assert_eq!(found("--process no-such-name"), 0);
    assert_eq!(found("--all --top 1 --by socket"), 1);
    assert_eq!(found("--all --top 0"), 2);
}
