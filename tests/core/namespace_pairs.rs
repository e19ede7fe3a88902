//! The two ends of a connection in two network namespaces, and what waits in its own.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use skcheck_core::{Endpoint, Holding, Payload, Query, RecvQueue, Snapshot, Truesize};

use crate::support::namespaces::{Named, connect, id, inside, nameless, run};
use crate::support::scan::{self, at_listener, eventually, find, get, mine};
use crate::support::skip::{Skip, is_root, skip};
use crate::support::sockets::{arrived, connect_from, inode};

/// Two namespaces with a cable between, and a listener in the first. Other tests have other addresses.
struct Joined {
    there: Named,
    here: Named,
    server: SocketAddr,
    client: SocketAddr,
    listener: TcpListener,
}

impl Joined {
    fn new(number: u8) -> Joined {
        let [there, here] = ["s", "c"].map(|end| Named::new(&format!("{number}{end}")));
        let at = |host, port| SocketAddr::from(([10, 123, number, host], port + u16::from(number)));
        let (server, client) = (at(1, 45_000), at(2, 46_000));
        connect((&there, &server.ip().to_string()), (&here, &client.ip().to_string()));
        let listener = inside(&there.file(), || TcpListener::bind(server).expect("the port is free"));
        Joined { there, here, server, client, listener }
    }

    fn connect(&self) -> TcpStream {
        inside(&self.here.file(), || connect_from(self.client, self.server))
    }

    /// The same connection within one other namespace; the accepted end first, the namespace last.
    fn twin(&self) -> (TcpStream, TcpStream, File) {
        let netns = nameless();
        let (server, client) = inside(&netns, || {
            for end in [self.server, self.client] {
                run("ip", &["addr", "add", &end.ip().to_string(), "dev", "lo"]);
            }
            let listener = TcpListener::bind(self.server).expect("the port is free");
            let client = connect_from(self.client, self.server);
            (listener.accept().expect("it waits").0, client)
        });
        (server, client, netns)
    }
}

fn said_to(client: &mut TcpStream, server: &TcpStream, bytes: usize) {
    client.write_all(&vec![b'x'; bytes]).expect("the window is open");
    arrived(server, bytes);
}

#[test]
fn over_a_cable() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let joined = Joined::new(1);
    let (there, here, port) = (&joined.there, &joined.here, joined.server.port());
    let mut client = joined.connect();
    let (server, _) = joined.listener.accept().expect("the client waits");
    said_to(&mut client, &server, 4444);
    let snapshot = scan::run(&scan::port(port));
    let report = get(&snapshot, inode(&server));
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(4444)));
    assert_eq!(report.netns, Some(there.id()));
    assert_eq!(
        (report.holders.as_slice(), report.peer_holders.as_slice()),
        (&[mine(&server)][..], &[mine(&client)][..])
    );
    assert!(report.peer_inferred);
    let report = get(&snapshot, inode(&client));
    assert_eq!(report.netns, Some(here.id()));
    assert_eq!(
        (report.holders.as_slice(), report.peer_holders.as_slice()),
        (&[mine(&client)][..], &[mine(&server)][..])
    );
    assert!(report.peer_inferred);
    assert_eq!(
        snapshot.netns(here.id()).and_then(|it| it.name.clone()),
        Some(here.name.clone().into_bytes())
    );

    // A third namespace where the same connection exists: either may be the other end.
    let twin = joined.twin();
    let snapshot = scan::run(&scan::port(port));
    for end in [inode(&server), inode(&client)] {
        let report = get(&snapshot, end);
        assert_eq!((report.peer_holders.as_slice(), report.peer_inferred), (&[][..], false));
    }
    // In the third the two ends are beside each other, and nothing is inferred.
    let report = get(&snapshot, inode(&twin.0));
    assert_eq!((report.peer_holders.as_slice(), report.peer_inferred), (&[mine(&twin.1)][..], false));
    assert_eq!(snapshot.sockets.iter().filter(|report| report.socket.cookie.is_some()).count(), 5);
}

