use skcheck_core::Direction;
use skcheck_core::engine::{Counters, Limits, Packet, PageKind, Piece, Queue, QueueEnd};
use skcheck_core::{
    Blocks, Bytes, Family, Footprint, Holder, Holding, HostFacts, Inode, Netns, NetnsId, NotMeasured,
    PageSize, Payload, Protocol, Query, RecvQueue, Ring, Rings, Socket, State, Truesize, testing,
};

use super::*;
use crate::report::measure::{Measure, Pinned, Sureness};

/// A snapshot, report_of as this query asked for it.
pub(crate) fn report_of<'a>(
    snapshot: &'a Snapshot,
    query: &Query,
    arrangement: Arrangement,
) -> ScanReport<'a> {
    let query = Box::leak(Box::new(query.clone()));
    let (kind, limits) = (ScanKind::Whole, Limits::default());
    let request = ScanRequest { query, kind, limits, arrangement };
    ScanReport::new(snapshot, request, Circumstances::default())
}

/// A snapshot of a host without sockets.
fn empty() -> Snapshot {
    let mut snapshot = testing::snapshot(HostFacts::assumed(PageSize(4096)));
    snapshot.namespaces = vec![Netns::of_files(Some(NetnsId(4)), true, Vec::new())];
    (snapshot.unlisted_tcp_mem, snapshot.unlisted_noise) = (Some(0), Bytes(1 << 20));
    snapshot
}

/// Sockets as (inode, holders' pids, received, sent).
pub(crate) fn snapshot(sockets: &[(u32, &[u32], u32, u32)]) -> Snapshot {
    let mut snapshot = empty();
    for &(inode, pids, received, sent) in sockets {
        let mut socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
        socket.inode = Inode::new(inode);
        socket.recv_q = RecvQueue::Payload(Payload(received.into()));
        (socket.skmem.rmem_alloc, socket.skmem.wmem_queued) = (Some(received), Some(sent));
        let mut report = testing::entry(socket, &snapshot.host);
        report.netns = Some(NetnsId(4));
        report.holders = pids.iter().map(|&pid| Holder::new(pid, inode)).collect();
        report.holding = if pids.is_empty() { Holding::Orphan } else { Holding::Descriptors };
        snapshot.sockets.push(report);
    }
    snapshot
}

fn close(snapshot: &mut Snapshot, inode: u32) {
    let host = snapshot.host.clone();
    let of_inode = |report: &&mut SocketEntry| report.socket.inode.map(Inode::get) == Some(inode);
    let report = snapshot.sockets.iter_mut().find(of_inode).unwrap();
    report.socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::ClosedHeld);
    report.socket.inode = Inode::new(inode);
    report.footprint = Footprint::of(&report.socket, None, &host);
}

const BY_PROCESS: Arrangement =
    Arrangement { sort: SortKey::Charged, by: GroupBy::Process, top: None, per_process: None };

const BY_PINNED: Arrangement = Arrangement { sort: SortKey::Pinned, ..BY_PROCESS };

fn order(snapshot: &Snapshot, arrangement: Arrangement) -> Vec<Owner<'_>> {
    let report = report_of(snapshot, &Query::default(), arrangement);
    report.groups.iter().map(|group| group.owner).collect()
}

fn inodes(report: &ScanReport<'_>) -> Vec<u32> {
    report.sockets.iter().map(|socket| socket.socket.inode.unwrap().get()).collect()
}

use Owner::Process;

#[test]
fn a_process_weighs_the_sum_of_its_sockets() {
    let snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 400, 0), (3, &[20], 300, 0)]);
    assert_eq!(order(&snapshot, BY_PROCESS), [Process(20), Process(10)]);
    let by_pid = Arrangement { sort: SortKey::Pid, ..BY_PROCESS };
    assert_eq!(order(&snapshot, by_pid), [Process(10), Process(20)]);
    assert_eq!(report_of(&snapshot, &Query::default(), by_pid).heaviest.unwrap().owner, Process(20));
}

