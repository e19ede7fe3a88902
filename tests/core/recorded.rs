//! Recordings of real kernels: whole scans again, and each datagram through the decoder.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};

use rustix::net::{SocketAddrUnix, SocketType};
use skcheck_core::diag::decode::Answer;
use skcheck_core::diag::request::{IpVersion, Table};
use skcheck_core::{Endpoint, Live, NetnsChoice, RecvQueue, Report, SendQueue, Snapshot, scan};

use crate::support::netns::in_own_netns;
use crate::support::replay::{Recorder, Replay};
use crate::support::scan::{everything, get};
use crate::support::sockets::{self, inode, send_unix, tcp_pair, unix_pair, unix_socket};
use crate::support::ss;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// Every recording: its directory, and the lines of `about.txt` behind `decodes to:`.
fn recordings() -> Vec<(PathBuf, String)> {
    let list = |path: &Path| -> Vec<PathBuf> {
        let entries = path.read_dir().expect("a directory");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("listed").path()).collect();
        paths.sort();
        paths
    };
    let kernels = list(&fixtures()).into_iter().filter(|path| path.is_dir());
    let directories = kernels.flat_map(|kernel| list(&kernel));
    directories
        .map(|directory| {
            let about = std::fs::read_to_string(directory.join("about.txt")).expect("about.txt");
            let (_, expected) = about.split_once("decodes to:\n").expect("what it decodes to");
            (directory, expected.to_owned())
        })
        .collect()
}

#[test]
fn recordings_decode_to_what_was_made() {
    let recordings = recordings();
    assert!(!recordings.is_empty());
    for (directory, expected) in recordings {
        let snapshot = scan(&Replay::open(&directory), &everything()).expect("it was scanned once");
        assert_eq!(describe(&snapshot), expected, "{}", directory.display());
    }
}

/// Cut anywhere, a datagram of a real kernel yields the same records up to the cut.
#[test]
fn cut_recordings_keep_what_is_whole() {
    for (directory, _) in recordings() {
        for (request, datagram) in Replay::open(&directory).datagrams() {
            let table = match request[16] {
                1 => Table::Unix,
                _ => Table::Tcp(IpVersion::V4),
            };
            let decode = |bytes: &[u8]| {
                let mut sockets = Vec::new();
                let mut answer = Answer::new(table, 0);
                let _ = answer.datagram(bytes, |record| sockets.push(record.into_socket()));
                assert!(bytes.len() < datagram.len() || answer.bad_messages + answer.bad_attributes == 0);
                sockets
            };
            let whole = decode(&datagram);
            for cut in 0..datagram.len() {
                let part = decode(&datagram[..cut]);
                assert_eq!(part[..], whole[..part.len()]);
            }
        }
    }
}

/// A recording answers as the host did.
#[test]
fn what_is_recorded_replays() {
    let (writer, reader) = unix_pair(SocketType::STREAM);
    send_unix(&writer, 10);
    let mut query = everything();
    (query.tcp, query.udp) = (false, false);
    query.pids = vec![std::process::id()];
    query.min_recv_q = Some(10);
    // A recording does not tell namespaces apart, and other tests make some.
    query.netns = NetnsChoice::Current;
    let live = Live::new();
    let recorder = Recorder::new(&live, &[std::process::id()]);
    let recorded = scan(&recorder, &query).expect("the host can be scanned");
    let replayed = scan(&Replay::parse(&recorder.finish()), &query).expect("it was scanned once");
    assert_eq!(get(&replayed, inode(&reader)), get(&recorded, inode(&reader)));
    assert_eq!((replayed.sockets, replayed.processes), (recorded.sockets, recorded.processes));
    assert_eq!(replayed.gaps, recorded.gaps);
}

/// One line a socket, all numbers, in an order that does not depend on inodes.
fn describe(snapshot: &Snapshot) -> String {
    let mut lines: Vec<String> = snapshot.sockets.iter().map(|report| line(snapshot, report)).collect();
    lines.sort();
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("memory");
        text
    })
}

fn line(snapshot: &Snapshot, report: &Report) -> String {
    let socket = &report.socket;
    let endpoint = |end: &Endpoint| match end {
        Endpoint::Ip { addr, port } => SocketAddr::new(*addr, *port).to_string(),
        Endpoint::Path(path) => path.escape_ascii().to_string(),
        Endpoint::Abstract(name) => format!("@{}", name.escape_ascii()),
        Endpoint::Unnamed => "unnamed".to_owned(),
        _ => "unknown".to_owned(),
    };
    let recv_q = match socket.recv_q {
        RecvQueue::Payload(n) => format!("payload:{}", n.0),
        RecvQueue::Truesize(n) => format!("truesize:{}", n.0),
        RecvQueue::Connections(n) => format!("connections:{}", n.0),
        RecvQueue::FirstDatagram(n) => format!("first_datagram:{}", n.0),
        _ => "unknown".to_owned(),
    };
    let send_q = match socket.send_q {
        SendQueue::Payload(n) => format!("payload:{}", n.0),
        SendQueue::Truesize(n) => format!("truesize:{}", n.0),
        SendQueue::BacklogLimit(n) => format!("backlog_limit:{}", n.0),
        _ => "unknown".to_owned(),
    };
    let number = |number: Option<u64>| number.map_or("unknown".to_owned(), |n| n.to_string());
    let received = &report.footprint.received;
    let skmem = match socket.skmem.drops {
        Some(_) => ss::numbers(&socket.skmem).map(|n| n.to_string()).join(","),
        None => "none".to_owned(),
    };
    let comms = |holders: &[skcheck_core::Holder]| {
        let comm = |holder: &skcheck_core::Holder| snapshot.process(holder.pid)?.comm.clone();
        let names: Vec<Vec<u8>> = holders.iter().filter_map(comm).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(&b'+').escape_ascii().to_string() }
    };
    format!(
        "{} {} {} > {} recv_q={recv_q} send_q={send_q} skmem={skmem} unread={} charged={} worst={} {}: {} peer: {}",
        socket.protocol.name(),
        socket.state.name(),
        endpoint(&socket.local),
        endpoint(&socket.peer),
        number(received.payload.map(|n| n.0)),
        number(received.charged.map(|n| n.0)),
        number(received.worst.map(|n| n.bytes.0)),
        report.holding.name(),
        comms(&report.holders),
        comms(&report.peer_holders),
    )
}

