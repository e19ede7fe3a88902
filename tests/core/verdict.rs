//! The numbers that a verdict stands on, gathered from scans over made-up hosts.

use skcheck_core::engine::{Engine, Limits};
use skcheck_core::verdict::{Code, Verdict, VerdictReason, judge};
use skcheck_core::{Bytes, Holder, Payload, Protocols, Query, Snapshot, Truesize, scan_with};

use crate::measured::Canned;
use crate::support::made_up::{Answer, MadeUp};
use crate::support::messages::{
    BY_FAMILY, Inet, MULTI, PACKET_MEMINFO, PACKET_RX_RING, SKMEMINFO, attribute, done, message, packet,
    words,
};

const MIB: u64 = 1 << 20;
const CHUNK: u64 = 32 * 1024;

/// A host of 16 GiB of which so many MiB belong to nobody, with three sockets: 1 has 1000 bytes unread and is
/// charged 1 MiB for them, 2 has sent 4 MiB, 3 is empty.
fn host(nobodys: u64) -> MadeUp {
    let meminfo = format!(
        "MemTotal: {} kB\nMemFree: {} kB\nBuffers: 0 kB\nCached: 0 kB\nActive: 0 kB\nInactive: 0 kB\n\
         AnonPages: 0 kB\nSReclaimable: 0 kB\nSUnreclaim: 0 kB\nPageTables: 0 kB\nVmallocUsed: 1 kB\n",
        16 << 20,
        (16 << 20) - (nobodys << 10) - 1,
    );
    let sockets = [
        Inet::numbered(1).recv_q(1000).with(SKMEMINFO, &words(&[1 << 20, 0, 0, 0, 0, 0, 0, 0, 0])),
        Inet::numbered(2).with(SKMEMINFO, &words(&[0, 0, 0, 0, 0, 4 << 20, 0, 0, 0])),
        Inet::numbered(3).with(SKMEMINFO, &words(&[0; 9])),
    ];
    let host = MadeUp::new().file("/proc/meminfo", meminfo).file("/proc/zoneinfo", "");
    let host = host
        .file("/boot/config-6.18.0", "CONFIG_MAX_SKB_FRAGS=17\n")
        .file("/proc/net/sockstat", "TCP: inuse 3 orphan 0 tw 0 alloc 3 mem 1280\n");
    host.process(7, "reader", &[1]).process(8, "writer", &[2]).kernel(move |request| {
        let dumped = sockets.iter().map(|socket| socket.dumped(request.sequence));
        let datagrams = dumped.chain([done(request.sequence, 0)]);
        request.is_tcp4().then(|| Answer::of(datagrams))
    })
}

/// A number of packets on the whole host.
fn with_packets(host: MadeUp, packets: u64) -> MadeUp {
    let slabinfo = format!("skbuff_fclone_cache 0 900 512\nskbuff_head_cache {packets} 900 256\n");
    host.file("/proc/slabinfo", slabinfo)
}

fn judged(host: &MadeUp, engine: Option<&dyn Engine>) -> (Verdict, Snapshot) {
    let query = Query::of(Protocols::TCP | Protocols::PACKET);
    let snapshot = scan_with(host, &query, engine, &Limits::default()).expect("it answers");
    let ledger = snapshot.ledger.clone().expect("it has a meminfo");
    (judge(&ledger, None, &snapshot), snapshot)
}

/// What all sockets of the made-up host can pin by their own bounds, both sides.
fn own_bounds(snapshot: &Snapshot) -> u64 {
    let bounds = snapshot.sockets.iter().map(|report| {
        let side = |worst: Option<skcheck_core::Worst>| worst.expect("charged").bytes.0;
        side(report.footprint.received.worst) + side(report.footprint.sent.worst)
    });
    bounds.sum()
}

