//! Sockets of families that no table tells of.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use skcheck_core::{Gap, Missing, NetnsChoice, Place, Protocols, Query, Snapshot};

use crate::support::netns::in_own_netns;
use crate::support::scan;

/// Families whose sockets are in no table, their kinds of sockets, and the names of their protocols.
const FAMILIES: [(u16, SocketType, &str); 2] =
    [(44, SocketType::RAW, "XDP"), (38, SocketType::SEQPACKET, "ALG")];

/// Those that this kernel has, which says so itself.
fn of_this_kernel() -> Vec<(u16, SocketType, &'static str)> {
    let protocols = std::fs::read_to_string("/proc/net/protocols").expect("it is there");
    let has = |name: &str| protocols.lines().any(|line| line.split_whitespace().next() == Some(name));
    FAMILIES.into_iter().filter(|(_, _, name)| has(name)).collect()
}

fn socket((family, kind, _): (u16, SocketType, &str)) -> OwnedFd {
    let family = AddressFamily::from_raw(family);
    socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("this kernel has such sockets")
}

fn gap(snapshot: &Snapshot) -> Option<&Gap> {
    let mut gaps = snapshot.gaps.iter().filter(|gap| gap.what == Missing::Families);
    let gap = gaps.next();
    assert!(gaps.next().is_none(), "{:?}", snapshot.gaps);
    gap
}

/// How many sockets with this name are told of.
fn told(snapshot: &Snapshot, name: &str) -> u64 {
    match gap(snapshot).map(|gap| &gap.place) {
        Some(Place::Protocols(sockets)) => sockets.get(name.as_bytes()).copied().unwrap_or(0),
        Some(other) => panic!("{other:?}"),
        None => 0,
    }
}

/// A process's own are counted: what others of the host have is not the test's.
#[test]
fn they_are_counted_by_name() {
    if !in_own_netns("families::they_are_counted_by_name") {
        return;
    }
    let mut query = Query::default();
    (query.netns, query.pids) = (NetnsChoice::Current, vec![std::process::id()]);
    assert_eq!(gap(&scan::run(&query)), None, "it has none");
    let _unbound = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback is up");
    for family in of_this_kernel() {
        let sockets = [socket(family), socket(family)];
        let _again = sockets[0].try_clone().expect("it is open");
        let snapshot = scan::run(&query);
        assert_eq!(told(&snapshot, family.2), 2, "{:?}", gap(&snapshot));
        assert_eq!(gap(&snapshot).expect("told").count, Some(2));
        assert!(snapshot.gaps.iter().any(Gap::hides_sockets));
        let mut narrow = query.clone();
        narrow.protocols -= Protocols::UNIX;
        assert_eq!(gap(&scan::run(&narrow)), None, "asked for others");
    }
    assert_eq!(gap(&scan::run(&query)), None, "they are closed");
}
