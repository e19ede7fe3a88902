//! What is measured through BPF: as root; nobody else may.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::json::assert_documented;
use crate::privileges::as_nobody;
use crate::run::{Unread, json, on_terminal, run, skcheck, wait_until};
use crate::stall::{CHUNK, StalledReader};

/// How many bytes each stalled reader here leaves unread.
const UNREAD: usize = 100;

/// Whether BPF can be used; root must be able to.
fn has_bpf() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root (CAP_BPF and CAP_PERFMON)");
    }
    root
}

/// Arguments that name this process and the port of a stalled reader.
fn about(reader: &TcpStream) -> String {
    format!("--pid {} --port {}", std::process::id(), reader.local_addr().unwrap().port())
}

/// The socket that holds something.
fn heaviest(report: &Value) -> &Value {
    &report["sockets"][0]
}

#[test]
fn counts_the_pages_behind_unread_bytes() {
    if !has_bpf() {
        return;
    }
    let stalled = StalledReader::make(UNREAD).unwrap();
    let report = json(&format!("--engine bpf --exact -t --min-recvq 1 {}", about(&stalled.reader)));
    assert_eq!(report["descriptors_engine"], "bpf");
    assert_documented(&report);
    let socket = heaviest(&report);
    let expected = (UNREAD * CHUNK) as u64;
    assert_eq!((&socket["pinned"], &socket["send_pinned"]), (&expected.into(), &0.into()), "{socket:#}");
    assert_eq!((&socket["exact_agrees"], &socket["exact_agreement"]), (&true.into(), &"same".into()));
    assert_eq!((&socket["not_measured"], &socket["not_counted"]), (&Value::Null, &0.into()));
    let [queue] = socket["exact"].as_array().unwrap().as_slice() else { panic!("{socket:#}") };
    assert_eq!((&queue["queue"], &queue["complete"]), (&"receive".into(), &true.into()));
    assert_eq!((&queue["bytes"], &queue["truesize"]), (&socket["recv_q"], &socket["skmem"]["rmem_alloc"]));
    assert_eq!(queue["pages"], serde_json::json!([{"order": 3, "blocks": UNREAD}]));
    assert_eq!(report["totals"]["pinned"], expected);
    assert_eq!(report["totals"]["pages"], queue["pages"]);
    assert_eq!(report["totals"]["measured"], 1);
}

/// Told to end before the second look, it lists what the first one saw.
#[test]
fn packets_once_when_ended_before_the_second_look() {
    if !has_bpf() {
        return;
    }
    let unread = Unread::make(1000);
    let arguments =
        format!("packets {} {} --again 1h --top 1", std::process::id(), unread.reader.as_raw_fd());
    let mut child = skcheck(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // The answer stands before the wait.
    out.read_line(&mut line).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(line.contains(" holds ") && rest.contains("Told to end before the second look"), "{line}{rest}");
    assert!(rest.contains("Receive queue: ") && rest.contains(" 1000 B,"), "{rest}");
}

#[test]
fn the_table_says_what_is_pinned_and_fits_the_terminal() {
    if !has_bpf() {
        return;
    }
    let stalled = StalledReader::make(UNREAD).unwrap();
    for width in [76, 80, 132] {
        let mut command = skcheck(&format!("--exact --verbose {}", about(&stalled.reader)));
        let shown = on_terminal(&mut command, width);
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(width), "{widest} > {width}:\n{shown}");
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for told in [
            "it pins 3.1 MiB of pages (measured)",
            "CHARGED PINNED WORST",
            "Measured: 1 socket pins 3.1 MiB: 100 blocks of 32 KiB.",
            "Looked through bpf at",
        ] {
            assert!(words.contains(told), "{told} in {shown}");
        }
    }
}

