//! A netlink socket that does not read what the kernel tells it.

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use skcheck_core::{Endpoint, Family, Holding, Protocol, RecvQueue, SendQueue, State, Truesize};

use crate::support::namespaces::run;
use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually, get, mine};
use crate::support::sockets::inode;
use crate::support::ss;

/// A member of the group that hears of links, while links come and go.
#[test]
fn a_member_that_does_not_read() {
    if !in_own_netns("netlink::a_member_that_does_not_read") {
        return;
    }
    const RTNLGRP_LINK: u32 = 1;
    let mut socket = Socket::new(NETLINK_ROUTE).expect("a netlink socket");
    let portid = socket.bind_auto().expect("any address").port_number();
    socket.add_membership(RTNLGRP_LINK).expect("anybody may");
    let mut second = Socket::new(NETLINK_ROUTE).expect("a netlink socket");
    // Of two sockets only one is called like its process.
    assert_ne!(second.bind_auto().expect("any address"), SocketAddr::new(portid, 0));
    run("ip", &["link", "add", "one", "type", "veth", "peer", "name", "other"]);
    for _ in 0..10 {
        run("ip", &["link", "set", "one", "up"]);
        run("ip", &["link", "set", "one", "down"]);
    }
    let snapshot = scan::run(&scan::here());
    let report = get(&snapshot, inode(&socket));
    let found = &report.socket;
    assert_eq!((found.family, found.protocol), (Family::Netlink, Protocol::Netlink));
    assert_eq!((found.state, &found.local), (State::Close, &Endpoint::Netlink { protocol: 0, portid }));
    let charged = report.footprint.received.charged.expect("told");
    assert!(charged >= Truesize(10_000), "{charged:?} is too little for twenty changes");
    assert_eq!(found.recv_q, RecvQueue::Truesize(charged));
    assert_eq!(found.send_q, SendQueue::Truesize(Truesize(0)));
    assert_eq!((&report.holders[..], report.portid_process), (&[mine(&socket)][..], None));
    let name = std::fs::read_to_string("/proc/self/comm").expect("/proc is mounted");
    let as_ss_has_it = if portid == std::process::id() {
        format!("rtnl:{}/{portid}", name.trim())
    } else {
        format!("rtnl:{portid}")
    };
    ss::assert_queues(report, &["-f", "netlink"], &as_ss_has_it);
    let empty = get(&snapshot, inode(&second));
    assert_eq!(empty.footprint.received.charged, Some(Truesize(0)));

    // The kernel's own, and nobody else's; the scan's own conversation is none of them, but that of a scan of
    // every namespace at the same time may be.
    let of_kernel: Vec<_> = snapshot.sockets.iter().filter(|it| it.socket.is_of_kernel()).collect();
    assert!(!of_kernel.is_empty());
    assert!(of_kernel.iter().all(|it| it.holding == Holding::Kernel && it.holders.is_empty()));
    let of_sock_diag =
        |it: &&skcheck_core::SocketEntry| matches!(it.socket.local, Endpoint::Netlink { protocol: 4, .. });
    let own = |it: &&skcheck_core::SocketEntry| {
        it.socket.is_of_kernel() || it.pids().any(|pid| pid == std::process::id())
    };
    assert_eq!(snapshot.sockets.iter().filter(of_sock_diag).filter(own).count(), 0);
    let mut query = scan::here();
    query.include_idle = false;
    let holding = eventually("only what holds something is left", || {
        let snapshot = scan::run(&query);
        let inodes: Vec<_> = snapshot.sockets.iter().map(|it| it.socket.inode).collect();
        (inodes == [Some(inode(&socket))]).then_some(snapshot)
    });
    assert_eq!(holding.totals().charged, charged);
}
