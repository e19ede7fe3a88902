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
use crate::stall::{StalledReader, chunk};

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

/// The order of a chunk.
fn order() -> u32 {
    (chunk() / rustix::param::page_size()).ilog2()
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
    let expected = (UNREAD * chunk()) as u64;
    assert_eq!((&socket["pinned"], &socket["send_pinned"]), (&expected.into(), &0.into()), "{socket:#}");
    assert_eq!((&socket["exact_agrees"], &socket["exact_agreement"]), (&true.into(), &"same".into()));
    assert_eq!((&socket["not_measured"], &socket["not_counted"]), (&Value::Null, &0.into()));
    let [queue] = socket["exact"].as_array().unwrap().as_slice() else { panic!("{socket:#}") };
    assert_eq!((&queue["queue"], &queue["complete"]), (&"receive".into(), &true.into()));
    assert_eq!((&queue["bytes"], &queue["truesize"]), (&socket["recv_q"], &socket["skmem"]["rmem_alloc"]));
    assert_eq!(queue["pages"], serde_json::json!([{"order": order(), "blocks": UNREAD}]));
    assert_eq!(report["totals"]["pinned"], expected);
    assert_eq!(report["totals"]["pages"], queue["pages"]);
    assert_eq!(report["totals"]["measured"], 1);
}

/// Whose descriptor it is, and what to do.
#[test]
fn packets_of_nothing_name_the_process() {
    if !has_bpf() {
        return;
    }
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    let ran = run(&mut skcheck(&format!("packets {} 999999", std::process::id())));
    let expected = format!("skcheck: fd 999999 of {} ({}): ", name.trim(), std::process::id());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.starts_with(&expected), "{ran:?}");
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
            "it pins 3.1 MiB (measured)",
            "CHARGED PINNED WORST",
            "Measured: 1 socket pins 3.1 MiB: 100 blocks of 32 KiB, and ",
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
    assert_eq!(heaviest(&report)["pinned_is_floor"], true);
    let least = heaviest(&report)["slab"].as_u64().unwrap();
    assert!(least > 0 && least.is_multiple_of(2), "two heads of one size: {least}");
    let table = run(&mut skcheck(&format!("{arguments} --exact-limit 2"))).out;
    assert!(
        table.contains(&format!("≥{}", text(least))) && table.contains("--exact-limit 0"),
        "{least}: {table}"
    );
}

/// What comes back when it is read: small packets pin no pages, and take slab memory.
#[test]
fn small_packets_pin_slab_memory() {
    if !has_bpf() {
        return;
    }
    let reader = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let writer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for _ in 0..20 {
        writer.send_to(&[b'x'; 300], reader.local_addr().unwrap()).unwrap();
    }
    let port = reader.local_addr().unwrap().port();
    let arguments = format!("-u --exact --pid {} --port {port}", std::process::id());
    let report = json(&arguments);
    let socket = heaviest(&report);
    let slab = socket["slab"].as_u64().unwrap();
    assert_eq!((&socket["pinned"], &socket["send_slab"]), (&0.into(), &0.into()), "{socket:#}");
    // Each head has room for its datagram, and all of them are charged.
    assert!(slab >= 20 * 300 && slab < socket["charged"].as_u64().unwrap(), "{socket:#}");
    let table = run(&mut skcheck(&arguments)).out;
    let pinned = text(slab);
    for told in [
        format!("it pins {pinned}, all of it slab memory (measured)."),
        format!("Measured: 1 socket pins {pinned} of slab memory."),
    ] {
        assert!(table.contains(&told), "{told} in {table}");
    }
    let row = table.lines().find(|line| line.contains("UNCONN")).unwrap();
    assert!(row.contains(&format!(" {pinned} ")), "{row}");
}

/// A size of at least 10 KiB and less than 1 MiB, or of whole KiB, as it is printed.
fn text(bytes: u64) -> String {
    if bytes.is_multiple_of(1024) {
        format!("{} KiB", bytes / 1024)
    } else {
        format!("{:.1} KiB", (bytes as f64 / 102.4).round() / 10.0)
    }
}