#[test]
fn a_limit_makes_a_floor() {
    if !has_bpf() {
        return;
    }
    let reader = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = reader.local_addr().unwrap().port();
    let writer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for _ in 0..5 {
        writer.send_to(b"0123456789", (Ipv4Addr::LOCALHOST, port)).unwrap();
    }
    let arguments = format!("-u --pid {} --port {port}", std::process::id());
    let report = json(&format!("{arguments} --exact"));
    assert_eq!(heaviest(&report)["unread"], 50, "the payload of every datagram");
    assert_eq!(heaviest(&report)["pinned"], 0, "small packets lie in slab memory");
    let report = json(&format!("{arguments} --exact-limit 2"));
    let queue = &heaviest(&report)["exact"][0];
    assert_eq!((&queue["packets"], &queue["complete"]), (&2.into(), &false.into()));
    assert_eq!(heaviest(&report)["exact_agrees"], Value::Null);
    let table = run(&mut skcheck(&format!("{arguments} --exact-limit 2"))).out;
    assert!(table.contains("≥0 B") && table.contains("--exact-limit 0"), "{table}");
}

#[test]
fn a_connection_that_was_reset_shows_what_it_keeps() {
    if !has_bpf() {
        return;
    }
    let unread = Unread::make(70_000);
    let (port, peer) = (unread.port(), unread.writer.local_addr().unwrap());
    rustix::net::sockopt::set_socket_linger(&unread.writer, Some(Duration::ZERO)).unwrap();
    drop(unread.writer);
    wait_until("the reset has arrived", || unread.reader.peer_addr().is_err());
    let arguments = format!("--engine bpf --exact --pid {} --state closed-held", std::process::id());
    let report = json(&arguments);
    let is_it = |socket: &&Value| socket["local"]["port"] == port;
    let socket = report["sockets"].as_array().unwrap().iter().find(is_it).unwrap();
    assert_eq!((&socket["state"], &socket["unread"]), (&"closed_held".into(), &70_000.into()));
    assert_eq!(socket["exact_agrees"], true, "{socket:#}");
    let table = run(&mut skcheck(&arguments)).out;
    let row = table.lines().find(|line| line.contains(&peer.to_string())).unwrap();
    assert!(row.contains("CLOSED ") && row.contains("68.4 KiB"), "{row}");
    assert!(row.contains("reset or closed, unread data kept"), "{row}");
}

#[test]
fn without_bpf_nothing_is_measured_and_nothing_missed() {
    let stalled = StalledReader::make(UNREAD).unwrap();
    let arguments = format!("--engine proc -t --min-recvq 1 {}", about(&stalled.reader));
    let report = json(&arguments);
    assert_eq!(report["descriptors_engine"], "proc");
    let socket = heaviest(&report);
    assert_eq!((&socket["pinned"], &socket["not_measured"]), (&Value::Null, &"no_engine".into()));
    assert_eq!(report["totals"]["pinned"], Value::Null);
    let asked_for = |gap: &Value| gap["what"] == "engine";
    assert!(!report["gaps"].as_array().unwrap().iter().any(asked_for), "it was not asked for");
    let table = run(&mut skcheck(&format!("{arguments} --verbose"))).out;
    assert!(!table.contains("PINNED") && table.contains("can pin up to"), "{table}");
    assert!(table.contains("BPF was not tried (--engine proc)"), "{table}");
}

#[test]
fn who_may_not_is_told_what_it_takes() {
    let stalled = StalledReader::make(UNREAD).unwrap();
    let port = stalled.reader.local_addr().unwrap().port();
    let ran = |arguments: &str| {
        let (_dir, mut nobody) = as_nobody(arguments);
        run(&mut nobody)
    };
    let report = ran(&format!("-t --port {port} --format json"));
    let report: Value = serde_json::from_str(&report.out).unwrap();
    let gap = report["gaps"].as_array().unwrap().iter().find(|gap| gap["what"] == "engine").unwrap();
    assert!(gap["remedy"].as_str().unwrap().contains("CAP_BPF"), "{gap}");
    let table = ran(&format!("-t --port {port} --exact"));
    assert_eq!(table.code, Some(0), "{table:?}");
    assert!(table.out.contains("Nothing was measured: BPF cannot be used here"), "{}", table.out);
    for arguments in ["--engine bpf", &format!("packets {} 0", std::process::id())] {
        let refused = ran(arguments);
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{refused:?}");
        assert!(refused.err.starts_with("skcheck: cannot use BPF: "), "{refused:?}");
        assert!(refused.err.contains("\n  run as root, or grant CAP_BPF"), "{refused:?}");
    }
}