#[test]
fn unsent_data_weighs_as_much_as_unread_data() {
    let snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 0, 700), (3, &[], 0, 650)]);
    assert_eq!(order(&snapshot, BY_PROCESS), [Process(20), Owner::Orphaned, Process(10)]);
    let by_unread = Arrangement { sort: SortKey::Unread, ..BY_PROCESS };
    assert_eq!(order(&snapshot, by_unread)[0], Process(10));
}

/// In no queue and in no charge, and it has to stand first all the same.
#[test]
fn rings_weigh_what_they_take() {
    let mut snapshot = snapshot(&[(1, &[7], 5000, 0), (2, &[8], 0, 0), (3, &[9], 0, 4000)]);
    let ring = |socket: &mut SocketEntry, blocks| {
        let mut rings = Rings::default();
        rings.rx = Some(Ring::new(4096, blocks, 2 * blocks));
        socket.socket.rings = Some(rings);
        socket.footprint.rings = Some(rings.bytes());
    };
    ring(&mut snapshot.sockets[1], 2);
    assert_eq!(order(&snapshot, BY_PROCESS), [Process(8), Process(7), Process(9)]);
    assert_eq!(order(&snapshot, BY_PINNED), [Process(8), Process(7), Process(9)]);
    let report = report_of(&snapshot, &Query::default(), BY_PINNED);
    let sums = &report.groups[0].sums;
    assert!(sums.mostly_rings() && sums.rings.known == 8192 && sums.received.charged.known == 0);
    assert_eq!((report.totals.rings, report.totals.charged.0), (Bytes(8192), 5000));
    ring(&mut snapshot.sockets[1], 1);
    assert_eq!(order(&snapshot, BY_PINNED), [Process(7), Process(8), Process(9)]);
}

#[test]
fn equal_weights_have_one_order() {
    let mut snapshot = snapshot(&[(4, &[30], 9, 0), (3, &[20], 9, 0), (2, &[10], 9, 0), (1, &[10], 9, 0)]);
    let first = [Process(10), Process(20), Process(30)];
    assert_eq!(order(&snapshot, BY_PROCESS), first);
    snapshot.sockets.reverse();
    assert_eq!(order(&snapshot, BY_PROCESS), first);
    assert_eq!(inodes(&report_of(&snapshot, &Query::default(), BY_PROCESS)), [1, 2, 3, 4]);
}

#[test]
fn closed_sockets_weigh_their_share_of_unlisted_memory() {
    let mut snapshot = snapshot(&[(1, &[10], 600_000, 0), (2, &[20], 0, 0), (3, &[30], 500_000, 0)]);
    close(&mut snapshot, 2);
    assert_eq!(order(&snapshot, BY_PROCESS), [Process(10), Process(30), Process(20)], "within noise");
    snapshot.unlisted_tcp_mem = Some(2 << 20);
    for sort in [SortKey::Charged, SortKey::Worst] {
        let order = order(&snapshot, Arrangement { sort, ..BY_PROCESS });
        assert_eq!(order[0], Process(20), "{sort:?}");
    }
    let cut = Arrangement { top: Some(0), ..BY_PROCESS };
    assert_eq!(report_of(&snapshot, &Query::default(), cut).rest.sums.closed_held, 1);
}

#[test]
fn a_shared_socket_is_listed_once_and_counted_once() {
    let snapshot = snapshot(&[(1, &[10, 20], 600, 0), (2, &[20], 1, 0)]);
    let report = report_of(&snapshot, &Query::default(), BY_PROCESS);
    assert_eq!(report.groups.len(), 2);
    assert_eq!(inodes(&report), [1, 2]);
    assert_eq!((report.totals.sockets, report.totals.charged), (2, Truesize(601)));
    let cut = Arrangement { top: Some(1), ..BY_PROCESS };
    let report = report_of(&snapshot, &Query::default(), cut);
    assert_eq!((report.rest.count, report.rest.sums.sockets), (1, 0), "all its sockets are shown");
    let mut query = Query::default();
    query.pids = vec![20];
    let report = report_of(&snapshot, &query, BY_PROCESS);
    assert_eq!(report.groups.iter().map(|group| group.owner).collect::<Vec<_>>(), [Process(20)]);
}