/// A sender whose peer does not read: nothing of what it holds is unread, and no queue is called another.
#[test]
fn packets_of_a_sender() {
    if !has_bpf() {
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (reader, _) = listener.accept().unwrap();
    sender.set_nonblocking(true).unwrap();
    // The peer's window opens in steps: full for some time is full.
    let mut quiet = 0;
    wait_until("the sender is full", || {
        quiet += 1;
        while std::io::Write::write(&mut (&sender), &[b'x'; 65536]).is_ok() {
            quiet = 0;
        }
        std::thread::sleep(Duration::from_millis(20));
        quiet > 25
    });
    let of = |socket: &TcpStream, format: &str| {
        let ran = format!("packets {} {} --again 100ms {format}", std::process::id(), socket.as_raw_fd());
        run(&mut skcheck(&ran)).out
    };
    let report = json(&format!("-t --exact --pid {}", std::process::id()));
    let of_scan = |socket: &TcpStream| {
        let port = socket.local_addr().unwrap().port();
        let is_it = |it: &&Value| it["local"]["port"] == port && it["state"] == "established";
        report["sockets"].as_array().unwrap().iter().find(is_it).unwrap().clone()
    };
    for (socket, queue) in [(&sender, "write"), (&reader, "receive")] {
        let document: Value = serde_json::from_str(&of(socket, "--format json")).unwrap();
        assert_documented(&document);
        let scanned = of_scan(socket);
        for field in [
            "unread",
            "unsent",
            "charged",
            "send_charged",
            "error_packets",
            "pinned",
            "send_pinned",
            "slab",
            "send_slab",
            "charged_elsewhere",
            "send_charged_elsewhere",
            "pinned_is_floor",
            "exact",
        ] {
            assert_eq!(document[field], scanned[field], "{field} of {queue}");
        }
        let [only] = document["exact"].as_array().unwrap().as_slice() else { panic!("{document:#}") };
        assert_eq!(only["queue"], queue);
        let packets = document["packets"].as_array().unwrap();
        assert!(packets.iter().all(|packet| packet["queue"] == queue), "{document:#}");
        assert_eq!(packets.len() as u64, only["packets"].as_u64().unwrap());
    }
    let (sent, unsent) = (of(&sender, ""), of_scan(&sender)["unsent"].as_u64().unwrap());
    assert!(unsent > 100_000);
    assert!(sent.contains(" that the peer has not taken, ") && !sent.contains(" unread"), "{sent}");
    assert!(sent.contains("The peer has taken 0 B of what waits to be sent."), "{sent}");
    assert!(sent.contains("\nWrite queue: ") && !sent.contains("Receive queue"), "{sent}");
    let rows = sent.split("\nWrite queue: ").nth(1).unwrap();
    assert!(rows.lines().any(|line| line.trim_start().starts_with("1 ")), "its packets are listed: {sent}");
    let received = of(&reader, "");
    assert!(received.contains(" unread, ") && !received.contains("has not taken"), "{received}");
    assert!(!received.contains("Write queue") && !received.contains("The peer has taken"), "{received}");
}

#[test]
fn what_a_unix_socket_has_sent_is_in_its_peers_queue() {
    if !has_bpf() {
        return;
    }
    let (sender, _reader) = std::os::unix::net::UnixStream::pair().unwrap();
    std::io::Write::write_all(&mut (&sender), &[b'x'; 5000]).unwrap();
    let ran = run(&mut skcheck(&format!("packets {} {}", std::process::id(), sender.as_raw_fd())));
    for told in
        ["holds no packets", "in queues of its own.", "waits in the queue of its peer: it is charged "]
    {
        assert!(ran.out.contains(told), "{told} in {ran:?}");
    }
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
        // Beside what the heads take in slab memory: how many there are depends on what the kernel merges.
        ": 100 blocks of 32 KiB, and ",
        "packets are there, untouched: nobody has read in that time.",
        "Receive queue: ",
        &format!("order {}, network", order()),
    ] {
        assert!(ran.out.contains(told), "{told} in {}", ran.out);
    }
    let ran = run(&mut skcheck(&format!("{arguments} --format json")));
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_documented(&document);
    assert_eq!(document["schema"], "skcheck.packets/1");
    assert_eq!(document["again"], Value::Null);
    assert_eq!(document["pages"], serde_json::json!([{"order": order(), "blocks": UNREAD}]));
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
