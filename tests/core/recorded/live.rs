//! Situations with known numbers: scanned, recorded, replayed, and compared with what was made.
//!
//! Where `SKCHECK_FIXTURES` names a directory, the recordings stay there, in `<kernel>/<name>/`.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use skcheck_core::{
    Connections, Endpoint, Holding, Live, Payload, RecvQueue, SendQueue, Snapshot, SocketEntry, State,
    Truesize, scan,
};

use super::{describe, query_of};
use crate::support::loopback::send_each;
use crate::support::netns::in_own_netns;
use crate::support::replay::{Recorder, Replay};
use crate::support::scan::{at_listener, eventually, get, mine};
use crate::support::skip::{Skip, kernel, skip};
use crate::support::sockets::{
    self, inode, send_unix, socket_of, tcp_pair, unix_pair, unix_pair_state, unix_socket,
};

const COMMAND: &str =
    "SKCHECK_FIXTURES=$PWD/tests/fixtures cargo test -p skcheck-core --test core recorded::live";

#[test]
fn tcp() {
    if !in_own_netns("recorded::live::tcp") {
        return;
    }
    let mut unread = tcp_pair("127.0.0.1");
    unread.send(1000);
    let mut finished = tcp_pair("::1");
    finished.send(10);
    finished.finish();
    let stuck = tcp_pair("127.0.0.1");
    let sent = sockets::fill(&stuck.client);
    let listener = TcpListener::bind("[::]:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut waits = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    waits.write_all(b"not accepted").expect("connected");
    let bound = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    rustix::net::bind(&bound, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let fresh = socket_of(AddressFamily::INET6, SocketType::STREAM, None);
    let snapshot = replayed(
        "tcp",
        "IPv4: 1000 bytes unread; a full connection, its client's window closed; a bound socket\n\
         IPv6: 10 bytes and a FIN unread; a fresh socket; a dual-stack listener\n\
         with an IPv4 client that has sent 12 bytes",
    );

    assert_eq!(snapshot.sockets.len(), 11);
    let report = get(&snapshot, inode(&unread.server));
    assert_eq!(queues(report), (State::Established, payload(1000), SendQueue::Payload(Payload(0))));
    assert_eq!(report.holders, [mine(&unread.server)]);
    assert_eq!(report.peer_holders, [mine(&unread.client)]);
    assert_holds(report, Some(1000), 1000);
    // The FIN counts in Recv-Q and is no payload.
    let report = get(&snapshot, inode(&finished.server));
    assert_eq!(queues(report), (State::CloseWait, payload(11), SendQueue::Payload(Payload(0))));
    assert_holds(report, Some(10), 10);
    assert_eq!(get(&snapshot, inode(&finished.client)).socket.state, State::FinWait2);
    let arrived = sockets::unread(&stuck.server);
    let report = get(&snapshot, inode(&stuck.server));
    assert_eq!(queues(report), (State::Established, payload(arrived), SendQueue::Payload(Payload(0))));
    assert_holds(report, Some(arrived), arrived);
    let report = get(&snapshot, inode(&stuck.client));
    let unsent = SendQueue::Payload(Payload(sent - arrived));
    assert_eq!(queues(report), (State::Established, payload(0), unsent));
    let report = get(&snapshot, inode(&listener));
    let limit = SendQueue::BacklogLimit(Connections(128));
    assert_eq!(queues(report), (State::Listen, RecvQueue::Connections(Connections(1)), limit));
    let is_waiting = |report: &&SocketEntry| report.socket.inode.is_none();
    let report = snapshot.sockets.iter().find(is_waiting).expect("it waits");
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!(
        (report.socket.local.port(), &report.holders[..]),
        (Some(port), &[at_listener(&listener)][..])
    );
    assert_eq!(report.peer_holders, [mine(&waits)]);
    assert_holds(report, Some(12), 12);
    let listed = kernel() >= [6, 8];
    let expected = if listed { State::BoundInactive } else { State::ClosedHeld };
    assert_eq!(get(&snapshot, inode(&bound)).socket.state, expected);
    assert_eq!(get(&snapshot, inode(&fresh)).socket.state, State::ClosedHeld);
}

#[test]
fn udp() {
    if !in_own_netns("recorded::live::udp") {
        return;
    }
    let reader = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let six = UdpSocket::bind("[::1]:0").expect("a free port");
    for (socket, times) in [(&reader, 3), (&six, 1)] {
        let to = socket.local_addr().expect("bound");
        send_each(0..times, |_| {
            socket.send_to(&[b'x'; 100], to).expect("loopback takes it");
        });
    }
    let made = "IPv4: three datagrams of 100 bytes unread\nIPv6: one datagram of 100 bytes unread";
    let snapshot = replayed("udp", made);

    assert_eq!(snapshot.sockets.len(), 2);
    for (socket, bytes) in [(&reader, 300), (&six, 100)] {
        let report = get(&snapshot, inode(socket));
        let charged = report.footprint.received.charged.expect("the kernel tells");
        let none = SendQueue::Truesize(Truesize(0));
        assert_eq!(queues(report), (State::Close, RecvQueue::Truesize(charged), none));
        assert_eq!(report.holders, [mine(socket)]);
        assert_holds(report, None, bytes);
    }
}

#[test]
fn unix() {
    if !in_own_netns("recorded::live::unix") {
        return;
    }
    let pairs = [SocketType::STREAM, SocketType::DGRAM, SocketType::SEQPACKET].map(unix_pair);
    for (writer, _) in &pairs {
        (0..3).for_each(|_| send_unix(writer, 100));
    }
    let listener = unix_socket(SocketType::STREAM);
    let name = b"nul \0 and \xff";
    let address = SocketAddrUnix::new_abstract_name(name).expect("short enough");
    rustix::net::bind(&listener, &address).expect("the name is free");
    rustix::net::listen(&listener, 5).expect("bound");
    let waits = unix_socket(SocketType::STREAM);
    rustix::net::connect(&waits, &address).expect("it listens");
    send_unix(&waits, 50);
    let unbound = unix_socket(SocketType::DGRAM);
    let snapshot = replayed(
        "unix",
        "a pair of each kind, three times 100 bytes unread; an unbound datagram socket;\n\
         a listener named \"nul \\0 and \\xff\" with a client that has sent 50 bytes",
    );

    assert_eq!(snapshot.sockets.len(), 9);
    for (writer, reader) in &pairs {
        let (sender, report) = (get(&snapshot, inode(writer)), get(&snapshot, inode(reader)));
        // Of datagrams the kernel tells the first one's length.
        let is_datagram = report.socket.protocol == skcheck_core::Protocol::UnixDatagram;
        let recv_q = if is_datagram { RecvQueue::FirstDatagram(Payload(100)) } else { payload(300) };
        let state = unix_pair_state(report.socket.protocol);
        assert_eq!(queues(report), (state, recv_q, SendQueue::Truesize(Truesize(0))));
        assert_eq!(sender.socket.state, state);
        // The sender is charged, and the reader's row carries it.
        let charged = report.footprint.received.charged.expect("the sender is known");
        assert_eq!(sender.socket.send_q, SendQueue::Truesize(charged));
        assert_eq!(
            (&report.holders[..], &report.peer_holders[..]),
            (&[mine(reader)][..], &[mine(writer)][..])
        );
        assert_holds(report, (!is_datagram).then_some(300), 300);
    }
    let report = get(&snapshot, inode(&listener));
    let limit = SendQueue::BacklogLimit(Connections(5));
    assert_eq!(queues(report), (State::Listen, RecvQueue::Connections(Connections(1)), limit));
    assert_eq!(report.socket.local, Endpoint::Abstract(name.to_vec()));
    let charged = report.footprint.received.charged.expect("the client is known");
    let report = get(&snapshot, inode(&waits));
    assert_eq!(queues(report), (State::Established, payload(0), SendQueue::Truesize(charged)));
    assert!(charged >= Truesize(50));
    assert_eq!(report.peer_holders, [at_listener(&listener)]);
    assert_eq!(get(&snapshot, inode(&unbound)).socket.state, State::Close);
}

/// Raw, packet, netlink and MPTCP sockets.
#[test]
fn others() {
    if !in_own_netns("recorded::live::others") {
        return;
    }
    if !Path::new("/proc/sys/net/mptcp/enabled").exists() {
        return skip(Skip::NeedsModule("CONFIG_MPTCP"));
    }
    let protocol = |number: u32| rustix::net::Protocol::from_raw(number.try_into().expect("not 0"));
    let frames = protocol(u32::from(3u16.to_be()));
    let packet = socket_of(AddressFamily::PACKET, SocketType::RAW, Some(frames));
    let raw = socket_of(AddressFamily::INET, SocketType::RAW, Some(rustix::net::ipproto::ICMP));
    let to = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    // An echo reply: nobody answers.
    let reply = [0, 0, 0xff, 0xff, 0, 0, 0, 0];
    for _ in 0..3 {
        rustix::net::sendto(&raw, &reply, rustix::net::SendFlags::empty(), &to).expect("loopback takes it");
    }
    let mut netlink = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE).expect("a socket");
    netlink.bind_auto().expect("any address");
    let multipath = || socket_of(AddressFamily::INET, SocketType::STREAM, Some(protocol(262)));
    let listener = multipath();
    rustix::net::bind(&listener, &to).expect("a free port");
    rustix::net::listen(&listener, 5).expect("bound");
    let listener = TcpListener::from(listener);
    let client = multipath();
    rustix::net::connect(&client, &listener.local_addr().expect("bound")).expect("it listens");
    let (server, _) = listener.accept().expect("a client connects");
    let mut client = TcpStream::from(client);
    client.write_all(&[b'x'; 1000]).expect("connected");
    let snapshot = replayed(
        "others",
        "three ICMP messages on loopback, unread by a raw socket and by a packet socket for all frames;\n\
         a netlink socket with nothing to read; an MPTCP connection with 1000 bytes unread, and its listener",
    );

    let report = get(&snapshot, inode(&raw));
    let charged = report.footprint.received.charged.expect("told");
    assert_eq!(report.socket.recv_q, RecvQueue::Truesize(charged));
    assert!(charged >= Truesize(3 * 576));
    let report = get(&snapshot, inode(&packet));
    assert!(report.footprint.received.charged.expect("told") >= Truesize(3 * 2 * 576), "each way");
    assert_eq!(get(&snapshot, inode(&netlink)).footprint.received.charged, Some(Truesize(0)));
    let report = get(&snapshot, inode(&server));
    assert_eq!((report.socket.subflows().len(), &report.holders[..]), (1, &[mine(&server)][..]));
    assert!(report.footprint.received.charged.expect("told") >= Truesize(1000));
    assert_eq!(get(&snapshot, inode(&listener)).socket.state, State::Listen);
}

fn payload(bytes: u64) -> RecvQueue {
    RecvQueue::Payload(Payload(bytes))
}

fn queues(report: &SocketEntry) -> (State, RecvQueue, SendQueue) {
    let socket = &report.socket;
    (socket.state, socket.recv_q, socket.send_q)
}

/// Unread payload as made; a charge and a bound that have room for `bytes`.
fn assert_holds(report: &SocketEntry, unread: Option<u64>, bytes: u64) {
    let received = &report.footprint.received;
    let charged = received.charged.expect("known").0;
    assert_eq!(received.payload, unread.map(Payload));
    assert!(charged >= bytes, "{bytes} B in a charge of {charged} B");
    assert!(received.worst.expect("known").bytes.0 > charged);
}

/// Scans and records this namespace as this process sees it, and gives what the recording says.
fn replayed(name: &str, made: &str) -> Snapshot {
    std::fs::write("/proc/self/comm", "recorder").expect("a process names itself");
    let record = || {
        let live = Live::new();
        let recorder = Recorder::new(&live, &[std::process::id()]);
        let scanned = scan(&recorder, &query_of(name)).expect("the host can be scanned");
        (scanned, recorder.finish())
    };
    // Late acknowledgements change numbers for a moment.
    let (scanned, recording) = eventually("all is at rest", || {
        let before = describe(&record().0);
        std::thread::sleep(std::time::Duration::from_millis(300));
        Some(record()).filter(|(now, _)| describe(now) == before)
    });
    let mut replayed = scan(&Replay::parse(&recording), &query_of(name)).expect("it was scanned once");
    super::set_clock(&mut replayed, &scanned);
    assert_eq!(replayed, scanned);
    if let Some(fixtures) = std::env::var_os("SKCHECK_FIXTURES") {
        write(Path::new(&fixtures), name, made, &recording, &describe(&replayed));
    }
    replayed
}

fn write(fixtures: &Path, name: &str, made: &str, recording: &str, decoded: &str) {
    let [major, minor] = kernel();
    let directory = fixtures.join(format!("{major}.{minor}")).join(name);
    std::fs::create_dir_all(&directory).expect("it can be made");
    std::fs::write(directory.join("calls.txt"), recording).expect("it is written");
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("/proc is mounted");
    let about = format!(
        "kernel: Linux {}, {}\nmade by: {COMMAND}\nmade:\n{made}\ndecodes to:\n{decoded}",
        release.trim(),
        std::env::consts::ARCH,
    );
    std::fs::write(directory.join("about.txt"), about).expect("it is written");
}