#[test]
fn packets_of_a_stalled_reader() {
    if !has_bpf() {
        return;
    }
    let stalled = StalledReader::make(UNREAD).unwrap();
    let arguments = format!("packets {} {}", std::process::id(), stalled.reader.as_raw_fd());
    let ran = run(&mut skcheck(&format!("{arguments} --again 300ms")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for told in [
        &format!("({}) holds ", std::process::id()),
        "100 B unread",
        "They pin 3.1 MiB: 100 blocks of 32 KiB.",
        "packets are there, untouched: nobody has read in that time.",
        "Receive queue: ",
        "order 3, network",
    ] {
        assert!(ran.out.contains(told), "{told} in {}", ran.out);
    }
    let ran = run(&mut skcheck(&format!("{arguments} --format json")));
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_documented(&document);
    assert_eq!(document["schema"], "skcheck.packets/1");
    assert_eq!(document["again"], Value::Null);
    assert_eq!(document["pages"], serde_json::json!([{"order": 3, "blocks": UNREAD}]));
    let packets = document["packets"].as_array().unwrap();
    let sum = |field: &str| packets.iter().map(|packet| packet[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("length"), UNREAD as u64);
    assert_eq!(document["counters"]["rmem_alloc"], sum("truesize"));
    let fragments: usize = packets.iter().map(|packet| packet["fragments"].as_array().unwrap().len()).sum();
    assert_eq!(fragments, UNREAD);
}

#[test]
fn packets_that_were_read_meanwhile() {
    if !has_bpf() {
        return;
    }
    let reader = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let writer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for _ in 0..3 {
        writer.send_to(b"0123456789", reader.local_addr().unwrap()).unwrap();
    }
    let arguments = format!("packets {} {} --again 3s", std::process::id(), reader.as_raw_fd());
    let mut child = skcheck(&arguments).stdout(std::process::Stdio::piped()).spawn().unwrap();
    // The answer comes before the wait, so the first look is over when there is one.
    let mut answer = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    std::io::BufRead::read_line(&mut answer, &mut told).unwrap();
    assert!(told.contains("holds 3 packets"), "{told}");
    reader.recv(&mut [0; 10]).unwrap();
    std::io::Read::read_to_string(&mut answer, &mut told).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(told.contains("2 of 3 packets are still there, untouched; 1 was read or dropped."), "{told}");
}

#[test]
fn what_has_no_packets_is_refused() {
    if !has_bpf() {
        return;
    }
    let pid = std::process::id();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let file = std::fs::File::open("/proc/self/comm").unwrap();
    let netlink =
        rustix::net::socket(rustix::net::AddressFamily::NETLINK, rustix::net::SocketType::RAW, None).unwrap();
    let check = |arguments: String, why: &str| {
        let ran = run(&mut skcheck(&format!("packets {arguments}")));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments}: {ran:?}");
        assert!(ran.err.starts_with("skcheck: fd ") && ran.err.contains(why), "{arguments}: {ran:?}");
    };
    check("4194305 0".to_owned(), "there is no such process"); // PID_MAX_LIMIT is 4194304
    check(format!("{pid} 65000"), "no such descriptor");
    check(format!("{pid} {}", file.as_raw_fd()), "it is no socket");
    check(format!("{pid} {}", netlink.as_raw_fd()), "it is in no table");
    let ran = run(&mut skcheck(&format!("packets {pid} {}", listener.as_raw_fd())));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("holds no packets"), "{}", ran.out);
}