#[test]
fn sums_over_both_sides_of_all_sockets() {
    let (verdict, snapshot) = judged(&host(6000), None);
    let evidence = &verdict.evidence;
    assert_eq!((evidence.unread, evidence.charged), (Payload(1000), Truesize(5 * MIB)));
    assert_eq!(evidence.worst, Some(Bytes(own_bounds(&snapshot))));
    assert!(evidence.worst_of_all, "{:?}", snapshot.gaps);
    assert_eq!((evidence.walked(), evidence.chunks_beyond()), (None, None), "nothing measured anything");
    assert_eq!(verdict.missing, Bytes(6000 * MIB));
    assert!(verdict.is_out_of_proportion, "more than a tenth");
    assert_eq!(verdict.code, Code::Partly, "{verdict:?}");

    let suspects: Vec<_> = verdict.suspects.iter().map(|it| (it.holder, it.charged)).collect();
    let expected =
        [(Some(Holder::new(8, 3)), Some(Truesize(4 * MIB))), (Some(Holder::new(7, 3)), Some(Truesize(MIB)))];
    assert_eq!(suspects, expected, "the heaviest first, and none that holds nothing");
    assert_eq!(verdict.suspects[1].comm.as_deref(), Some(&b"reader"[..]));
}

/// All packets of the host can pin no more; and it counts what nobody has seen.
#[test]
fn the_number_of_packets_bounds_all_sockets() {
    let (verdict, _) = judged(&with_packets(host(6000), 100), None);
    assert_eq!(verdict.evidence.worst, Some(Bytes(100 * 18 * CHUNK)));
    assert_eq!((verdict.code, verdict.reason), (Code::Cannot, VerdictReason::Bound(Bytes(100 * 18 * CHUNK))));
    let (verdict, snapshot) = judged(&with_packets(host(6000), 1 << 40), None);
    assert_eq!(verdict.evidence.worst, Some(Bytes(own_bounds(&snapshot))));
    let unseen = with_packets(host(6000), 20_000).unreadable(9);
    let (verdict, _) = judged(&unseen, None);
    assert_eq!(verdict.evidence.worst, Some(Bytes(20_000 * 18 * CHUNK)), "others may have them");
    assert_eq!((verdict.code, verdict.reason), (Code::Could, VerdictReason::Bound(Bytes(6000 * MIB))));
}

/// Processes that may not be looked at can be in namespaces that nobody has found.
#[test]
fn what_is_hidden_could_have_it() {
    let (verdict, _) = judged(&host(12_000).unreadable(9), None);
    assert!(!verdict.evidence.worst_of_all);
    assert_eq!((verdict.code, verdict.reason), (Code::Unseen, VerdictReason::Hidden));
    assert!(verdict.is_out_of_proportion);
}

/// Where only /proc/net tells of unix sockets, nobody knows what waits at them; of packet sockets it tells.
#[test]
fn what_no_file_tells_could_have_it() {
    let unix = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                0000000000000000: 00000003 00000000 00000000 0001 03    21\n";
    let packets = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n\
                   0000000022e0289d 3      3    0003   2     1 0      0      60430\n";
    let host = |missing: u8| {
        let host = host(12_000).file("/proc/net/unix", unix).file("/proc/net/packet", packets);
        host.and_kernel(move |request| (request.family == missing).then(|| request.no_module()))
    };
    let is_of_all = |host: &MadeUp| {
        let query = Query::of(Protocols::TCP | Protocols::UNIX | Protocols::PACKET);
        let snapshot = scan_with(host, &query, None, &Limits::default()).expect("it answers");
        let ledger = snapshot.ledger.clone().expect("it has a meminfo");
        let verdict = judge(&ledger, None, &snapshot);
        (verdict.evidence.worst_of_all, verdict.code)
    };
    assert!(is_of_all(&host(0)).0);
    assert!(is_of_all(&host(17)).0);
    assert_eq!(is_of_all(&host(1)), (false, Code::Unseen));
}

/// TCP memory of sockets that are in no table pins as much as it can.
#[test]
fn closed_sockets_are_bounded_by_their_memory() {
    let (listed, snapshot) = judged(&host(6000), None);
    let sockstat = format!("TCP: inuse 3 orphan 0 tw 0 alloc 9 mem {}\n", 1280 + 4096);
    let (verdict, _) = judged(&host(6000).file("/proc/net/sockstat", sockstat), None);
    let unlisted =
        Truesize(u64::try_from(snapshot.unlisted_tcp_mem.expect("told")).expect("none") + 16 * MIB);
    let closed = skcheck_core::Worst::of(unlisted, None, &snapshot.host).bytes.0;
    let listed = listed.evidence.worst.expect("bounded").0;
    assert_eq!(verdict.evidence.worst, Some(Bytes(listed + closed)));
}

