//! Sockets of other network namespaces, made with `ip netns` and removed afterwards.

use std::fs::File;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use serde_json::Value;

use crate::privileges::as_nobody;
use crate::run::{json, on_terminal, run, skcheck, wait_until};

/// Two namespaces joined by a veth pair: 10.99.0.1 in `a`, 10.99.0.2 in `b`.
struct Pair {
    a: String,
    b: String,
}

impl Pair {
    /// `None` without root.
    fn make(test: &str) -> Option<Pair> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: needs root");
            return None;
        }
        let name = |end: &str| format!("skcheck-{}-{test}-{end}", std::process::id());
        let pair = Pair { a: name("a"), b: name("b") };
        ip(&format!("netns add {}", pair.a));
        ip(&format!("netns add {}", pair.b));
        ip(&format!("-n {} link add skv0 type veth peer name skv1 netns {}", pair.a, pair.b));
        for (netns, link, address) in [(&pair.a, "skv0", "10.99.0.1"), (&pair.b, "skv1", "10.99.0.2")] {
            ip(&format!("-n {netns} addr add {address}/24 dev {link}"));
            ip(&format!("-n {netns} link set {link} up"));
        }
        Some(pair)
    }

    /// A connection whose reader, in `a`, has not read `unread` bytes that were written in `b`.
    fn unread(&self, unread: usize) -> (TcpStream, TcpStream) {
        let listener = inside(&self.a, || TcpListener::bind("10.99.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let mut writer = inside(&self.b, || TcpStream::connect(address).unwrap());
        let reader = listener.accept().unwrap().0;
        writer.write_all(&vec![b'x'; unread]).unwrap();
        wait_until("the bytes have arrived", || {
            rustix::io::ioctl_fionread(&reader).unwrap() == unread as u64
        });
        (reader, writer)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for netns in [&self.a, &self.b] {
            let _ = Command::new("ip").args(["netns", "del", netns]).status();
        }
    }
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

fn file(netns: &str) -> File {
    File::open(format!("/run/netns/{netns}")).unwrap()
}

/// Runs on a thread that has moved there.
fn inside<T: Send>(netns: &str, run: impl FnOnce() -> T + Send) -> T {
    let there = file(netns);
    let moved = || {
        let kind = Some(rustix::thread::LinkNameSpaceType::Network);
        rustix::thread::move_into_link_name_space(there.as_fd(), kind).unwrap();
        run()
    };
    std::thread::scope(|scope| scope.spawn(moved).join().unwrap())
}

/// What is sent to an address that nobody has any more does not arrive: its reader has nothing to take, and
/// is not blamed, unlike one that does not read.
#[test]
fn what_does_not_arrive_is_no_readers_fault() {
    let Some(pair) = Pair::make("lost") else { return };
    let (reader, writer) = pair.unread(0);
    let me = std::process::id();
    let port = reader.local_addr().unwrap().port();
    let watch = format!("watch -t --pid {me} --port {port} --for 1s");
    writer.set_nonblocking(true).unwrap();
    while (&writer).write(&[b'x'; 1 << 16]).is_ok() {}
    let ran = run(&mut skcheck(&watch));
    assert!(ran.out.contains(") has read nothing for "), "{}", ran.out);
    assert!(!ran.out.contains("does not arrive"), "{}", ran.out);
    drop((reader, writer));

    let (reader, writer) = pair.unread(0);
    let port = reader.local_addr().unwrap().port();
    let watch = format!("watch -t --pid {me} --port {port} --for 1s");
    ip(&format!("-n {} link set skv0 address 02:00:00:00:00:99", pair.a));
    // The other end goes on believing what it knew.
    ip(&format!("-n {} neigh replace 10.99.0.1 lladdr 02:00:00:00:00:01 dev skv1 nud permanent", pair.b));
    (&writer).write_all(&[b'x'; 5000]).unwrap();
    let documents = |command: &str| {
        let ran = run(&mut skcheck(&format!("{command} --format jsonl")));
        let line = ran.out.lines().last().unwrap_or_else(|| panic!("{ran:?}")).to_owned();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let mut document = Value::Null;
    wait_until("it was sent again", || {
        document = documents(&watch);
        let socket = &document["sockets"][0];
        socket["not_arriving"]["tried_again"] == true
    });
    let socket = &document["sockets"][0];
    assert_eq!((&socket["writing"], &socket["cause"]), (&"stalled".into(), &Value::Null), "{document:#}");
    assert_eq!((&socket["root"], &socket["chain"]["end"]), (&Value::Null, &"not_arriving".into()));
    assert_eq!(socket["not_arriving"]["reader_empty"], true, "{document:#}");
    let ran = run(&mut skcheck(&watch));
    let first = ran.out.lines().next().unwrap();
    assert!(first.starts_with("No reader stands still. "), "{first}");
    assert!(first.contains("has 4.9 KiB unsent at fd "), "{first}");
    assert!(first.contains(", and what was sent does not arrive at "), "{first}");
    assert!(
        first.contains(": it was sent again ") && first.ends_with(", and nothing waits there."),
        "{first}"
    );
    assert!(!ran.out.contains("takes nothing"), "{}", ran.out);
    assert_eq!(rustix::io::ioctl_fionread(&reader).unwrap(), 0);
}

fn sockets(arguments: &str) -> Vec<Value> {
    json(arguments)["sockets"].as_array().unwrap().clone()
}

#[test]
fn a_socket_carries_its_namespace_and_its_inferred_peer() {
    let Some(pair) = Pair::make("json") else { return };
    let (reader, _writer) = pair.unread(5000);
    let filter =
        format!("-t --all --pid {} --port {}", std::process::id(), reader.local_addr().unwrap().port());
    let report = json(&format!("{filter} --min-recvq 1"));
    let [socket] = report["sockets"].as_array().unwrap().as_slice() else { panic!("{report:#}") };
    let netns = serde_json::json!({
        "inode": file(&pair.a).metadata().unwrap().ino(), "name": pair.a, "own": false,
    });
    assert_eq!((&socket["netns"], &socket["unread"]), (&netns, &5000.into()));
    assert_eq!(socket["peer_inferred"], true);
    assert_eq!(socket["peer_holders"][0]["pid"], std::process::id());
    assert!(report["namespaces"].as_array().unwrap().contains(&netns));
    drop(reader);
}

#[test]
fn netns_narrows() {
    let Some(pair) = Pair::make("choice") else { return };
    let (reader, _writer) = pair.unread(5000);
    let filter =
        format!("-t --all --pid {} --port {}", std::process::id(), reader.local_addr().unwrap().port());
    let count = |netns: &str| sockets(&format!("{filter} --netns {netns}")).len();
    assert_eq!(count("all"), 2);
    assert_eq!(count("current"), 0);
    assert_eq!(count(&std::process::id().to_string()), 0);
    assert_eq!(count(&pair.a), 1);
    assert_eq!(count(&format!("/run/netns/{}", pair.b)), 1);
    let unread = sockets(&format!("{filter} --min-recvq 1 --netns {}", pair.a));
    assert_eq!(unread[0]["netns"]["name"], pair.a.as_str());
}

#[test]
fn the_table_names_namespaces_only_where_there_are_several() {
    let Some(pair) = Pair::make("table") else { return };
    let (reader, _writer) = pair.unread(5000);
    let here = crate::run::Unread::make(100);
    let (there, here) = (reader.local_addr().unwrap().port(), here.port());
    let filter = |port: u16| format!("-t --pid {} --port {port}", std::process::id());
    let quiet = run(&mut skcheck(&filter(here))).out;
    assert!(!quiet.contains("NETNS"), "{quiet}");
    let table = run(&mut skcheck(&filter(there))).out;
    assert!(table.contains("  NETNS  ") && table.contains(&pair.a), "{table}");
    assert!(table.lines().any(|line| line.contains("  ~cli-") && line.contains(&pair.a)), "{table}");
    assert!(table.contains("~: in another network namespace"), "{table}");

    let blocks = run(&mut skcheck(&format!("{} --all --by netns", filter(there)))).out;
    for netns in [&pair.a, &pair.b] {
        let head = blocks.lines().find(|line| line.starts_with(netns.as_str()));
        let inode = file(netns).metadata().unwrap().ino();
        assert!(head.is_some_and(|line| line.contains(&format!("net:[{inode}]"))), "{blocks}");
    }

    let narrow = on_terminal(&mut skcheck(&filter(there)), 80);
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    assert!(narrow.contains(&format!("netns {}", pair.a)), "{narrow}");
}

#[test]
fn without_privilege_the_others_are_a_gap_that_counts_them() {
    let Some(_pair) = Pair::make("gap") else { return };
    let (_dir, mut nobody) = as_nobody("--format json");
    let report: Value = serde_json::from_str(&run(&mut nobody).out).unwrap();
    let gap = report["gaps"].as_array().unwrap().iter().find(|gap| gap["what"] == "namespaces");
    let gap = gap.unwrap_or_else(|| panic!("{:#}", report["gaps"]));
    assert!(gap["count"].as_u64().unwrap() >= 2, "{gap}");
    assert!(gap["remedy"].as_str().unwrap().contains("CAP_SYS_ADMIN"), "{gap}");
    // Where is which, and why is in the remedy.
    assert_eq!(gap["place"]["kind"], "namespaces", "{gap}");
    let names = gap["place"]["names"].as_array().unwrap();
    assert_eq!(names.len() as u64 + gap["place"]["more"].as_u64().unwrap(), gap["count"].as_u64().unwrap());
    assert!(names.len() >= 2 && names.iter().all(|name| name["inode"].is_u64() && name["path"].is_string()));
    assert!(!gap["where"].as_str().unwrap().contains("os error"), "{gap}");
    assert!(gap["remedy"].as_str().unwrap().contains("os error"), "{gap}");
    assert_eq!(report["totals"]["unlisted_tcp_mem"], Value::Null);

    let (_dir, mut nobody) = as_nobody("--netns current --format json");
    let report: Value = serde_json::from_str(&run(&mut nobody).out).unwrap();
    assert!(!report["gaps"].as_array().unwrap().iter().any(|gap| gap["what"] == "namespaces"));
}

/// What UDP has sent is charged to the sender until a device takes it, and lies in no queue of the socket's
/// own: what it pins is unknown, and not 0.
#[test]
fn what_waits_for_a_device_was_not_measured() {
    let Some(pair) = Pair::make("device") else { return };
    let shaped = "qdisc add dev skv0 root tbf rate 8kbit burst 2000 limit 100000000";
    let arguments = ["-n", &pair.a].into_iter().chain(shaped.split(' '));
    assert!(Command::new("tc").args(arguments).status().unwrap().success());
    ip(&format!("-n {} neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev skv0", pair.a));
    let sender = inside(&pair.a, || UdpSocket::bind("0.0.0.0:0").unwrap());
    rustix::net::sockopt::set_socket_send_buffer_size_force(&sender, 64 << 20).unwrap();
    for _ in 0..500 {
        sender.send_to(&[b'x'; 1200], "10.99.0.2:9").unwrap();
    }
    let arguments = format!("-u --exact --pid {} --netns {}", std::process::id(), pair.a);
    let report = json(&arguments);
    let [socket] = report["sockets"].as_array().unwrap().as_slice() else { panic!("{report:#}") };
    assert!(socket["send_charged"].as_u64().unwrap() > 490 * 1200, "{socket:#}");
    assert_eq!((&socket["not_measured"], &socket["unread"]), (&"elsewhere".into(), &0.into()), "{socket:#}");
    assert_eq!((&socket["pinned"], &socket["send_pinned"]), (&Value::Null, &Value::Null), "{socket:#}");
    let table = run(&mut skcheck(&arguments)).out;
    for told in [
        " has sent data that waits for a device.",
        "PINNED was measured: ? not measured.",
        " of sent packets that are on their way to a device (tc -s qdisc",
    ] {
        assert!(table.contains(told), "{told} in {table}");
    }
    let row = table.lines().find(|line| line.contains("UNCONN")).unwrap();
    assert!(row.contains("  ?  ") && !row.contains(" 0 B  0 B  "), "{row}");
    assert!(!table.contains("(measured)"), "{table}");
    let packets = format!("packets {} {}", std::process::id(), sender.as_raw_fd());
    let packets = run(&mut skcheck(&packets)).out;
    for told in [
        "holds no packets at fd ",
        " in queues of its own.",
        " for sent packets that are on their way to a device",
    ] {
        assert!(packets.contains(told), "{told} in {packets}");
    }
}
