//! /proc/net in place of tables whose modules are missing: on the running kernel, which is made to look so.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::ops::ControlFlow;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, ipproto};
use skcheck_core::NetnsFile;
use skcheck_core::host::Diag;
use skcheck_core::{
    Connections, Endpoint, Holding, Inode, Live, Missing, Payload, Query, RecvQueue, SendQueue, Snapshot,
    SocketEntry, Source, State, scan,
};

use crate::support::loopback::settle;
use crate::support::messages;
use crate::support::namespaces::{Named, connect, inside};
use crate::support::netns::in_own_netns;
use crate::support::over::{Differs, Over};
use crate::support::scan::{self as live, at_listener, eventually, find, get, mine};
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::{
    abstract_name, arrived, inode, send_unix, socket_of, tcp_pair, unix_pair, unix_socket,
};

/// The running kernel without any of the modules that answer for sockets.
#[derive(Default)]
struct WithoutModules;

struct Silent<'l>(Box<dyn Diag + 'l>);

impl Differs for WithoutModules {
    fn diag<'a>(&self, live: &'a Live, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + 'a>> {
        use skcheck_core::Host;
        Ok(Box::new(Silent(live.diag(netns)?)))
    }
}

impl Diag for Silent<'_> {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let sequence = u32::from_ne_bytes(request[8..12].try_into().expect("four"));
        let _ = on_datagram(&messages::refused(sequence, 2));
        Ok(())
    }

    fn sockstat(&self) -> &[u8] {
        self.0.sockstat()
    }

    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.proc_net(name)
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        self.0.interface_name(index)
    }
}

fn run(query: &Query) -> Snapshot {
    scan(&Over::<WithoutModules>::default(), query).expect("/proc/net answers")
}

/// The same socket as both tell it: what is in both must be the same.
fn both<'a>(
    normal: &'a Snapshot,
    snapshot: &'a Snapshot,
    inode: Inode,
) -> (&'a SocketEntry, &'a SocketEntry) {
    let (known, report) = (get(normal, inode), get(snapshot, inode));
    let parts = |report: &SocketEntry| {
        let socket = &report.socket;
        (socket.family, socket.protocol, socket.state, socket.local.clone(), report.holders.clone())
    };
    assert_eq!(parts(report), parts(known));
    assert_eq!((report.socket.cookie, report.socket.skmem.rcvbuf), (None, None));
    (known, report)
}

#[test]
fn of_every_family() {
    if !in_own_netns("stand_ins::of_every_family") {
        return;
    }
    let [mut four, mut six] = ["127.0.0.1", "::1"].map(tcp_pair);
    four.send(4321);
    six.send(99);
    let udp = ["127.0.0.1:0", "[::1]:0"].map(|end| UdpSocket::bind(end).expect("a free port"));
    for udp in &udp {
        udp.send_to(b"to itself", udp.local_addr().expect("bound")).expect("loopback takes it");
    }
    settle();
    let raw = [
        socket_of(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)),
        socket_of(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6)),
    ];
    let packet = socket_of(AddressFamily::PACKET, SocketType::DGRAM, None);
    let mut netlink = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE).expect("such a socket");
    netlink.bind_auto().expect("any address");
    let (normal, snapshot) = (live::run(&live::here()), run(&live::here()));
    assert_eq!((normal.source, snapshot.source), (Source::SockDiag, Source::SockDiag));

    for (server, client) in [(&four.server, &four.client), (&six.server, &six.client)] {
        for (end, other) in [(server, client), (client, server)] {
            let (known, report) = both(&normal, &snapshot, inode(end));
            let numbers = |it: &SocketEntry| {
                (
                    it.socket.recv_q,
                    it.socket.send_q,
                    it.socket.uid,
                    it.socket.peer.clone(),
                    it.peer_holders.clone(),
                )
            };
            assert_eq!(numbers(report), numbers(known));
            assert_eq!(report.peer_holders, [mine(other)]);
            assert_eq!((report.footprint.received.charged, report.footprint.received.worst), (None, None));
        }
    }
    assert_eq!(get(&snapshot, inode(&four.server)).footprint.received.payload, Some(Payload(4321)));
    let others = udp.iter().map(inode).chain(raw.iter().map(inode)).chain([inode(&packet), inode(&netlink)]);
    for socket in others {
        let (known, report) = both(&normal, &snapshot, socket);
        let numbers =
            |it: &SocketEntry| (it.socket.recv_q, it.footprint.received.charged, it.socket.skmem.rmem_alloc);
        assert_eq!((numbers(report).0, numbers(report).1), (numbers(known).0, numbers(known).1));
    }
    let details: Vec<&str> = places(&snapshot, Missing::TableDetail);
    for table in
        ["tcp over IPv4", "tcp over IPv6", "udp over IPv4", "udp over IPv6", "raw over IPv4", "netlink"]
    {
        assert!(details.contains(&table), "{table} in {details:?}");
    }
    let missing = places(&snapshot, Missing::Table);
    assert!(missing.iter().all(|table| table.starts_with("mptcp")), "{missing:?}");
    assert!(!snapshot.gaps.iter().any(|gap| gap.what == Missing::Messages), "{:?}", snapshot.gaps);
    assert_eq!(snapshot.unlisted_tcp_mem, None, "what they are charged is not told");
    // Whatever is in a table is not closed.
    assert_eq!(closed(&snapshot), closed(&normal));
}