#[test]
fn an_engine_measures() {
    let blocks: Vec<u64> = (0..20_000).collect();
    let engine = Canned::walking(&[(1, &blocks), (2, &[]), (3, &[])]);
    let (verdict, snapshot) = judged(&host(700), Some(&engine));
    assert_eq!(verdict.evidence.walked_off_list, Some(Bytes(20_000 * CHUNK)));
    assert_eq!(verdict.evidence.walked_ownerless, Some(Bytes(0)));
    assert_eq!(
        (verdict.code, verdict.reason),
        (Code::Explains, VerdictReason::Walked(Bytes(20_000 * CHUNK)))
    );
    assert_eq!(verdict.suspects[0].pinned, Some(Bytes(20_000 * CHUNK)), "{:?}", snapshot.sockets);
    // All were walked, and that is all there is.
    assert!(verdict.evidence.walked_all(), "{:?}", snapshot.gaps);
    let (verdict, _) = judged(&host(8000), Some(&engine));
    assert_eq!((verdict.code, verdict.reason), (Code::Partly, VerdictReason::Walked(Bytes(20_000 * CHUNK))));
}

/// The same host with a packet socket, which has so much in its queue and in a ring of blocks of 1 MiB.
fn sniffed(nobodys: u64, queued: u32, ring: u32) -> MadeUp {
    let tcp = host(nobodys);
    tcp.process(9, "sniffer", &[4]).and_kernel(move |request| {
        let attributes = [
            attribute(PACKET_MEMINFO, &words(&[queued, 0, 0, 0, 0, 0, 0, 0, 0])),
            attribute(PACKET_RX_RING, &words(&[1 << 20, ring, 2048, 512 * ring, 0, 0, 0])),
        ];
        let attributes = if ring == 0 { &attributes[..1] } else { &attributes };
        let socket = message(BY_FAMILY, MULTI, request.sequence, &packet(3, 4, attributes));
        request.is_dump_of(17, 0).then(|| Answer::of([socket, done(request.sequence, 0)]))
    })
}

/// What waits in a packet socket counts like what waits in any other.
#[test]
fn packet_sockets_count() {
    let (listed, snapshot) = judged(&host(700), None);
    let (verdict, _) = judged(&sniffed(700, 860_198_544, 0), None);
    let queued = skcheck_core::Worst::of(Truesize(860_198_544), None, &snapshot.host).bytes.0;
    assert_eq!(verdict.evidence.worst, Some(Bytes(listed.evidence.worst.expect("bounded").0 + queued)));
    assert_eq!((verdict.code, verdict.evidence.rings), (Code::Could, Some(Bytes(0))), "{verdict:?}");
    let walked = Canned::walking(&[(1, &[]), (2, &[]), (3, &[]), (4, &[])]);
    let (verdict, _) = judged(&sniffed(700, 860_198_544, 0), Some(&walked));
    assert!(verdict.evidence.walked_all(), "{verdict:?}");
    assert_eq!(verdict.code, Code::Cannot, "{verdict:?}");
}

/// A ring is found without a walk, and not taken for what packets pin.
#[test]
fn rings_explain() {
    let (verdict, _) = judged(&sniffed(700, 0, 680), None);
    assert_eq!(verdict.evidence.rings, Some(Bytes(680 * MIB)));
    assert_eq!((verdict.code, verdict.reason), (Code::Explains, VerdictReason::Rings(Bytes(680 * MIB))));
    let first = &verdict.suspects[0];
    assert_eq!((first.holder, first.rings), (Some(Holder::new(9, 3)), Some(Bytes(680 * MIB))), "{verdict:?}");
    assert_eq!((first.charged, first.worst), (Some(Truesize(0)), Some(Bytes(0))));
}

/// Without its module nothing tells of rings: then they can be of any size.
#[test]
fn rings_that_nobody_tells_of() {
    let sniffer = "sk RefCnt Type Proto Iface R Rmem User Inode\n0 3 3 0003 1 1 5000 0 4\n";
    let host = host(6000).file("/proc/net/packet", sniffer).process(9, "sniffer", &[4]);
    let host = host.and_kernel(|request| request.is_dump_of(17, 0).then(|| request.no_module()));
    let (verdict, snapshot) = judged(&host, None);
    assert_eq!(verdict.evidence.rings, None, "{:?}", snapshot.gaps);
    assert_eq!((verdict.code, verdict.reason), (Code::Unseen, VerdictReason::Hidden));
}
