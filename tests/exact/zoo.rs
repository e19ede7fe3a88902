//! Sockets of every kind and state that stand still, in the network namespace of the caller.

use std::any::Any;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt::BindToDevice};
use rustix::net::{AddressFamily, SocketType, ipproto};
use tempfile::TempDir;

use crate::support::child::Sleeper;
use crate::support::loopback::{send_each, settle};
use crate::support::sockets::{
    abstract_name, arrived, connect_from, drain, fill, reset, send_unix, socket_of, tcp_pair,
    tcp_pair_with_window, unix_pair, unix_socket,
};

/// Keeps the sockets open.
pub(crate) struct Zoo {
    /// Hold a socket that the test holds too, one that nobody else does, and one that is closed, and the
    /// test's too.
    pub(crate) sleepers: [Sleeper; 3],
    /// The closed one.
    pub(crate) closed: TcpStream,
    /// A port with connections.
    pub(crate) port: u16,
    _inmates: Vec<Box<dyn Any>>,
    _paths: TempDir,
}

impl Zoo {
    pub(crate) fn open() -> Zoo {
        let paths = tempfile::tempdir().expect("there is room");
        let mut inmates: Vec<Box<dyn Any>> = Vec::new();
        let shared = tcp_pair("127.0.0.1");
        (&shared.client).write_all(&[b'x'; 3000]).expect("the window is open");
        arrived(&shared.server, 3000);
        let (theirs, ours) = unix_pair(SocketType::STREAM);
        send_unix(&ours, 500);
        let twice = shared.server.try_clone().expect("it is open");
        let mut dead = tcp_pair("127.0.0.1");
        dead.send(30_000);
        reset(dead.client);
        let closed = dead.server.try_clone().expect("it is open");
        let sleepers = [Sleeper::holding(twice), Sleeper::holding(theirs), Sleeper::holding(closed)];
        let port = shared.port;
        inmates.push(Box::new((shared, ours)));
        inmates.push(connected());
        inmates.push(listening());
        inmates.push(ended());
        inmates.push(datagrams());
        inmates.push(unix(&paths));
        inmates.push(others());
        Zoo { sleepers, closed: dead.server, port, _inmates: inmates, _paths: paths }
    }
}

/// Connections with unread, unsent and no data; over both versions of IP; one descriptor twice.
fn connected() -> Box<dyn Any> {
    let stuck = tcp_pair("127.0.0.1");
    fill(&stuck.client);
    let mut six = tcp_pair("::1");
    six.send(12_345);
    let idle = tcp_pair("::1");
    let mut partly = tcp_pair_with_window(1 << 20);
    partly.send(70_000);
    drain(&partly.server, 12_345);
    let again = partly.server.try_clone().expect("it is open");
    // Of the IPv6 family, and talks IPv4.
    let both = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a free port");
    let mapped = TcpStream::connect((Ipv4Addr::LOCALHOST, both.local_addr().expect("bound").port()));
    let mapped = (mapped.expect("it listens"), both.accept().expect("the client waits"));
    (&mapped.0).write_all(b"mapped").expect("the window is open");
    arrived(&mapped.1.0, 6);
    Box::new((stuck, six, idle, partly, again, both, mapped))
}

/// Listeners with and without connections that wait, one of them with data.
fn listening() -> Box<dyn Any> {
    let idle = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let busy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let clients =
        [(); 3].map(|()| TcpStream::connect(busy.local_addr().expect("bound")).expect("it listens"));
    (&clients[1]).write_all(&[b'x'; 4000]).expect("the window is open");
    Box::new((idle, busy, clients))
}

/// Connections that one or both ends have ended.
fn ended() -> Box<dyn Any> {
    let mut half = tcp_pair("127.0.0.1");
    half.send(20_000);
    half.finish();
    // The client is gone, and what it has sent does not fit.
    let orphaned = tcp_pair("127.0.0.1");
    fill(&orphaned.client);
    drop(orphaned.client);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 4_567));
    let still_bound = connect_from(from, listener.local_addr().expect("bound"));
    let (mut server, _) = listener.accept().expect("the client waits");
    server.write_all(&[b'x'; 5000]).expect("the window is open");
    arrived(&still_bound, 5000);
    reset(server);
    let bound = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    rustix::net::bind(&bound, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    let fresh = socket_of(AddressFamily::INET6, SocketType::STREAM, None);
    Box::new((half, orphaned.server, still_bound, bound, fresh))
}

/// UDP and UDP-Lite: with data and without, bound, connected, read in part, on a device.
fn datagrams() -> Box<dyn Any> {
    let idle = UdpSocket::bind("[::1]:0").expect("a free port");
    let unbound = socket_of(AddressFamily::INET, SocketType::DGRAM, None);
    let [four, six] = ["127.0.0.1:0", "[::1]:0"].map(|address| {
        let reader = UdpSocket::bind(address).expect("a free port");
        let sender = UdpSocket::bind(address).expect("a free port");
        sender.connect(reader.local_addr().expect("bound")).expect("loopback");
        send_each(0..10, |bytes| {
            sender.send(&[b'x'; 10][..usize::try_from(bytes).expect("small")]).expect("loopback takes it");
        });
        (reader, sender)
    });
    four.0.recv(&mut [0; 10]).expect("they wait");
    setsockopt(&six.0, BindToDevice, &"lo".into()).expect("root may");
    let lite = std::path::Path::new("/proc/net/udplite").exists().then(|| {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let lite = socket_of(AddressFamily::INET, SocketType::DGRAM, Some(ipproto::UDPLITE));
        rustix::net::bind(&lite, &any).expect("a free port");
        let lite = UdpSocket::from(lite);
        lite.send_to(b"to itself", lite.local_addr().expect("bound")).expect("loopback takes it");
        lite
    });
    settle();
    Box::new((idle, unbound, four, six, lite))
}

/// Unix sockets of each kind: with names of each kind, data in both directions, and connections that wait.
fn unix(paths: &TempDir) -> Box<dyn Any> {
    let pairs = [SocketType::STREAM, SocketType::DGRAM, SocketType::SEQPACKET].map(|kind| {
        let (one, other) = unix_pair(kind);
        for bytes in [100, 5000, 1] {
            send_unix(&one, bytes);
        }
        send_unix(&other, 7);
        let (lonely, left) = unix_pair(kind);
        send_unix(&left, 900);
        drop(left);
        ((one, other), lonely, unix_pair(kind))
    });
    let (_, name) = abstract_name("zoo");
    let named = unix_socket(SocketType::DGRAM);
    rustix::net::bind(&named, &name).expect("the name is free");
    let writers: [OwnedFd; 2] = [(); 2].map(|()| {
        let writer = unix_socket(SocketType::DGRAM);
        rustix::net::connect(&writer, &name).expect("bound");
        send_unix(&writer, 400);
        writer
    });
    let path =
        std::os::unix::net::UnixListener::bind(paths.path().join("a listener")).expect("there is room");
    let clients = [(); 2].map(|()| {
        let client =
            std::os::unix::net::UnixStream::connect(paths.path().join("a listener")).expect("it listens");
        (&client).write_all(&[b'x'; 600]).expect("there is room");
        client
    });
    Box::new((pairs, named, writers, path, clients, unix_socket(SocketType::STREAM)))
}

/// What is no socket that is looked at.
fn others() -> Box<dyn Any> {
    let raw = socket_of(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP));
    let route = socket_of(AddressFamily::NETLINK, SocketType::RAW, None);
    Box::new((raw, route))
}
