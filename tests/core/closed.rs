//! Sockets that are closed and still held: in no table of the kernel, their data in memory.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use rustix::net::{AddressFamily, SocketType};
use skcheck_core::{Family, Holding, Missing, NetnsChoice, Query, RecvQueue, SendQueue, SocketEntry, State};

use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually, find, get, mine};
use crate::support::sockets::{self, inode, socket_of, tcp_pair};

fn assert_nothing_known(report: &SocketEntry) {
    assert_eq!(report.socket.state, State::ClosedHeld);
    assert_eq!(report.holding, Holding::Descriptors);
    assert_eq!(report.socket.recv_q, RecvQueue::Unknown);
    assert_eq!(report.socket.send_q, SendQueue::Unknown);
    let (received, sent) = (&report.footprint.received, &report.footprint.sent);
    assert_eq!((received.payload, received.charged, received.worst), (None, None, None));
    assert_eq!((sent.payload, sent.charged, sent.worst), (None, None, None));
}

/// Twelve readers with megabytes unread each; then their peers reset them.
#[test]
fn reset_by_the_peer_with_data_unread() {
    if !in_own_netns("closed::reset_by_the_peer_with_data_unread") {
        return;
    }
    let pairs: Vec<_> = (0..12).map(|_| sockets::tcp_pair_with_window(4 << 20)).collect();
    for pair in &pairs {
        sockets::fill(&pair.client);
    }
    let listed = scan::run(&scan::everything());
    let charged = |report: &SocketEntry| report.footprint.received.charged.expect("known").0;
    let (servers, clients): (Vec<TcpStream>, Vec<TcpStream>) =
        pairs.into_iter().map(|pair| (pair.server, pair.client)).unzip();
    let held: u64 = servers.iter().map(|server| charged(get(&listed, inode(server)))).sum();
    assert!(held > 16 << 20, "only {held} B unread");
    let before: Vec<u64> = servers.iter().map(sockets::unread).collect();

    clients.into_iter().for_each(sockets::reset);
    let snapshot = eventually("every reader is reset", || {
        let snapshot = scan::run(&Query::default());
        let closed = |server| {
            find(&snapshot, inode(server)).is_some_and(|report| report.socket.state == State::ClosedHeld)
        };
        servers.iter().all(closed).then_some(snapshot)
    });
    for server in &servers {
        let report = get(&snapshot, inode(server));
        assert_nothing_known(report);
        assert_eq!(report.holders, [mine(server)]);
        assert_eq!(report.socket.family, Family::Ipv4);
    }
    // The data is still there, ...
    assert!(servers.iter().map(sockets::unread).ge(before), "unread data is gone");
    // ... and now belongs to no socket in the tables. The figure is the whole host's: what other
    // tests hold in their namespaces comes and goes, a few MiB at most.
    let unlisted = |snapshot: &skcheck_core::Snapshot| snapshot.unlisted_tcp_mem.expect("complete");
    let grown = unlisted(&snapshot) - unlisted(&listed);
    let tolerance = i64::try_from(snapshot.unlisted_noise.0).expect("small") + (8 << 20);
    let held = i64::try_from(held).expect("small");
    assert!(grown >= held - tolerance, "{held} B became invisible, the unlisted memory grew by {grown} B");

    // No size is known, so no size matches; the gap says how many were not compared.
    let mut sized = Query::default();
    sized.min_recv_q = Some(1);
    sized.netns = NetnsChoice::Current;
    let snapshot = scan::run(&sized);
    assert!(find(&snapshot, inode(&servers[0])).is_none());
    let gap = snapshot.gaps.iter().find(|gap| gap.what == Missing::ClosedHeld);
    assert_eq!(gap.and_then(|gap| gap.count), Some(12));
}

#[test]
fn closed_on_both_sides_with_data_unread() {
    let mut pair = tcp_pair("127.0.0.1");
    // Less than the smallest window of a fresh connection: Linux 6.1 takes no 100000 bytes unread.
    pair.send(60_000);
    (&pair.server).write_all(&[b'x'; 1000]).expect("the window is open");
    sockets::arrived(&pair.client, 1000);
    pair.finish();
    pair.server.shutdown(Shutdown::Write).expect("connected");
    let snapshot = eventually("the connection ends", || {
        let snapshot = scan::run(&Query::default());
        let server = find(&snapshot, inode(&pair.server))?;
        (server.socket.state == State::ClosedHeld).then_some(())?;
        (find(&snapshot, inode(&pair.client))?.socket.state == State::ClosedHeld).then_some(snapshot)
    });
    for (end, unread) in [(&pair.server, 60_000), (&pair.client, 1000)] {
        let report = get(&snapshot, inode(end));
        assert_nothing_known(report);
        assert_eq!(report.holders, [mine(end)]);
        assert_eq!(sockets::unread(end), unread);
    }
}

/// From outside a fresh socket looks the same, so it is reported the same way.
#[test]
fn never_connected() {
    for (domain, family) in [(AddressFamily::INET, Family::Ipv4), (AddressFamily::INET6, Family::Ipv6)] {
        let fresh = socket_of(domain, SocketType::STREAM, None);
        let snapshot = scan::run(&Query::default());
        let report = get(&snapshot, inode(&fresh));
        assert_nothing_known(report);
        assert_eq!(report.socket.family, family);
        assert_eq!(report.holders, [mine(&fresh)]);
    }
}

#[test]
fn sockets_that_are_not_tcp_are_never_closed_held() {
    let udp = socket_of(AddressFamily::INET, SocketType::DGRAM, None);
    let netlink = socket_of(AddressFamily::NETLINK, SocketType::RAW, None);
    let snapshot = scan::run(&scan::everything());
    assert!(find(&snapshot, inode(&udp)).is_none());
    assert!(find(&snapshot, inode(&netlink)).is_none());
}

/// Bound and not connected: since Linux 6.8 its own state, in the table.
#[test]
fn bound_and_not_connected() {
    let socket = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    let any = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0);
    rustix::net::bind(&socket, &any).expect("a free port");
    let listed = kernel_version() >= (6, 8);
    let snapshot = scan::run(&scan::everything());
    let report = get(&snapshot, inode(&socket));
    let expected = if listed { State::BoundInactive } else { State::ClosedHeld };
    assert_eq!(report.socket.state, expected);
    assert_eq!(report.holders, [mine(&socket)]);
    // With nothing in its queues it is idle, not closed.
    assert_eq!(find(&scan::run(&Query::default()), inode(&socket)).is_none(), listed);
}

fn kernel_version() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("/proc is mounted");
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().expect("a number"));
    (numbers.next().expect("major"), numbers.next().expect("minor"))
}
