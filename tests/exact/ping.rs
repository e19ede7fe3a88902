//! Ping sockets, which the engine meets at their descriptors, and families that no table tells of.

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use skcheck_core::engine::Queue;
use skcheck_core::{Agreement, Family, Missing, Protocol, Protocols, Query, RecvQueue, Truesize};

use crate::measure::{self, ALL_PACKETS, listing, measured, whole};
use crate::support::netns::in_own_netns;
use crate::support::ping::{ping, ping_sockets, told};
use crate::support::scan::{find, mine};
use crate::support::skip::kernel;
use crate::support::sockets::inode;

#[test]
fn what_nobody_reads_is_walked() {
    if !in_own_netns("ping::what_nobody_reads_is_walked") {
        return;
    }
    let sockets = ping_sockets();
    let [idle, _] = ping_sockets();
    ping(&sockets[0], 1000);
    ping(&sockets[1], 20);
    for (socket, family) in sockets.iter().zip([Family::Ipv4, Family::Ipv6]) {
        let (report, exact) = measured(socket);
        let found = &report.socket;
        assert_eq!((found.family, found.protocol), (family, Protocol::Ping));
        let (received, drops) = told(socket);
        assert_eq!(found.recv_q, RecvQueue::Truesize(Truesize(received)));
        assert_eq!((found.skmem.drops, &report.holders[..]), (Some(drops), &[mine(socket)][..]));
        let is_named = found.cookie.is_some() || kernel() < [5, 17];
        assert!(found.skmem.rcvbuf.is_some() && is_named, "more than /proc/net tells");
        let queue = whole(&exact, Queue::Receive);
        assert_eq!(queue.truesize, Truesize(received));
        assert_eq!(queue.bytes.0, queue.packets * 32, "each answer is as long as its request");
        assert_eq!(report.footprint.received.payload, Some(queue.bytes));
        assert_eq!(exact.agreement(found), Agreement::Same);
        assert_eq!(listing(socket).packets.len() as u64, queue.packets);
    }
    let mut query = measure::here();
    query.include_idle = false;
    assert!(find(&measure::scan(&query, &ALL_PACKETS), inode(&idle)).is_none());
    query.protocols -= Protocols::RAW;
    assert!(find(&measure::scan(&query, &ALL_PACKETS), inode(&sockets[0])).is_none());
}

/// As without the engine: `families` of the tests of the library.
#[test]
fn families_without_a_table_are_counted() {
    if !in_own_netns("ping::families_without_a_table_are_counted") {
        return;
    }
    let protocols = std::fs::read_to_string("/proc/net/protocols").expect("it is there");
    if !protocols.lines().any(|line| line.starts_with("XDP ")) {
        return; // this kernel says that it has none
    }
    let mut query = measure::here();
    query.pids = vec![std::process::id()];
    let told = |query: &Query| {
        let gaps = measure::scan(query, &ALL_PACKETS).gaps;
        gaps.into_iter()
            .find(|gap| gap.what == Missing::Families)
            .map(|gap| (gap.place.to_string(), gap.count))
    };
    assert_eq!(told(&query), None);
    let xdp = |()| socket_with(AddressFamily::from_raw(44), SocketType::RAW, SocketFlags::CLOEXEC, None);
    let sockets = [(); 2].map(xdp).map(|socket| socket.expect("this kernel has such sockets"));
    let _again = sockets[0].try_clone().expect("it is open");
    assert_eq!(told(&query), Some(("2 XDP".to_owned(), Some(2))));
    query.protocols -= Protocols::PACKET;
    assert_eq!(told(&query), None, "asked for others");
}