#[test]
fn what_is_cut_is_counted() {
    let snapshot = snapshot(&[(1, &[10], 5, 0), (2, &[10], 4, 0), (3, &[20], 3, 0), (4, &[30], 2, 0)]);
    let cut = Arrangement { top: Some(1), per_process: Some(1), ..BY_PROCESS };
    let report = report_of(&snapshot, &Query::default(), cut);
    assert_eq!(inodes(&report), [1]);
    assert_eq!((report.groups[0].sums.sockets, report.groups[0].sockets.len()), (2, 1));
    assert_eq!((report.rest.count, report.rest.sums.received.charged.known), (2, 5));
    assert_eq!(report.totals.charged, Truesize(14));
    let flat = Arrangement { by: GroupBy::Socket, top: Some(3), ..BY_PROCESS };
    let report = report_of(&snapshot, &Query::default(), flat);
    assert_eq!((inodes(&report), report.rest.count), (vec![1, 2, 3], 1));
}

#[test]
fn nobody_has_a_name_too() {
    let mut snapshot = snapshot(&[(1, &[], 1, 0), (2, &[], 2, 0), (3, &[], 3, 0), (4, &[], 4, 0)]);
    let holdings =
        [Holding::Orphan, Holding::Kernel, Holding::Hidden, Holding::AwaitingAccept { ambiguous: false }];
    for (report, holding) in snapshot.sockets.iter_mut().zip(holdings) {
        report.holding = holding;
    }
    assert_eq!(order(&snapshot, BY_PROCESS), [Owner::Kernel, Owner::Hidden, Owner::Orphaned]);
    snapshot.scanned.unreadable = 1;
    assert_eq!(order(&snapshot, BY_PROCESS), [Owner::Hidden, Owner::Orphaned]);
}

#[test]
fn blocks_of_namespaces_and_whether_there_are_several() {
    let mut snapshot = snapshot(&[(1, &[10], 5, 0), (2, &[20], 9, 0), (3, &[], 2, 0)]);
    let spans = |snapshot: &Snapshot| report_of(snapshot, &Query::default(), BY_PROCESS).spans;
    assert!(!spans(&snapshot));
    snapshot.sockets[1].netns = Some(NetnsId(7));
    snapshot.sockets[2].netns = None;
    assert!(spans(&snapshot));
    let by_netns = Arrangement { by: GroupBy::Netns, ..BY_PROCESS };
    let expected = [Owner::Netns(NetnsId(7)), Owner::Netns(NetnsId(4)), Owner::UnknownNetns];
    assert_eq!(order(&snapshot, by_netns), expected);
    let report = report_of(&snapshot, &Query::default(), by_netns);
    assert_eq!(report.heaviest.unwrap().owner, Process(20), "the answer names a process all the same");
}

/// What walking found.
fn measured(snapshot: &mut Snapshot, inode: u32, pinned: u64, shared: u64, complete: bool) {
    let of_inode = |report: &&mut SocketEntry| report.socket.inode.map(Inode::get) == Some(inode);
    let report = snapshot.sockets.iter_mut().find(of_inode).unwrap();
    let mut head = Piece::new(0, 0, PageKind::Slab);
    head.len = 1;
    let mut packet = Packet::new(Queue::Receive, 1, head);
    packet.len = Payload(report.socket.recv_q.size().unwrap());
    packet.truesize = report.footprint.received.charged.unwrap();
    let mut end = QueueEnd::new(Queue::Receive);
    (end.complete, end.steady) = (complete, true);
    let ends = vec![end];
    let mut exact = testing::exact(&[packet], &ends, Counters::default(), snapshot.host.page_size);
    exact.counters.rmem_alloc = report.footprint.received.charged.unwrap();
    exact.counters.recv_q = report.socket.recv_q.size().unwrap();
    exact.counters.wmem_queued = Truesize(0);
    (exact.pinned, exact.pinned_shared) = (Bytes(pinned), Bytes(shared));
    report.exact = Ok(Box::new(exact));
}

