//! Who opens sockets and never releases them: the screen, the document, the exit code.

use std::net::UdpSocket;

use serde_json::Value;

use crate::privileges::as_nobody;
use crate::run::{json, on_terminal, run, skcheck};

/// Sockets in no table, which this process holds and never uses.
fn fresh(count: usize) -> Vec<std::os::fd::OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let fresh = || socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    (0..count).map(|_| fresh().unwrap()).collect()
}

#[test]
fn the_document_counts_them() {
    let sockets = fresh(30);
    let bound = UdpSocket::bind("127.0.0.1:0").unwrap();
    let leaks = json("leaks --min-open 31 --min-leaked 30");
    assert_eq!(leaks["schema"], "skcheck.leaks/1");
    let is_own = |row: &&Value| row["pid"] == std::process::id();
    let row = leaks["leaked"].as_array().unwrap().iter().find(is_own).unwrap();
    // Other tests of this process may hold some at the same time.
    assert!(row["sockets"].as_u64().unwrap() >= 30 && row["table"] == "tcp", "{row}");
    assert_eq!(row["oldest"]["holder"]["via"], "fd");
    let open = leaks["open"].as_array().unwrap().iter().find(is_own).unwrap();
    assert!(open["sockets"].as_u64().unwrap() >= 31);
    let listed = open["listed"].as_array().unwrap().iter().find(|it| it["protocol"] == "udp").unwrap();
    assert!(listed["sockets"].as_u64().unwrap() >= 1);
    assert!(leaks["processes"].as_array().unwrap().iter().any(|process| is_own(&process)));
    for field in
        "taken_at again_after_ms min_open min_leaked descriptors sockets_in_no_table below apart gaps"
            .split(' ')
    {
        assert!(!leaks[field].is_null(), "{field} in {leaks}");
    }
    assert!(leaks["again_after_ms"].as_u64().unwrap() >= 500);
    drop((sockets, bound));
}

#[test]
fn the_screen_fits_and_says_what_cannot_be_told() {
    let sockets = fresh(40);
    let screen = on_terminal(&mut skcheck("leaks --min-leaked 40 --min-open 40"), 80);
    assert!(screen.contains("sockets open that are in"), "{screen}");
    assert!(screen.contains("IN NO TABLE") && screen.contains("MOST OF THEM"), "{screen}");
    assert!(
        screen.replace('\n', " ").contains("or never connected. From outside both look the same."),
        "{screen}"
    );
    let widest = screen.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 80, "{screen}");
    drop(sockets);
}

#[test]
fn one_is_no_plural() {
    let socket = fresh(1);
    let out = run(&mut skcheck("leaks --min-leaked 1 --min-open 1")).out;
    let is_right = out.contains(" sockets open that are in") || out.contains(" has 1 socket open that is in");
    assert!(is_right && !out.contains(" 1 sockets"), "{out}");
    drop(socket);
}

#[test]
fn exit_codes() {
    let sockets = fresh(50);
    let code = |arguments: &str| run(&mut skcheck(&format!("leaks {arguments}"))).code;
    assert_eq!(code("--exit-code --min-leaked 50"), Some(1));
    assert_eq!(code("--min-leaked 50"), Some(0));
    assert_eq!(code("--exit-code --min-leaked 1000000 --min-open 1000000"), Some(0));
    assert_eq!(code("--min-leaked 0"), Some(2));
    drop(sockets);
}

#[test]
fn whoever_may_not_look_is_told() {
    let (_dir, mut nobody) = as_nobody("leaks --format json");
    let ran = run(&mut nobody);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let leaks: Value = serde_json::from_str(&ran.out).unwrap();
    let gaps = leaks["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["what"] == "processes" && gap["count"].as_u64() > Some(0)), "{leaks}");
}
