//! A report of very many sockets, in parts.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use skcheck_core::engine::Limits;
use skcheck_core::{Holder, Live, Protocols, Query, RunningTotals, SocketEntry, scan_in_parts, scan_with};

/// What one part has at most that hold nothing.
const PART: usize = 4096;

/// Those of some processes come in one part: a look at all descriptors would come with each.
fn all_udp() -> Query {
    let mut query = Query::of(Protocols::UDP);
    query.include_idle = true;
    query
}

/// Lets this process have so many descriptors; root may raise the hard limit too.
fn allow_descriptors(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    let maximum = limit.maximum.map(|maximum| maximum.max(count));
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("so many descriptors");
}

/// Each idle socket once, with its holder and in the order of descriptors; what holds something comes first.
#[test]
fn every_socket_is_in_one_part() {
    allow_descriptors(3 * PART as u64);
    let idle: Vec<UdpSocket> =
        (0..2 * PART + 10).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket")).collect();
    let full = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    idle[0].send_to(b"unread", full.local_addr().expect("an address")).expect("sent");
    let inode_of = |socket: &UdpSocket| {
        let socket = OwnedFd::from(socket.try_clone().expect("a descriptor"));
        u32::try_from(rustix::fs::fstat(socket).expect("a socket").st_ino).expect("an inode")
    };
    let (mut parts, mut totals) = (Vec::new(), RunningTotals::default());
    let rest = scan_in_parts(&Live::new(), &all_udp(), None, &Limits::default(), &mut |part| {
        assert!(part.gaps.is_empty());
        part.sockets.iter().for_each(|entry| totals.add(entry));
        let is_named = |pid: u32| part.process(pid).is_some();
        assert!(part.sockets.iter().flat_map(SocketEntry::pids).all(is_named));
        parts.push(part.sockets);
        ControlFlow::Continue(())
    })
    .expect("a scan");
    assert!(rest.sockets.is_empty() && rest.processes.is_empty());
    let [first, others @ ..] = parts.as_slice() else { panic!("no part") };
    assert!(others.len() > 2 && others.iter().all(|part| part.len() <= PART));
    let has_full = |part: &[SocketEntry]| {
        part.iter().any(|entry| entry.socket.inode.map(skcheck_core::Inode::get) == Some(inode_of(&full)))
    };
    assert!(has_full(first) && !others.iter().any(|part| has_full(part)));
    assert!(first.iter().all(|entry| entry.socket.holds_something()), "what is idle comes later");

    let told: Vec<&SocketEntry> = parts.iter().flatten().collect();
    let mut holders: BTreeMap<u32, Vec<Holder>> = BTreeMap::new();
    for entry in &told {
        let inode = entry.socket.inode.expect("an inode").get();
        assert!(holders.insert(inode, entry.holders.clone()).is_none(), "{inode} twice");
    }
    for socket in &idle {
        let fd = u32::try_from(socket.as_raw_fd()).expect("a number");
        assert_eq!(holders[&inode_of(socket)], [Holder::new(std::process::id(), fd)]);
    }
    // Others open, close and pass on theirs meanwhile.
    let mut made: Vec<u32> = idle.iter().map(inode_of).collect();
    made.sort_unstable();
    let is_made = |entry: &&SocketEntry| {
        entry.socket.inode.is_some_and(|inode| made.binary_search(&inode.get()).is_ok())
    };
    let fds: Vec<u32> = others.iter().flatten().filter(is_made).map(|it| it.holders[0].fd).collect();
    assert!(fds.len() == idle.len() && fds.is_sorted());
    let sums = totals.finish(&rest);
    assert_eq!(sums.sockets, told.len() as u64);
    let mut one = all_udp();
    one.pids = vec![std::process::id()];
    let mut own = 0;
    scan_in_parts(&Live::new(), &one, None, &Limits::default(), &mut |part| {
        own += usize::from(part.sockets.len() > 2 * PART);
        ControlFlow::Continue(())
    })
    .expect("a scan");
    assert_eq!(own, 1, "those of a process come together");

    let mut taken = 0;
    scan_in_parts(&Live::new(), &all_udp(), None, &Limits::default(), &mut |_| {
        taken += 1;
        ControlFlow::Break(())
    })
    .expect("a scan");
    assert_eq!(taken, 1, "nobody wanted more");

    // As one snapshot it is the same; others open and close sockets meanwhile.
    let whole = scan_with(&Live::new(), &all_udp(), None, &Limits::default()).expect("a scan");
    let is_told = |inode: u32| {
        whole.sockets.iter().any(|entry| entry.socket.inode.map(skcheck_core::Inode::get) == Some(inode))
    };
    assert!(is_told(inode_of(&full)) && idle.iter().step_by(500).all(|socket| is_told(inode_of(socket))));
}