#[test]
fn what_is_pinned_weighs_more_than_what_is_charged() {
    let mut snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 500, 0), (3, &[30], 0, 550)]);
    measured(&mut snapshot, 2, 32768, 0, true);
    assert_eq!(order(&snapshot, BY_PINNED), [Process(20), Process(10), Process(30)]);
    assert_eq!(order(&snapshot, BY_PROCESS), [Process(10), Process(30), Process(20)], "by charge");
    measured(&mut snapshot, 1, 32768, 0, true);
    assert_eq!(order(&snapshot, BY_PINNED)[0], Process(10), "the same, and charged more");
    measured(&mut snapshot, 1, 0, 0, true);
    measured(&mut snapshot, 2, 0, 0, true);
    assert_eq!(order(&snapshot, BY_PINNED)[2], Process(20), "charged for what pins nothing");
    assert_eq!(report_of(&snapshot, &Query::default(), BY_PROCESS).heaviest.unwrap().owner, Process(10));
}

/// Many packets lie in one block: it weighs once, whoever's they are.
#[test]
fn what_many_pin_together_weighs_once() {
    let mut snapshot =
        snapshot(&[(1, &[10], 60, 0), (2, &[10], 60, 0), (3, &[10], 60, 0), (4, &[20], 60, 0)]);
    (1..=3).for_each(|inode| measured(&mut snapshot, inode, 32768, 32768, true));
    measured(&mut snapshot, 4, 40960, 0, true);
    snapshot.pages =
        [(3, 1), (1, 5)].map(|(order, blocks)| (PageKind::Stack, Blocks::new(order, blocks))).into();
    assert_eq!(order(&snapshot, BY_PINNED), [Process(20), Process(10)], "40 KiB, and one block of 32");
    // Two blocks, one of them pinned by two: 64 KiB.
    snapshot.pages =
        [(3, 2), (1, 5)].map(|(order, blocks)| (PageKind::Stack, Blocks::new(order, blocks))).into();
    assert_eq!(order(&snapshot, BY_PINNED), [Process(10), Process(20)]);
}

#[test]
fn sums_say_how_sure_they_are() {
    let check = |walks: &[(u64, bool)], expected: Option<Sureness>| {
        let mut snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[10], 500, 0)]);
        for (inode, (shared, complete)) in (1..).zip(walks) {
            measured(&mut snapshot, inode, 32768, *shared, *complete);
        }
        let report = report_of(&snapshot, &Query::default(), BY_PINNED);
        assert_eq!(report.groups[0].sums.received.pinned.sureness(), expected, "{walks:?}");
    };
    check(&[], None);
    check(&[(0, true), (0, true)], Some(Sureness::Exact));
    check(&[(0, true)], Some(Sureness::AtLeast));
    check(&[(0, true), (0, false)], Some(Sureness::AtLeast));
    check(&[(4096, true), (4096, true)], Some(Sureness::AtMost));
    check(&[(4096, true), (4096, false)], Some(Sureness::About));
}

#[test]
fn what_pins_more_than_its_bound_is_told() {
    let mut snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 600, 0)]);
    let bound = snapshot.sockets[0].footprint.received.worst.unwrap().bytes.0;
    measured(&mut snapshot, 1, bound, 0, true);
    measured(&mut snapshot, 2, bound + 1, 0, true);
    let report = report_of(&snapshot, &Query::default(), BY_PINNED);
    let [breach] = report.measured.breaches.as_slice() else { panic!("{:?}", report.measured) };
    assert_eq!((breach.report.holders[0].pid, breach.pinned, breach.bound), (20, bound + 1, bound));
    assert_eq!((report.measured.sockets, report.measured.moved, report.measured.differing), (2, 0, 0));
}

#[test]
fn what_came_between_the_looks_breaks_no_bound() {
    let mut snapshot = snapshot(&[(1, &[10], 600, 0)]);
    let bound = snapshot.sockets[0].footprint.received.worst.unwrap().bytes.0;
    snapshot.sockets[0].footprint.received.charged = Some(Truesize(60_000));
    measured(&mut snapshot, 1, bound + 1, 0, true);
    let report = report_of(&snapshot, &Query::default(), BY_PINNED);
    assert_eq!((report.measured.breaches.len(), report.measured.moved), (0, 1));
}