/// The other end may wait to be accepted: then who holds it is its listener's process, and it is
/// as much a candidate as one that has been accepted.
#[test]
fn over_a_cable_and_not_accepted() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let joined = Joined::new(2);
    let (there, here, listener, port) = (&joined.there, &joined.here, &joined.listener, joined.server.port());
    // The same address and port in the client's namespace: not where the connection waits.
    let decoy = inside(&here.file(), || TcpListener::bind(("0.0.0.0", port)).expect("the port is free"));
    let mut client = joined.connect();
    client.write_all(&[b'x'; 99]).expect("connected");
    let is_there = |snapshot: &Snapshot| {
        let waiting = snapshot.sockets.iter().find(|report| report.socket.inode.is_none())?;
        (waiting.socket.recv_q == RecvQueue::Payload(Payload(99))).then(|| waiting.clone())
    };
    let (snapshot, waiting) = eventually("99 bytes wait", || {
        let snapshot = scan::run(&scan::port(port));
        let waiting = is_there(&snapshot)?;
        Some((snapshot, waiting))
    });
    assert_eq!(waiting.netns, Some(there.id()));
    assert_eq!(waiting.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!(waiting.holders, [at_listener(listener)]);
    assert_eq!((waiting.peer_holders.as_slice(), waiting.peer_inferred), (&[mine(&client)][..], true));
    let report = get(&snapshot, inode(&client));
    assert_eq!((report.peer_holders.as_slice(), report.peer_inferred), (&[at_listener(listener)][..], true));
    assert_eq!(get(&snapshot, inode(&decoy)).netns, Some(here.id()));

    // The same connection accepted in a third namespace: two candidates, and none is chosen.
    let _twin = joined.twin();
    let snapshot = scan::run(&scan::port(port));
    let report = get(&snapshot, inode(&client));
    assert_eq!((report.peer_holders.as_slice(), report.peer_inferred), (&[][..], false));
}

/// A unix socket with a path can be connected to from any network namespace.
#[test]
fn over_a_unix_socket() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("socket");
    let (there, here) = (nameless(), nameless());
    let listener = inside(&there, || UnixListener::bind(&path).expect("the directory is writable"));
    let client = inside(&here, || UnixStream::connect(&path).expect("it listens"));
    (&client).write_all(&[b'x'; 500]).expect("connected");

    // Nobody has accepted it: the client's peer is known by its listener.
    let snapshot = scan::run(&scan::unix_only());
    let report = get(&snapshot, inode(&client));
    assert_eq!(
        (report.netns, report.peer_holders.as_slice()),
        (Some(id(&here)), &[at_listener(&listener)][..])
    );
    assert_eq!(get(&snapshot, inode(&listener)).netns, Some(id(&there)));

    let (server, _) = listener.accept().expect("the client waits");
    let snapshot = scan::run(&scan::unix_only());
    let (reader, writer) = (get(&snapshot, inode(&server)), get(&snapshot, inode(&client)));
    // The accepted end is of the client's namespace, whoever listens (`unix_stream_connect`).
    assert_eq!((reader.netns, writer.netns), (Some(id(&here)), Some(id(&here))));
    assert_eq!(reader.socket.recv_q, RecvQueue::Payload(Payload(500)));
    // The writer is charged for it, and the memory is the reader's.
    let charge = Truesize(writer.socket.skmem.wmem_alloc.expect("the kernel tells").into());
    assert!(charge > Truesize(500));
    assert_eq!(reader.footprint.received.charged, Some(charge));
    assert_eq!((reader.peer_holders.as_slice(), reader.peer_inferred), (&[mine(&client)][..], false));
    assert_eq!((writer.peer_holders.as_slice(), writer.peer_inferred), (&[mine(&server)][..], false));
    assert_eq!(writer.socket.peer, Endpoint::Path(path.into_os_string().into_encoded_bytes()));
}

/// A datagram reader whose first datagram is empty shows nothing; its writer elsewhere tells.
#[test]
fn an_empty_datagram_from_another_namespace() {
    if !is_root() {
        return skip(Skip::NeedsNetns);
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let (there, here) = (nameless(), nameless());
    let reader = inside(&there, || std::os::unix::net::UnixDatagram::bind(&path).expect("writable"));
    let writer = inside(&here, || std::os::unix::net::UnixDatagram::unbound().expect("a socket"));
    writer.connect(&path).expect("it is bound");
    writer.send(b"").expect("the queue is empty");
    writer.send(&[b'x'; 900]).expect("there is room");
    let snapshot = scan::run(&Query::default());
    let report = find(&snapshot, inode(&reader)).expect("somebody is charged for what waits there");
    assert_eq!(report.netns, Some(id(&there)));
    assert!(report.footprint.received.charged > Some(Truesize(900)));
}
