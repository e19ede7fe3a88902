//! Error queues that nobody fetches: they take the receive buffer, and are no unread data.

use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _};

use nix::sys::socket::{TimestampingFlag, setsockopt, sockopt};
use serde_json::Value;

use crate::json::assert_documented;
use crate::run::{json, run, skcheck, wait_until};

/// How many packets lie in it.
const NOTED: u64 = 40;

/// A UDP socket of this process with time stamps of all that it has sent; what it has received is read.
fn noted() -> Option<UdpSocket> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root (CAP_BPF and CAP_PERFMON)");
        return None;
    }
    let [socket, other] = [(); 2].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    stamp(&socket);
    for _ in 0..NOTED {
        socket.send_to(&[b'x'; 100], other.local_addr().unwrap()).unwrap();
        other.send_to(&[b'y'; 10], socket.local_addr().unwrap()).unwrap();
        assert_eq!(socket.recv(&mut [0; 100]).unwrap(), 10);
    }
    Some(socket)
}

fn stamp(socket: &impl AsFd) {
    let wanted = TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    setsockopt(socket, sockopt::Timestamping, &wanted).unwrap();
}

fn about(socket: &UdpSocket) -> String {
    format!("-u --pid {} --port {}", std::process::id(), socket.local_addr().unwrap().port())
}

/// The documents of a watch that looks three times.
fn watched(arguments: &str) -> Vec<Value> {
    let ran =
        run(&mut skcheck(&format!("watch {arguments} --all --interval 300ms --for 650ms --format jsonl")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn is_told_by_itself_everywhere() {
    let Some(socket) = noted() else { return };
    let arguments = about(&socket);
    let told = format!("error queue: {NOTED} packets never fetched");

    let report = json(&format!("--exact {arguments}"));
    assert_documented(&report);
    let of = &report["sockets"][0];
    assert_eq!((&of["unread"], &of["error_packets"]), (&0.into(), &NOTED.into()), "{of:#}");
    assert_eq!((&of["exact_agrees"], &of["charged_elsewhere"]), (&true.into(), &0.into()), "{of:#}");
    let [queue] = of["exact"].as_array().unwrap().as_slice() else { panic!("{of:#}") };
    assert_eq!((&queue["queue"], &queue["truesize"]), (&"error".into(), &of["charged"]));
    let table = run(&mut skcheck(&format!("--exact {arguments}"))).out;
    let has = format!("has {NOTED} packets in error queues at fd {}, never fetched.", socket.as_raw_fd());
    assert!(table.contains(&has) && table.contains(&told) && !table.contains("sits on"), "{table}");

    // By neither short form of looking twice does its reader stand still.
    for document in watched(&arguments) {
        let of = &document["sockets"][0];
        assert_eq!((&document["stalled"], &of["verdict"]), (&0.into(), &"idle".into()), "{of:#}");
        assert_eq!((&of["unread"], &of["error_packets"]), (&0.into(), &NOTED.into()), "{of:#}");
    }
    for command in ["--stalled", "watch --interval 300ms --for 350ms"] {
        let ran = run(&mut skcheck(&format!("{command} {arguments}")));
        let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("fd {}: {told}.", socket.as_raw_fd())), "{words}");
        assert!(!words.contains("cannot be told") && !words.contains("has read nothing"), "{words}");
    }

    let packets = format!("packets {} {} --again 200ms", std::process::id(), socket.as_raw_fd());
    let ran = run(&mut skcheck(&packets));
    for told in [
        format!("{NOTED} packets in the error queue never fetched, "),
        format!("still nothing to read. Nobody has fetched the {NOTED} packets in the error queue."),
        "\nError queue: ".to_owned(),
    ] {
        assert!(ran.out.contains(&told), "{told} in {}", ran.out);
    }
    assert!(!ran.out.contains("unread") && !ran.out.contains("Receive queue"), "{}", ran.out);
    let document: Value =
        serde_json::from_str(&run(&mut skcheck(&format!("{packets} --format json"))).out).unwrap();
    assert_documented(&document);
    assert_eq!((&document["unread"], &document["error_packets"]), (&0.into(), &NOTED.into()));
    let again = &document["again"];
    assert_eq!((&again["before"], &again["read"]), (&0.into(), &false.into()), "{again:#}");
    assert_eq!(again["errors"], serde_json::json!({"before": NOTED, "fetched": 0, "arrived": 0}));
}

/// What waits beside it is unread as ever, and its reader reads nothing.
#[test]
fn hides_no_unread_data() {
    let Some(socket) = noted() else { return };
    let writer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for _ in 0..20 {
        writer.send_to(&[b'z'; 1000], socket.local_addr().unwrap()).unwrap();
    }
    let arguments = about(&socket);
    let report = json(&format!("--exact {arguments}"));
    let of = &report["sockets"][0];
    assert_eq!((&of["unread"], &of["error_packets"]), (&20_000.into(), &NOTED.into()), "{of:#}");
    let documents = watched(&arguments);
    let of = &documents.last().unwrap()["sockets"][0];
    assert_eq!((&of["verdict"], &of["error_packets"]), (&"stalled".into(), &NOTED.into()), "{of:#}");
    let ran = run(&mut skcheck(&format!("packets {} {}", std::process::id(), socket.as_raw_fd())));
    assert!(ran.out.contains("19.5 KiB unread, "), "{}", ran.out);
    assert!(
        ran.out.contains("\nReceive queue: 20 packets, ") && ran.out.contains("\nError queue: "),
        "{}",
        ran.out
    );
}

/// The same of TCP, whose Recv-Q says that nothing is unread.
#[test]
fn of_tcp() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root (CAP_BPF and CAP_PERFMON)");
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (reader, _) = listener.accept().unwrap();
    sender.set_nodelay(true).unwrap();
    stamp(&sender);
    for _ in 0..5 {
        std::io::Write::write_all(&mut (&sender), &[b'x'; 100]).unwrap();
        std::io::Read::read_exact(&mut (&reader), &mut [0; 100]).unwrap();
    }
    let port = sender.local_addr().unwrap().port();
    let arguments = format!("-t --pid {} --port {port}", std::process::id());
    let mut of = Value::Null;
    wait_until("all is acknowledged", || {
        let report = json(&format!("--exact {arguments}"));
        let is_it = |it: &&Value| it["local"]["port"] == port;
        of = report["sockets"].as_array().unwrap().iter().find(is_it).cloned().unwrap_or_default();
        of["unsent"] == 0
    });
    // What a slow machine sends again is noted once more.
    let noted = of["error_packets"].as_u64().unwrap();
    assert!(of["unread"] == 0 && (5..10).contains(&noted), "{of:#}");
    let table = run(&mut skcheck(&format!("--exact {arguments}"))).out;
    assert!(table.contains("in error queues") && !table.contains("unread data"), "{table}");
}