#[test]
fn what_unix_and_udp_sockets_have_sent_is_not_measured_at_them() {
    let mut snapshot = snapshot(&[(1, &[10], 600, 0)]);
    measured(&mut snapshot, 1, 32768, 0, true);
    let mut report = snapshot.sockets[0].clone();
    assert!(matches!(Measure::of(&report, Direction::Sent), Measure::Pins(_)));
    report.socket.protocol = Protocol::Udp;
    assert_eq!(Measure::of(&report, Direction::Sent), Measure::Nothing);
    report.footprint.sent.charged = Some(Truesize(1));
    report.socket.skmem.wmem_alloc = Some(1);
    assert_eq!(Measure::of(&report, Direction::Sent), Measure::Unknown);
    report.socket.protocol = Protocol::UnixStream;
    assert_eq!(Measure::of(&report, Direction::Sent), Measure::Unknown);
}

/// What was found of a socket that is charged more is the least that it pins; its charge decides where it
/// stands.
#[test]
fn what_is_charged_for_packets_elsewhere() {
    let mut snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 100_000, 0), (3, &[30], 90_000, 0)]);
    measured(&mut snapshot, 1, 32768, 0, true);
    measured(&mut snapshot, 2, 40960, 0, true);
    assert_eq!(Measure::of(&snapshot.sockets[1], Direction::Received), pins(40961, 0));
    let exact = snapshot.sockets[1].exact.as_mut().unwrap();
    (exact.counters.unchanged, exact.counters.rmem_alloc) = (true, Truesize(300_000));
    assert_eq!(Measure::of(&snapshot.sockets[1], Direction::Received), pins(40961, 1));
    snapshot.sockets[2].exact = Err(NotMeasured::Elsewhere);
    assert_eq!(Measure::of(&snapshot.sockets[2], Direction::Received), Measure::Unknown);
    assert_eq!(Measure::of(&snapshot.sockets[2], Direction::Sent), Measure::Nothing);
    assert_eq!(order(&snapshot, BY_PINNED), [Process(20), Process(30), Process(10)]);
    let report = report_of(&snapshot, &Query::default(), BY_PINNED);
    let measured = &report.measured;
    assert_eq!((measured.sockets, measured.elsewhere, measured.received_elsewhere), (2, 1, 290_000));
    assert!(!measured.is_all());
}

/// Where queues are alike, the charge of their own side decides.
#[test]
fn queues_rank_by_their_own_side() {
    let snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 0, 500), (3, &[30], 600, 100)]);
    let by = |sort| order(&snapshot, Arrangement { sort, ..BY_PROCESS });
    assert_eq!(by(SortKey::SendQ), [Process(20), Process(30), Process(10)]);
    assert_eq!(by(SortKey::RecvQ), [Process(10), Process(30), Process(20)]);
}

/// One socket that pins so much, its packet's head of one byte in slab memory among it, exactly or at least.
fn pins(bytes: u64, floors: u64) -> Measure {
    Measure::Pins(Pinned { pages: bytes - 1, slab: 1, measured: 1, floors, ..Pinned::default() })
}

/// What a closed socket has reserved is its own, and not that of sockets which nobody has seen.
#[test]
fn closed_sockets_account_for_what_they_reserve() {
    let mut snapshot = snapshot(&[(1, &[10], 0, 0)]);
    snapshot.sockets[0].socket.state = State::ClosedHeld;
    snapshot.unlisted_tcp_mem = Some(8 << 20);
    assert_eq!(unlisted(&snapshot), Some(8 << 20));
    snapshot.sockets[0].socket.skmem.fwd_alloc = Some(6 << 20);
    assert_eq!(unlisted(&snapshot), Some(2 << 20));
    snapshot.sockets[0].socket.skmem.fwd_alloc = Some(7 << 20);
    assert_eq!(unlisted(&snapshot), None, "within noise");
}

#[test]
fn a_closed_socket_whose_numbers_are_known_is_like_any_other() {
    let mut snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 500, 0)]);
    snapshot.sockets[1].socket.state = State::ClosedHeld;
    snapshot.unlisted_tcp_mem = Some(8 << 20);
    assert_eq!(order(&snapshot, BY_PINNED), [Process(10), Process(20)]);
    assert_eq!(report_of(&snapshot, &Query::default(), BY_PINNED).sums.closed_held, 0);
}
