//! A connection over MPTCP of which nobody reads.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};
use skcheck_core::{
    Family, Holding, Payload, Protocol, Protocols, RecvQueue, SendQueue, State, Truesize, Via,
};

use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually, get, mine};
use crate::support::skip::{Skip, skip};
use crate::support::sockets::{inode, socket_of};
use crate::support::ss;

fn socket() -> std::os::fd::OwnedFd {
    const IPPROTO_MPTCP: NonZeroU32 = NonZeroU32::new(262).expect("not 0");
    let protocol = rustix::net::Protocol::from_raw(IPPROTO_MPTCP);
    socket_of(AddressFamily::INET, SocketType::STREAM, Some(protocol))
}

/// Both ends, and their listener.
fn pair() -> (TcpStream, TcpStream, TcpListener) {
    let listener = socket();
    rustix::net::bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    rustix::net::listen(&listener, 5).expect("bound");
    let listener = TcpListener::from(listener);
    let client = socket();
    rustix::net::connect(&client, &listener.local_addr().expect("bound")).expect("it listens");
    let (server, _) = listener.accept().expect("a client connects");
    (TcpStream::from(client), server, listener)
}

/// Sends until nobody takes more; how much that was.
fn fill(mut stream: &TcpStream) -> u64 {
    stream.set_nonblocking(true).expect("a socket");
    let (mut written, mut quiet) = (0, 0);
    while quiet < 5 {
        quiet += 1;
        while let Ok(n) = stream.write(&[b'x'; 64 * 1024]) {
            written += n as u64;
            quiet = 0;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    written
}

#[test]
fn each_connection_is_one_socket() {
    if !in_own_netns("mptcp::each_connection_is_one_socket") {
        return;
    }
    if !Path::new("/proc/sys/net/mptcp/enabled").exists() {
        return skip(Skip::NeedsModule("CONFIG_MPTCP"));
    }
    let (client, server, listener) = pair();
    let sent = fill(&client);
    let mut query = scan::here();
    // The scanner's own holds an answer while it is dumped.
    query.protocols -= Protocols::NETLINK;
    let snapshot = eventually("all is at rest", || {
        let (before, now) = (scan::run(&query), scan::run(&query));
        let queues = |it: &skcheck_core::Snapshot| get(it, inode(&server)).socket.skmem;
        (queues(&before) == queues(&now)).then_some(now)
    });
    let protocols: Vec<Protocol> = snapshot.sockets.iter().map(|it| it.socket.protocol).collect();
    assert_eq!(protocols, [Protocol::Mptcp; 3], "no subflow stands for itself");

    let reader = get(&snapshot, inode(&server));
    let found = &reader.socket;
    assert_eq!((found.family, found.state), (Family::Ipv4, State::Established));
    assert_eq!(found.local.port(), Some(listener.local_addr().expect("bound").port()));
    let own = Truesize(found.skmem.rmem_alloc.expect("told").into());
    assert!(own > Truesize(0));
    assert_eq!(found.recv_q, RecvQueue::Truesize(own));
    let [subflow] = found.subflows() else { panic!("{:?}", found.subflows()) };
    assert_eq!((subflow.protocol, subflow.local.port()), (Protocol::Tcp, found.local.port()));
    let through = subflow.skmem.received().expect("told");
    assert_eq!(reader.footprint.received.charged, Some(Truesize(own.0 + through.0)));
    assert_eq!(reader.footprint.received.payload, None);
    assert_eq!(
        (&reader.holders[..], &found.peer),
        (&[mine(&server)][..], &get(&snapshot, inode(&client)).socket.local)
    );
    let (local, port) = (found.local.port().expect("bound"), found.peer.port().expect("connected"));
    ss::assert_queues(reader, &["-Mn"], &format!("127.0.0.1:{local} 127.0.0.1:{port}"));

    assert_eq!(reader.peer_holders, [mine(&client)]);

    let writer = get(&snapshot, inode(&client));
    assert_eq!(writer.peer_holders, [mine(&server)]);
    assert_eq!(writer.socket.send_q, SendQueue::Truesize(Truesize(0)), "as ss prints it");
    let unsent = writer.footprint.sent.payload.expect("told").0;
    assert!(0 < unsent && unsent < sent, "{unsent} of {sent}");
    let charged = writer.footprint.sent.charged.expect("told").0;
    assert!(charged >= unsent, "{charged} B for {unsent} B");
    assert_eq!(writer.holders, [mine(&client)]);
    ss::assert_queues(writer, &["-Mn"], &format!("127.0.0.1:{port} 127.0.0.1:{local}"));

    let listening = get(&snapshot, inode(&listener));
    assert_eq!((listening.socket.state, listening.socket.subflows().len()), (State::Listen, 1));
    assert_eq!(snapshot.totals().charged, Truesize(own.0 + through.0), "each packet once");

    // What waits in both queues is what was sent and acknowledged, all of it.
    // A window that was closed opens when the sender asks next, which can take seconds.
    let mut read = 0;
    server.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    let mut buffer = vec![0; 1 << 20];
    while read < sent {
        read += (&server).read(&mut buffer).expect("more comes") as u64;
    }
    assert_eq!(read, sent);
    let drained = eventually("all is acknowledged", || {
        let snapshot = scan::run(&query);
        let unsent = get(&snapshot, inode(&client)).footprint.sent.payload;
        (unsent == Some(Payload(0))).then_some(snapshot)
    });
    assert_eq!(get(&drained, inode(&server)).footprint.received.payload, Some(Payload(0)));

    query.protocols -= Protocols::MPTCP;
    let tcp_alone = scan::run(&query);
    let subflows = tcp_alone.sockets.iter().filter(|it| it.socket.protocol == Protocol::Tcp);
    assert_eq!(subflows.count(), 3, "then they are TCP sockets like others, as ss -t has them");
}

#[test]
fn what_nobody_accepts_waits_at_its_listener() {
    if !in_own_netns("mptcp::what_nobody_accepts_waits_at_its_listener") {
        return;
    }
    if !Path::new("/proc/sys/net/mptcp/enabled").exists() {
        return skip(Skip::NeedsModule("CONFIG_MPTCP"));
    }
    let (_accepted, _server, listener) = pair();
    let client = socket();
    rustix::net::connect(&client, &listener.local_addr().expect("bound")).expect("it listens");
    let mut client = TcpStream::from(client);
    client.write_all(&[b'x'; 5000]).expect("it fits");
    let waiting = eventually("it has come", || {
        let snapshot = scan::run(&scan::here());
        snapshot
            .sockets
            .into_iter()
            .find(|it| it.socket.inode.is_none() && it.footprint.received.charged > Some(Truesize(5000)))
    });
    assert_eq!((waiting.socket.protocol, waiting.socket.state), (Protocol::Mptcp, State::Established));
    assert_eq!(waiting.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!(waiting.holders, [mine(&listener).leading(Via::AcceptQueue)]);
    assert_eq!(waiting.peer_holders, [mine(&client)]);
}