/// Makes the recordings of the kernel that runs, in `tests/fixtures/<kernel>/`:
/// `cargo test -p skcheck-core --test core recorded::record -- --exact --ignored`
///
/// What they decode to is then to be compared with what was made, once, by eye.
#[test]
#[ignore = "writes fixtures"]
fn record() {
    if !in_own_netns("recorded::record") {
        return;
    }
    std::fs::write("/proc/self/comm", "recorder").expect("a process names itself");
    record_tcp();
    record_udp();
    record_unix();
}

fn record_tcp() {
    let mut unread = tcp_pair("127.0.0.1");
    unread.send(1000);
    let mut finished = tcp_pair("::1");
    finished.send(10);
    finished.finish();
    let stuck = tcp_pair("127.0.0.1");
    sockets::fill(&stuck.client);
    let listener = TcpListener::bind("[::]:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut waits = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    waits.write_all(b"not accepted").expect("connected");
    let bound = sockets::socket_of(rustix::net::AddressFamily::INET, SocketType::STREAM, None);
    rustix::net::bind(&bound, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let fresh = sockets::socket_of(rustix::net::AddressFamily::INET6, SocketType::STREAM, None);
    write(
        "tcp",
        "IPv4: 1000 bytes unread; a full connection, its client's window closed; a bound socket\n\
         IPv6: 10 bytes and a FIN unread; a fresh socket; a dual-stack listener\n\
         with an IPv4 client that has sent 12 bytes",
    );
    drop((unread, finished, stuck, listener, waits, bound, fresh));
}

fn record_udp() {
    let reader = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let six = UdpSocket::bind("[::1]:0").expect("a free port");
    for (socket, times) in [(&reader, 3), (&six, 1)] {
        let to = socket.local_addr().expect("bound");
        for _ in 0..times {
            socket.send_to(&[b'x'; 100], to).expect("loopback takes it");
        }
    }
    write("udp", "IPv4: three datagrams of 100 bytes unread\nIPv6: one datagram of 100 bytes unread");
    drop((reader, six));
}

fn record_unix() {
    let pairs = [SocketType::STREAM, SocketType::DGRAM, SocketType::SEQPACKET].map(unix_pair);
    for (writer, _) in &pairs {
        (0..3).for_each(|_| send_unix(writer, 100));
    }
    let listener = unix_socket(SocketType::STREAM);
    let address = SocketAddrUnix::new_abstract_name(b"nul \0 and \xff").expect("short enough");
    rustix::net::bind(&listener, &address).expect("the name is free");
    rustix::net::listen(&listener, 5).expect("bound");
    let waits = unix_socket(SocketType::STREAM);
    rustix::net::connect(&waits, &address).expect("it listens");
    send_unix(&waits, 50);
    let unbound = unix_socket(SocketType::DGRAM);
    write(
        "unix",
        "a pair of each kind, three times 100 bytes unread; an unbound datagram socket;\n\
         a listener named \"nul \\0 and \\xff\" with a client that has sent 50 bytes",
    );
    drop((pairs, listener, waits, unbound));
}

fn write(name: &str, made: &str) {
    // Late acknowledgements change numbers for a moment.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("/proc is mounted");
    let live = Live::new();
    let recorder = Recorder::new(&live, &[std::process::id()]);
    let snapshot = scan(&recorder, &everything()).expect("the host can be scanned");
    let version: Vec<&str> = release.split(['.', '-']).take(2).collect();
    let directory = fixtures().join(version.join(".")).join(name);
    std::fs::create_dir_all(&directory).expect("it can be made");
    std::fs::write(directory.join("calls.txt"), recorder.finish()).expect("it is written");
    let about = format!(
        "kernel: Linux {}, {}\n\
         made by: cargo test -p skcheck-core --test core recorded::record -- --exact --ignored\n\
         made:\n{made}\n\
         decodes to:\n{}",
        release.trim(),
        std::env::consts::ARCH,
        describe(&snapshot),
    );
    std::fs::write(directory.join("about.txt"), about).expect("it is written");
}
