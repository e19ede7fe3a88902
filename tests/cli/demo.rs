//! The demonstration, and the child that holds its reader.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::run::{on_terminal, run, skcheck};

#[test]
fn shows_a_newcomer_the_point_and_cleans_up() {
    let started = Instant::now();
    let ran = run(&mut skcheck("demo"));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for told in
        ["holds 2000 unread bytes", "RSS is", "free memory", "sits on 2.0 KiB of unread data", "has ended"]
    {
        assert!(ran.out.contains(told), "{told} in {}", ran.out);
    }
    let pid: u32 = ran.out.split("(pid ").nth(1).unwrap().split(')').next().unwrap().parse().unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the child is gone");
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