fn places(snapshot: &Snapshot, what: Missing) -> Vec<&str> {
    snapshot.gaps.iter().filter(|gap| gap.what == what).map(crate::support::scan::place).collect()
}

fn closed(snapshot: &Snapshot) -> usize {
    snapshot.sockets.iter().filter(|report| report.socket.state == State::ClosedHeld).count()
}

#[test]
fn of_unix_sockets() {
    if !in_own_netns("stand_ins::of_unix_sockets") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("with a  space ");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a free name");
    let mut client = std::os::unix::net::UnixStream::connect(&path).expect("it listens");
    client.write_all(b"unread").expect("it is buffered");
    let (server, _) = listener.accept().expect("the client waits");
    let waits = std::os::unix::net::UnixStream::connect(&path).expect("it listens");
    let (name, address) = abstract_name("stand-ins");
    let datagram = unix_socket(SocketType::DGRAM);
    rustix::net::bind(&datagram, &address).expect("a free name");
    let odd = SocketAddrUnix::new_abstract_name(b"skcheck\nodd @\xff").expect("short");
    let oddly_named = unix_socket(SocketType::DGRAM);
    rustix::net::bind(&oddly_named, &odd).expect("a free name");
    let (one, two) = unix_pair(SocketType::SEQPACKET);
    send_unix(&one, 10);

    let (normal, snapshot) = (live::run(&live::unix_only()), run(&live::unix_only()));
    let plain = [inode(&listener), inode(&client), inode(&server), inode(&waits), inode(&datagram)];
    for socket in plain.into_iter().chain([inode(&one), inode(&two)]) {
        let (_, report) = both(&normal, &snapshot, socket);
        assert_eq!((report.socket.recv_q, report.socket.send_q), (RecvQueue::Unknown, SendQueue::Unknown));
        assert_eq!((report.footprint.received.payload, report.footprint.received.charged), (None, None));
    }
    assert_eq!(get(&snapshot, inode(&listener)).socket.state, State::Listen);
    assert_eq!(get(&snapshot, inode(&datagram)).socket.local, Endpoint::Abstract(name));
    // A name can be anything, a line of its own too: that costs at most the rest of the name.
    let cut = &get(&snapshot, inode(&oddly_named)).socket.local;
    assert_eq!(*cut, Endpoint::Abstract(b"skcheck".to_vec()));
    // What nobody has accepted is in the file, and in no table.
    assert!(snapshot.sockets.iter().all(|report| report.socket.inode.is_some()));

    // Of queues that nobody knows none is known to hold something, and that is said.
    let mut query = live::unix_only();
    query.include_idle = false;
    let snapshot = run(&query);
    assert_eq!(snapshot.sockets, []);
    let gap = snapshot.gaps.iter().find(|gap| gap.what == Missing::TableDetail).expect("it is said");
    assert!(gap.count >= Some(8) && gap.remedy.contains("queues, limits, peers and cookies"), "{gap:?}");
}

#[test]
fn of_what_waits_to_be_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    client.write_all(b"hello").expect("it is buffered");
    let (snapshot, waiting) = eventually("it waits, with data", || {
        let snapshot = run(&live::port(port));
        let waiting = snapshot.sockets.iter().find(|report| report.socket.inode.is_none())?.clone();
        (waiting.socket.recv_q == RecvQueue::Payload(Payload(5))).then_some((snapshot, waiting))
    });
    assert_eq!(waiting.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!((waiting.holders, waiting.peer_holders), (vec![at_listener(&listener)], vec![mine(&client)]));
    let report = get(&snapshot, inode(&listener));
    assert_eq!(report.socket.recv_q, RecvQueue::Connections(Connections(1)));
    assert_eq!(report.socket.send_q, SendQueue::Unknown);
}

/// Each namespace has files of its own, and the other end of a connection can be in another.
#[test]
fn in_other_namespaces() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let [there, here] = ["there", "here"].map(Named::new);
    connect((&there, "10.124.1.1"), (&here, "10.124.1.2"));
    let listener = inside(&there.file(), || TcpListener::bind("10.124.1.1:45900").expect("a free port"));
    let mut client = inside(&here.file(), || TcpStream::connect("10.124.1.1:45900").expect("it listens"));
    let (server, _) = listener.accept().expect("the client waits");
    client.write_all(&[b'x'; 777]).expect("the window is open");
    arrived(&server, 777);
    let unix = inside(&there.file(), || unix_socket(SocketType::STREAM));
    let snapshot = run(&live::everything());
    let report = get(&snapshot, inode(&server));
    assert_eq!((report.socket.recv_q, report.netns), (RecvQueue::Payload(Payload(777)), Some(there.id())));
    assert_eq!((&report.holders[..], &report.peer_holders[..]), (&[mine(&server)][..], &[mine(&client)][..]));
    assert!(report.peer_inferred);
    assert_eq!(get(&snapshot, inode(&client)).netns, Some(here.id()));
    assert_eq!(find(&snapshot, inode(&unix)).map(|report| report.netns), Some(Some(there.id())));
}
