//! Recordings of real kernels: whole scans again, and each datagram through the decoder.

mod live;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::net::SocketType;
use skcheck_core::testing::decode::Answer;
use skcheck_core::{
    Endpoint, IpVersion, Live, NetnsChoice, Protocols, Query, RecvQueue, SendQueue, Snapshot, SocketEntry,
    Table, scan,
};

use crate::support::replay::{Recorder, Replay};
use crate::support::scan::get;
use crate::support::sockets::{inode, send_unix, unix_pair};
use crate::support::ss;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// TCP, UDP and unix sockets of this namespace: a recording does not tell namespaces apart, and others that
/// hold sockets would be recorded as this one.
fn here() -> Query {
    let mut query = Query::of(Protocols::TCP | Protocols::UDP | Protocols::UNIX);
    query.include_idle = true;
    query.netns = NetnsChoice::Current;
    query
}

/// All other sockets of this namespace.
fn others_here() -> Query {
    let mut query = Query::of(Protocols::MPTCP | Protocols::RAW | Protocols::PACKET | Protocols::NETLINK);
    (query.include_idle, query.netns) = (true, NetnsChoice::Current);
    query
}

/// What the recording with this name answers.
fn query_of(name: &str) -> Query {
    if name == "others" { others_here() } else { here() }
}

/// Every recording of a scan: its directory, and the lines of `about.txt` behind `decodes to:`.
fn recordings() -> Vec<(PathBuf, String)> {
    let list = |path: &Path| -> Vec<PathBuf> {
        let entries = path.read_dir().expect("a directory");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("listed").path()).collect();
        paths.sort();
        paths
    };
    let kernels = list(&fixtures()).into_iter().filter(|path| path.is_dir());
    let directories = kernels.flat_map(|kernel| list(&kernel));
    // Those of memory are plain files.
    let of_scans = directories.filter(|directory| directory.join("calls.txt").exists());
    of_scans
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
        let name = directory.file_name().and_then(|name| name.to_str()).expect("a name");
        let snapshot = scan(&Replay::open(&directory), &query_of(name)).expect("it was scanned once");
        assert_eq!(describe(&snapshot), expected, "{}", directory.display());
    }
}

/// Cut anywhere, a datagram of a real kernel yields the same records up to the cut.
#[test]
fn cut_recordings_keep_what_is_whole() {
    for (directory, _) in recordings() {
        for (request, datagram) in Replay::open(&directory).datagrams() {
            let table = match (request[16], request[17]) {
                (1, _) => Table::Unix,
                (16, _) => Table::Netlink,
                (17, _) => Table::Packet,
                (_, 0) => Table::Mptcp(IpVersion::V4),
                (_, 255) => Table::Raw(IpVersion::V4),
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
    let mut query = here();
    query.protocols -= Protocols::TCP | Protocols::UDP;
    query.pids = vec![std::process::id()];
    query.min_recv_q = Some(10);
    let live = Live::new();
    let recorder = Recorder::new(&live, &[std::process::id()]);
    let recorded = scan(&recorder, &query).expect("the host can be scanned");
    let mut replayed = scan(&Replay::parse(&recorder.finish()), &query).expect("it was scanned once");
    set_clock(&mut replayed, &recorded);
    assert_eq!(get(&replayed, inode(&reader)), get(&recorded, inode(&reader)));
    assert_eq!((replayed.sockets, replayed.processes), (recorded.sockets, recorded.processes));
    assert_eq!(replayed.gaps, recorded.gaps);
}

/// A recording has no clock: takes the times of what was recorded.
fn set_clock(replayed: &mut Snapshot, recorded: &Snapshot) {
    (replayed.taken_at, replayed.duration) = (recorded.taken_at, recorded.duration);
    for (report, recorded) in replayed.sockets.iter_mut().zip(&recorded.sockets) {
        report.read_after = recorded.read_after;
    }
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

fn line(snapshot: &Snapshot, report: &SocketEntry) -> String {
    let socket = &report.socket;
    let endpoint = |end: &Endpoint| match end {
        Endpoint::Ip { addr, port } => SocketAddr::new(*addr, *port).to_string(),
        Endpoint::Path(path) => path.escape_ascii().to_string(),
        Endpoint::Abstract(name) => format!("@{}", name.escape_ascii()),
        Endpoint::Unnamed => "unnamed".to_owned(),
        Endpoint::Raw { addr, protocol } => format!("{addr}:protocol:{protocol}"),
        Endpoint::Packet { protocol } => format!("frames:{protocol:#x}"),
        // Whose number it is, is no part of a situation.
        Endpoint::Netlink { protocol, portid } => {
            format!("netlink:{protocol}:{}", if *portid == 0 { "kernel" } else { "program" })
        }
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
    let skmem = match socket.skmem.rcvbuf {
        Some(_) => ss::numbers(&socket.skmem).map(|n| n.to_string()).join(","),
        None => "none".to_owned(),
    };
    let comms = |holders: &[skcheck_core::Holder]| {
        let comm = |holder: &skcheck_core::Holder| snapshot.process(holder.pid)?.comm.clone();
        let names: Vec<Vec<u8>> = holders.iter().filter_map(comm).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(&b'+').escape_ascii().to_string() }
    };
    let subflows: Vec<String> = socket
        .subflows()
        .iter()
        .map(|it| format!(" over {} > {}", endpoint(&it.local), endpoint(&it.peer)))
        .collect();
    let rings = socket.rings.map_or(String::new(), |rings| format!(" rings={}", rings.bytes().0));
    format!(
        "{} {} {} > {} recv_q={recv_q} send_q={send_q} skmem={skmem} unread={} charged={} worst={} {}: {} peer: {}{rings}{}",
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
        subflows.concat(),
    )
}
