//! /proc/net in place of tables whose modules are missing, and of all of them, on made-up hosts.

use std::io;

use skcheck_core::engine::{Engine, Found, Limits, Pass, Step, Target};
use skcheck_core::{
    Connections, Endpoint, Family, Holder, Holding, Inode, Missing, NetnsId, Payload, Protocol, Protocols,
    Query, RecvQueue, SendQueue, Snapshot, Socket, Source, State, Truesize, scan, scan_with,
};

use crate::made_up::{count, inode, tcp_only};
use crate::support::made_up::{Answer, MadeUp, Request};
use crate::support::messages;
use crate::support::scan::{everything, get};

const INET: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

/// A listener at 127.0.0.1:8080 with a connection that waits, and both ends of another connection. One of a
/// connection that has ended is left out, as by a dump.
fn tcp() -> String {
    let line = |ends: &str, state: &str, queues: &str, inode: u32| {
        format!(
            "   1: {ends} {state} {queues} 00:00000000 00000000  1000        0 {inode} 1 0 20 4 30 10 -1\n"
        )
    };
    let (listener, server, client) =
        ("0100007F:1F90", "0100007F:1F90 0100007F:C001", "0100007F:C001 0100007F:1F90");
    [
        format!("{INET}\n"),
        line(&format!("{listener} 00000000:0000"), "0A", "00000000:00000001", 10),
        line(server, "01", "00000007:0000002A", 11),
        line(client, "01", "00000000:00000000", 12),
        line("0100007F:1F90 0100007F:C002", "01", "00000000:00000005", 0),
        line("0100007F:1F90 0100007F:C003", "06", "00000000:00000000", 0),
    ]
    .concat()
}

/// One socket of UDP, or of its like, with 0x300 bytes of packets, 9 of which were dropped.
fn udp(local: &str, peer: &str, inode: u32) -> String {
    format!(
        "{INET} ref pointer drops\n\
         171: {local} {peer} 07 00000010:00000300 00:00000000 00000000  1000        0 {inode} 2 000000001ad76ec6 9\n"
    )
}

const UNIX: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n\
    0000000000000000: 00000002 00000000 00010000 0001 01    20 /run/with a space \n\
    0000000000000000: 00000003 00000000 00000000 0001 03    21 /run/with a space \n\
    0000000000000000: 00000003 00000000 00000000 0005 03    22\n\
    0000000000000000: 00000002 00000000 00000000 0002 01    23 @abstract@name\n\
    0000000000000000: 00000003 00000000 00000000 0001 02     0 /run/with a space \n\
    0000000000000000: 00000003 00000000 00000000 0007 03    24\n\
    0000000000000000: 00000003 0000\n";

fn without(missing: fn(&Request) -> bool) -> MadeUp {
    let host = MadeUp::new().file("/proc/net/sockstat", "").file("/proc/net/tcp", tcp());
    let host = host
        .file("/proc/net/udp", udp("0100007F:1F90", "00000000:0000", 30))
        .file("/proc/net/udplite", udp("0100007F:1F91", "00000000:0000", 31))
        .file(
            "/proc/net/udp6",
            udp(&format!("{}:1F92", "0".repeat(32)), &format!("{}:0000", "0".repeat(32)), 32),
        )
        .file("/proc/net/unix", UNIX);
    let host = ["tcp6", "udplite6", "raw", "raw6", "packet", "netlink"]
        .into_iter()
        .fold(host, |host, name| host.file(&format!("/proc/net/{name}"), format!("{INET}\n")));
    let host = host.process(7, "server", &[10, 11, 20, 30]).process(8, "client", &[12, 13, 31]);
    host.kernel(move |request| missing(request).then(|| request.no_module()))
}

fn details(snapshot: &Snapshot) -> Vec<(&str, u64, &str)> {
    let details = snapshot.gaps.iter().filter(|gap| gap.what == Missing::TableDetail);
    details
        .map(|gap| (crate::support::scan::place(gap), gap.count.expect("counted"), gap.remedy.as_str()))
        .collect()
}

