//! Scans with the engine, and the one socket in them that a test is about.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;

use skcheck_bpf::Bpf;
use skcheck_core::engine::{Limits, Packet, Queue};
use skcheck_core::packets::Listing;
use skcheck_core::{
    Bytes, Exact, Live, Missing, NetnsChoice, Query, QueueExact, Snapshot, SocketEntry, packets, scan_with,
};

use crate::support;
use crate::support::child::no_child_is_born;
use crate::support::scan::{get, mine};
use crate::support::sockets::inode;

/// No queue of these tests has as many packets.
pub(crate) const ALL_PACKETS: Limits = Limits::new(1_000_000, None);

pub(crate) fn engine() -> &'static Bpf {
    static ENGINE: OnceLock<Bpf> = OnceLock::new();
    ENGINE.get_or_init(|| Bpf::load(&Live::new()).expect("root may, on a kernel of today"))
}

/// Everything in the namespace of the test, idle sockets too.
pub(crate) fn here() -> Query {
    let mut query = Query::default();
    query.include_idle = true;
    query.netns = NetnsChoice::Current;
    query
}

pub(crate) fn scan(query: &Query, limits: &Limits) -> Snapshot {
    let _quiet = no_child_is_born();
    let snapshot = scan_with(&Live::new(), query, Some(engine()), limits).expect("the host can be scanned");
    assert_eq!(snapshot.engine, Some("bpf"));
    let failures: Vec<_> = snapshot.gaps.iter().filter(|gap| gap.what == Missing::Engine).collect();
    assert!(failures.is_empty(), "{failures:?}");
    snapshot
}

/// What the tables of the kernel say of a socket: NETLINK_SOCK_DIAG, and no engine.
pub(crate) fn listed(fd: &impl AsFd) -> SocketEntry {
    get(&support::scan::run(&here()), inode(fd)).clone()
}

/// The report of one socket, walked without a limit, and what was measured.
pub(crate) fn measured(fd: &impl AsFd) -> (SocketEntry, Exact) {
    let snapshot = scan(&here(), &ALL_PACKETS);
    let report = get(&snapshot, inode(fd)).clone();
    let exact = exact(&report).clone();
    (report, exact)
}

/// What was measured of a socket.
pub(crate) fn exact(report: &SocketEntry) -> &Exact {
    report.exact.as_ref().unwrap_or_else(|why| panic!("not measured ({why:?}): {:?}", report.socket))
}

/// A queue that has packets, was walked to its end, and did not change meanwhile.
pub(crate) fn whole(exact: &Exact, queue: Queue) -> &QueueExact {
    let whole = exact.queue(queue).unwrap_or_else(|| panic!("no {} queue in {exact:?}", queue.name()));
    assert!(whole.complete && !whole.approximate, "{whole:?}");
    whole
}

/// The packets of a socket that this process holds.
pub(crate) fn listing(fd: &impl AsRawFd) -> Listing {
    let _quiet = no_child_is_born();
    packets(&Live::new(), engine(), mine(fd), &ALL_PACKETS).expect("it is there")
}

/// The sequence number that a TCP packet begins with.
pub(crate) fn sequence(packet: &Packet) -> u32 {
    packet.stamp.try_into().expect("32 bits")
}

/// The distinct pages that a queue pins.
pub(crate) fn pages(queue: &QueueExact) -> Bytes {
    let page = rustix::param::page_size() as u64;
    Bytes(queue.pages.iter().map(|blocks| blocks.blocks * (page << blocks.order)).sum())
}

/// Whether two numbers differ by no more than one in a hundred of the second.
pub(crate) fn within_one_percent(is: u64, should: u64) -> bool {
    is.abs_diff(should) * 100 <= should
}
