//! The demonstration, and the child that holds its reader.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::privileges::as_nobody;
use crate::run::{on_terminal, run, skcheck};

#[test]
fn shows_a_newcomer_the_point_and_cleans_up() {
    let ran = run(&mut skcheck("demo"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in
        ["holds 2000 unread bytes", "RSS is", "free memory", "sits on 2.0 KiB of unread data", "has ended"]
    {
        assert!(words.contains(told), "{told} in {}", ran.out);
    }
    // What is said of memory is what was measured, and on every kernel all of it is there.
    let of_memory = if rustix::process::geteuid().is_root() {
        ["and keeps it: they pin 62.5 MiB, measured.", "2000 blocks of 32 KiB, and "]
    } else {
        ["and can keep it, 62.5 MiB in all; that was not measured.", "can pin up to"]
    };
    for told in of_memory {
        assert!(words.contains(told), "{told} in {}", ran.out);
    }
    let pid: u32 = ran.out.split("(pid ").nth(1).unwrap().split(')').next().unwrap().parse().unwrap();
    assert!(words.contains(&format!("skcheck ({pid}) sits on")), "it has a name: {}", ran.out);
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the child is gone");
    // Nothing is to be asked about one that has ended.
    let asked = ran.out.lines().skip_while(|line| !line.starts_with("Next: "));
    assert_eq!(asked.collect::<Vec<_>>(), ["Next: skcheck (who holds what on this host)"], "{}", ran.out);
}

/// One receive buffer has no room for all, and nobody may make it larger: several have.
#[test]
fn without_privilege_it_takes_several_readers() {
    let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let most: u64 = most.trim().parse().unwrap();
    let (_dir, mut nobody) = as_nobody("demo --fragments 10000 --format json");
    let ran = run(&mut nobody);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let unread = report["sockets"].as_array().unwrap().iter().filter_map(|socket| socket["unread"].as_u64());
    let unread: Vec<u64> = unread.filter(|unread| *unread > 0).collect();
    assert_eq!(unread.iter().sum::<u64>(), 10_000);
    assert!(unread.len() > 1 || most >= 6_400_000, "{unread:?} with {most}");
    // Each is below its limit, so the kernel has copied nothing together.
    for socket in report["sockets"].as_array().unwrap() {
        let memory = |name: &str| socket["skmem"][name].as_u64().unwrap();
        assert!(memory("rmem_alloc") < memory("rcvbuf"), "{socket:#}");
    }
}

#[test]
fn fits_the_terminal() {
    for width in [80, 120] {
        let shown = on_terminal(&mut skcheck("demo --fragments 20"), width);
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(width), "{widest} > {width}:\n{shown}");
    }
}

#[test]
fn one_byte_is_no_bytes() {
    let ran = run(&mut skcheck("demo --fragments 1"));
    let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(") holds 1 unread byte. Each"), "{words}");
}

#[test]
fn reports_as_json_and_nothing_else() {
    let ran = run(&mut skcheck("demo --fragments 100 --format json"));
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["sockets"][0]["unread"], 100);
    let worst = report["sockets"][0]["worst"].as_u64().unwrap();
    assert!(worst >= 100 * 32 * 1024, "{worst}");
}

#[test]
fn its_child_ends_with_whoever_started_it() {
    let mut holder = skcheck("hold-stalled-reader --fragments 5")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    assert!(holder.try_wait().unwrap().is_none(), "it holds its reader");
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
}