#[test]
fn tcp_without_its_module() {
    let host = without(|request| request.protocol == Request::TCP);
    let snapshot = scan(&host, &tcp_only()).expect("/proc/net/tcp answers");
    assert_eq!(snapshot.source, Source::SockDiag);
    let (server, client) = (get(&snapshot, inode(11)), get(&snapshot, inode(12)));
    assert_eq!(
        (server.socket.recv_q, server.socket.send_q.size()),
        (RecvQueue::Payload(Payload(42)), Some(7))
    );
    assert_eq!((server.footprint.received.charged, server.socket.cookie), (None, None));
    assert_eq!(
        (&server.holders[..], &server.peer_holders[..]),
        (&[Holder::new(7, 4)][..], &[Holder::new(8, 3)][..])
    );
    assert_eq!(client.peer_holders, [Holder::new(7, 4)]);
    let listener = get(&snapshot, inode(10));
    assert_eq!(listener.socket.recv_q, RecvQueue::Connections(Connections(1)));
    assert_eq!(listener.socket.send_q, SendQueue::Unknown, "a limit that is not told");
    let waiting = snapshot.sockets.iter().find(|it| it.socket.inode.is_none()).expect("it waits");
    assert_eq!(waiting.holding, Holding::AwaitingAccept { ambiguous: false });
    // What no table knows is told apart all the same.
    let closed = snapshot.sockets.iter().filter(|it| it.socket.state == State::ClosedHeld);
    let closed: Vec<u32> = closed.filter_map(|it| Some(it.socket.inode?.get())).collect();
    assert_eq!(closed, [13, 20, 30, 31], "every descriptor here is called one of TCP");
    assert_eq!(snapshot.sockets.len(), 4 + closed.len());
    let remedy = "load the kernel module tcp_diag (as root: modprobe tcp_diag); until then their memory, limits, \
                  backlog and cookies are unknown";
    assert_eq!(details(&snapshot), [("tcp over IPv4", 4, remedy)], "and nothing of an empty table");
    assert_eq!(snapshot.unlisted_tcp_mem, None);
    // For each request the kernel starts modprobe.
    let asked = host.asked.lock().expect("no panic").len();
    assert!(asked <= 4, "asked {asked} times");

    // A line that is not understood may be any socket's.
    let host = host.file("/proc/net/tcp", format!("{}   6: broken\n", tcp()));
    let snapshot = scan(&host, &tcp_only()).expect("/proc/net/tcp answers");
    assert_eq!(count(&snapshot, Missing::Messages), Some(Some(1)));
    assert_eq!((snapshot.sockets.len(), count(&snapshot, Missing::ClosedHeldUnknown)), (4, Some(None)));
}

#[test]
fn udp_and_its_like_without_their_module() {
    let host = without(|request| [17, 136].contains(&request.protocol));
    let query = Query::of(Protocols::UDP);
    let snapshot = scan(&host, &query).expect("/proc/net answers");
    assert_eq!(snapshot.sockets.len(), 3);
    for (number, protocol, port) in
        [(30, Protocol::Udp, 8080), (31, Protocol::UdpLite, 8081), (32, Protocol::Udp, 8082)]
    {
        let socket = &get(&snapshot, inode(number)).socket;
        let family = if number == 32 { Family::Ipv6 } else { Family::Ipv4 };
        assert_eq!((socket.family, socket.protocol, socket.local.port()), (family, protocol, Some(port)));
        assert_eq!(socket.recv_q, RecvQueue::Truesize(Truesize(0x300)));
        assert_eq!((socket.send_q, socket.skmem.drops), (SendQueue::Truesize(Truesize(16)), Some(9)));
    }
    let places: Vec<_> = details(&snapshot).into_iter().map(|(place, count, _)| (place, count)).collect();
    assert_eq!(places, [("udp over IPv4", 1), ("udplite over IPv4", 1), ("udp over IPv6", 1)]);
}

