//! Connections that nobody has accepted, and orphans.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, sockopt};
use skcheck_core::{
    Connections, Family, Holding, Payload, Query, RecvQueue, SendQueue, Snapshot, SocketEntry, State,
};

use crate::support::child::Sleeper;
use crate::support::scan::{self, at_listener, eventually, find, get, mine};
use crate::support::sockets::{self, inode, socket_of};
use crate::support::ss;

const BACKLOG: i32 = 7;

fn listener(address: SocketAddr, prepare: impl FnOnce(&OwnedFd)) -> (TcpListener, u16) {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_of(family, SocketType::STREAM, None);
    prepare(&socket);
    rustix::net::bind(&socket, &address).expect("the address is free");
    rustix::net::listen(&socket, BACKLOG).expect("bound");
    let listener = TcpListener::from(socket);
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

/// A client that has sent 100 bytes, and a scan in which they wait to be accepted.
fn client(to: SocketAddr) -> (TcpStream, Snapshot) {
    let client = TcpStream::connect(to).expect("it listens");
    (&client).write_all(&[b'x'; 100]).expect("connected");
    let snapshot = eventually("100 bytes wait", || {
        let snapshot = scan::run(&scan::port(to.port()));
        let arrived = waiting(&snapshot).next()?.socket.recv_q == RecvQueue::Payload(Payload(100));
        arrived.then_some(snapshot)
    });
    (client, snapshot)
}

fn waiting(snapshot: &Snapshot) -> impl Iterator<Item = &SocketEntry> {
    snapshot.sockets.iter().filter(|report| report.socket.inode.is_none())
}

fn one_waits(bound: SocketAddr, to: fn(u16) -> SocketAddr, family: Family) {
    let (listener, port) = listener(bound, |_| {});
    let (client, snapshot) = client(to(port));
    let waiting: Vec<&SocketEntry> = waiting(&snapshot).collect();
    let [report] = waiting[..] else { panic!("{} wait", waiting.len()) };
    assert_eq!((report.socket.family, report.socket.state), (family, State::Established));
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!(report.holders, [at_listener(&listener)]);
    assert_eq!(report.peer_holders, [mine(&client)]);
    assert_eq!(report.footprint.received.payload, Some(Payload(100)));
    assert!(report.footprint.received.charged.expect("known").0 >= 100);

    // The other way round: who holds the other end of the client is the listener's process.
    assert_eq!(get(&snapshot, inode(&client)).peer_holders, [at_listener(&listener)]);

    let report = get(&snapshot, inode(&listener));
    assert_eq!(report.socket.state, State::Listen);
    assert_eq!(report.socket.recv_q, RecvQueue::Connections(Connections(1)));
    assert_eq!(report.socket.send_q, SendQueue::BacklogLimit(Connections(7)));
    assert_eq!(report.peer_holders, []);
    ss::assert_agrees(report);

    // A count of connections is no size, however small the size.
    let mut sized = scan::port(port);
    sized.min_recv_q = Some(1);
    let snapshot = scan::run(&sized);
    assert!(find(&snapshot, inode(&listener)).is_none());
    assert_eq!(self::waiting(&snapshot).count(), 1);
    let mut sized = scan::port(port);
    sized.min_send_q = Some(0);
    assert!(find(&scan::run(&sized), inode(&listener)).is_none());
}

#[test]
fn at_an_ipv4_address() {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    one_waits(local(0), local, Family::Ipv4);
}

#[test]
fn at_an_ipv6_address() {
    let local = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    one_waits(local(0), local, Family::Ipv6);
}

#[test]
fn at_a_wildcard() {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    one_waits(any, |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Family::Ipv4);
}

#[test]
fn over_ipv4_at_a_dual_stack_listener() {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    one_waits(any, |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Family::Ipv6);
}

#[test]
fn a_client_that_has_finished_still_waits() {
    let (listener, port) = listener(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |_| {});
    let (client, _) = client(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    client.shutdown(Shutdown::Write).expect("connected");
    let snapshot = eventually("the FIN arrives", || {
        let snapshot = scan::run(&scan::port(port));
        let finished = waiting(&snapshot).next()?.socket.state == State::CloseWait;
        finished.then_some(snapshot)
    });
    let report = waiting(&snapshot).next().expect("it waits");
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!(report.holders, [at_listener(&listener)]);
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(101)));
    assert_eq!(report.footprint.received.payload, Some(Payload(100)));
}

/// The address does not say at which of two listeners a connection waits; one of them may be
/// another process's.
#[test]
fn several_listeners_on_one_address_are_all_candidates() {
    let share = |socket: &OwnedFd| sockopt::set_socket_reuseport(socket, true).expect("a socket");
    let (first, port) = listener(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), share);
    let (second, _) = listener(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), share);
    let other = Sleeper::holding(second);
    let (client, snapshot) = client(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let report = waiting(&snapshot).next().expect("it waits");
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: true });
    let mut holders = report.holders.clone();
    holders.sort_unstable();
    let mut both = [
        at_listener(&first),
        skcheck_core::Holder::new(other.pid(), Sleeper::FD).leading(skcheck_core::Via::AcceptQueue),
    ];
    both.sort_unstable();
    assert_eq!(holders, both);
    assert!(!report.is_shared(), "candidates share nothing");
    drop(client);
}

/// One port, a listener of each family, the IPv6 one for IPv6 alone: an IPv4 client waits at one.
#[test]
fn a_listener_of_the_other_family_is_no_candidate() {
    let (four, port) = listener(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), |_| {});
    let only = |socket: &OwnedFd| sockopt::set_ipv6_v6only(socket, true).expect("an IPv6 socket");
    let (_six, _) = listener(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), only);
    let (_client, snapshot) = client(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let report = waiting(&snapshot).next().expect("it waits");
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!(report.holders, [at_listener(&four)]);
}

/// A listener on another address of the same port has nothing to do with it.
#[test]
fn a_listener_on_another_address_is_no_candidate() {
    let (first, port) = listener(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |_| {});
    let (_second, _) = listener(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port)), |_| {});
    let (_client, snapshot) = client(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let report = waiting(&snapshot).next().expect("it waits");
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: false });
    assert_eq!(report.holders, [at_listener(&first)]);
}

/// Accepted, filled and closed: the kernel still has data to deliver. It has the listener's
/// address, and no file; it does not wait for anybody.
#[test]
fn an_orphan_on_a_listeners_address() {
    let (listener, port) = listener(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |_| {});
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    let (server, _) = listener.accept().expect("one waits");
    let written = sockets::fill(&server);
    drop(server);
    let mut query = Query::default();
    query.port = Some(port);
    let snapshot = scan::run(&query);
    let report = waiting(&snapshot).next().expect("the orphan is reported");
    assert_eq!(report.socket.state, State::FinWait1);
    assert_eq!((report.holding, &report.holders[..]), (Holding::Orphan, &[][..]));
    assert_eq!(report.peer_holders, [mine(&client)]);
    let reader = get(&snapshot, inode(&client));
    let unread = reader.footprint.received.payload.expect("known").0;
    // What the peer has not taken, and the FIN behind it.
    assert_eq!(report.socket.send_q, SendQueue::Payload(Payload(written - unread + 1)));
    assert!(report.footprint.sent.charged.expect("known").0 >= written - unread);
    assert_eq!(reader.peer_holders, []);

    // Who holds its other end does not hold it.
    query.pids = vec![std::process::id()];
    let snapshot = scan::run(&query);
    assert_eq!(waiting(&snapshot).count(), 0);
    assert!(find(&snapshot, inode(&client)).is_some());
}