#[test]
fn unix_sockets_without_their_module() {
    let host = without(|request| request.family == 1);
    let mut query = Query::of(Protocols::UNIX);
    query.include_idle = true;
    let snapshot = scan(&host, &query).expect("/proc/net/unix answers");
    let path = || Endpoint::Path(b"/run/with a space ".to_vec());
    let expected = [
        (20, Protocol::UnixStream, State::Listen, path()),
        (21, Protocol::UnixStream, State::Established, path()),
        (22, Protocol::UnixSeqpacket, State::Established, Endpoint::Unnamed),
        (23, Protocol::UnixDatagram, State::Close, Endpoint::Abstract(b"abstract@name".to_vec())),
    ];
    assert_eq!(snapshot.sockets.len(), expected.len(), "none without an inode");
    for (number, protocol, state, local) in expected {
        let report = get(&snapshot, inode(number));
        let socket = &report.socket;
        assert_eq!((socket.protocol, socket.state, socket.local.clone()), (protocol, state, local));
        assert_eq!((socket.recv_q, socket.send_q), (RecvQueue::Unknown, SendQueue::Unknown));
        let received = &report.footprint.received;
        assert_eq!((received.payload, received.charged, received.worst), (None, None, None));
    }
    assert_eq!(get(&snapshot, inode(20)).holders, [Holder::new(7, 5)]);
    assert_eq!(count(&snapshot, Missing::Messages), Some(Some(2)));
    assert_eq!(details(&snapshot)[0].1, 4);
}

/// Nothing of what is there is lost, whichever way it is refused, and no empty table counts as an answer.
#[test]
fn a_socket_that_opens_and_answers_nothing() {
    let protocols = "protocol  size sockets\nMPTCPv6 1 0\nMPTCP 1 0\n";
    let refused = || Answer { datagrams: Vec::new(), end: io::ErrorKind::PermissionDenied };
    let host = without(|_| false).file("/proc/net/protocols", protocols).kernel(move |_| Some(refused()));
    let snapshot = scan(&host, &everything()).expect("/proc/net answers");
    assert_eq!(snapshot.source, Source::ProcNet);
    let listed = snapshot.sockets.iter().filter(|it| it.socket.state != State::ClosedHeld).count();
    assert_eq!(listed, 4 + 3 + 4);
    assert_eq!(count(&snapshot, Missing::SockDiag), Some(None));
    assert_eq!(snapshot.unlisted_tcp_mem, None);

    // EACCES in the kernel's own answer to each request.
    const EACCES: i32 = 13;
    let host = without(|_| false).file("/proc/net/protocols", protocols);
    let host = host.kernel(|request| Some(Answer::of([messages::refused(request.sequence, EACCES)])));
    let snapshot = scan(&host, &everything()).expect("/proc/net answers");
    let listed = snapshot.sockets.iter().filter(|it| it.socket.state != State::ClosedHeld).count();
    assert_eq!(listed, 4 + 3 + 4);
    let (_, _, remedy) = details(&snapshot)[0];
    assert!(remedy.starts_with("the kernel answered: Permission denied"), "{remedy}");
    assert_eq!(snapshot.unlisted_tcp_mem, None);
}

/// An engine that finds one end of the connection.
struct Finds;

impl Engine for Finds {
    fn name(&self) -> &'static str {
        "finds"
    }

    fn find(&self, _: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        let mut socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
        (socket.inode, socket.cookie) = (Inode::new(11), Some(skcheck_core::Cookie(4711)));
        let end = |port| Endpoint::Ip { addr: [127, 0, 0, 1].into(), port };
        (socket.local, socket.peer) = (end(8080), end(0xc001));
        socket.recv_q = RecvQueue::Payload(Payload(42));
        socket.skmem.rmem_alloc = Some(4242);
        let mut found = Found::new(socket, NetnsId(1));
        found.holder = Some(Holder::new(7, 4));
        on_found(found);
        Ok(Pass::default())
    }

    fn holders(&self, _: &[Inode], _: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        Ok(())
    }

    fn walk(&self, _: &[Target<'_>], _: &Limits, _: &mut dyn FnMut(usize, Step<'_>)) -> io::Result<bool> {
        Ok(true)
    }
}

/// What an engine tells of a socket is more than /proc/net tells, and it is one socket.
#[test]
fn an_engine_beside_what_stands_in() {
    let host = without(|request| request.protocol == Request::TCP);
    let snapshot = scan_with(&host, &tcp_only(), Some(&Finds), &Limits::default()).expect("it answers");
    assert_eq!(snapshot.engine, Some("finds"));
    let report = get(&snapshot, inode(11));
    assert_eq!(report.footprint.received.charged, Some(Truesize(4242)));
    let addresses = snapshot.sockets.iter().filter(|it| it.socket.local == report.socket.local);
    assert_eq!(addresses.count(), 3, "the listener, this one, and the one that waits");
}
