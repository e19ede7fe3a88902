//! What lowers a sum of bounds: the memory that nothing else owns, and all packets of the host.

use skcheck_core::{Bytes, Cap, Snapshot, Truesize, scan};

use crate::support::made_up::{Answer, MadeUp};
use crate::support::messages::{Inet, SKMEMINFO, done, words};
use crate::support::scan::everything;

const MIB: u64 = 1 << 20;
/// What one packet can pin with pages of 4 KiB: its head and 17 fragments, each in a chunk of 32 KiB.
const PACKET: u64 = 18 * 32 * 1024;

/// A host with this much memory in use (KiB) of which the slabs own `slab_kib`, and nothing else.
fn with_unowned(host: MadeUp, in_use_kib: u64, slab_kib: u64) -> MadeUp {
    let meminfo = format!(
        "MemTotal: {} kB\nMemFree: 1000 kB\nBuffers: 0 kB\nCached: 0 kB\nActive: 0 kB\nInactive: 0 kB\n\
         AnonPages: 0 kB\nSReclaimable: 0 kB\nSUnreclaim: {slab_kib} kB\nPageTables: 0 kB\nVmallocUsed: 0 kB\n",
        in_use_kib + 1000
    );
    host.file("/proc/meminfo", meminfo)
}

/// A host with this many packets in its two slabs.
fn with_packets(host: MadeUp, plain: u64, cloned: u64) -> MadeUp {
    let slabinfo = format!(
        "slabinfo - version: 2.1\n# name <active_objs> <num_objs> <objsize>\n\
         skbuff_fclone_cache {cloned} 900 512\nskbuff_head_cache {plain} 900 256\n"
    );
    host.file("/proc/slabinfo", slabinfo)
}

fn snapshot(host: &MadeUp) -> Snapshot {
    scan(host, &everything()).expect("empty tables are tables")
}

fn capped(snapshot: &Snapshot, worst: u64, charged: u64) -> (u64, Option<Cap>) {
    let (Bytes(worst), cap) = snapshot.capped(Bytes(worst), Truesize(charged));
    (worst, cap)
}

#[test]
fn nothing_known_caps_nothing() {
    let snapshot = snapshot(&MadeUp::new());
    assert_eq!((&snapshot.ledger, snapshot.host.active_skbs), (&None, None));
    assert_eq!(capped(&snapshot, u64::MAX, 1), (u64::MAX, None));
}

#[test]
fn by_unowned_memory() {
    let snapshot = snapshot(&with_unowned(MadeUp::new(), 1024, 0));
    assert_eq!(capped(&snapshot, 10 * MIB, 2 * MIB), (3 * MIB, Some(Cap::Unowned)));
    assert_eq!(capped(&snapshot, 3 * MIB, 2 * MIB), (3 * MIB, None), "it is no lower");
    assert_eq!(capped(&snapshot, 3 * MIB + 1, 2 * MIB), (3 * MIB, Some(Cap::Unowned)));
    assert_eq!(capped(&snapshot, u64::MAX, u64::MAX), (u64::MAX, None), "the sum is too large a number");
}

/// Counters overlap, and leave less than nothing: the charge is there all the same.
#[test]
fn never_below_the_charge() {
    let overlapping = snapshot(&with_unowned(MadeUp::new(), 1024, 5000));
    let unaccounted = overlapping.ledger.as_ref().map(|ledger| ledger.unaccounted);
    assert_eq!(unaccounted, Some((1024 - 5000) * 1024));
    assert_eq!(capped(&overlapping, 10 * MIB, 2 * MIB), (2 * MIB, Some(Cap::Unowned)));
    let few_packets = snapshot(&with_packets(MadeUp::new(), 1, 0));
    assert_eq!(capped(&few_packets, 10 * MIB, 2 * MIB), (2 * MIB, Some(Cap::HostPackets)));
    assert_eq!(capped(&few_packets, 2 * MIB, 2 * MIB), (2 * MIB, None));
}

#[test]
fn by_all_packets_of_the_host() {
    let snapshot = snapshot(&with_packets(MadeUp::new(), 2, 1));
    assert_eq!(capped(&snapshot, 10 * MIB, 4096), (3 * PACKET, Some(Cap::HostPackets)));
    assert_eq!(capped(&snapshot, 3 * PACKET, 4096), (3 * PACKET, None));
}

/// Where both are known the lower one counts, and is named.
#[test]
fn by_the_lower_of_both() {
    let packets_are_lower = snapshot(&with_packets(with_unowned(MadeUp::new(), 4096, 0), 1, 1));
    assert_eq!(capped(&packets_are_lower, 10 * MIB, 4096), (2 * PACKET, Some(Cap::HostPackets)));
    let memory_is_lower = snapshot(&with_packets(with_unowned(MadeUp::new(), 1024, 0), 1, 1));
    assert_eq!(capped(&memory_is_lower, 10 * MIB, 4096), (MIB + 4096, Some(Cap::Unowned)));
}

/// The sums of a report carry the cap.
#[test]
fn totals_are_capped() {
    const CHARGED: u32 = 2 << 20;
    let host = with_unowned(MadeUp::new(), 1024, 0).kernel(|request| {
        let socket = Inet::numbered(1).recv_q(CHARGED / 2);
        let socket = socket.with(SKMEMINFO, &words(&[CHARGED, 6 << 20, 0, 87_040, 0, 0, 0, 0, 0]));
        let answer = [socket.dumped(request.sequence), done(request.sequence, 0)];
        request.is_tcp4().then(|| Answer::of(answer))
    });
    let snapshot = snapshot(&host);
    let [report] = &snapshot.sockets[..] else { panic!("{:?}", snapshot.sockets) };
    assert!(report.footprint.received.worst.expect("charged").bytes > Bytes(100 * MIB));
    let totals = snapshot.totals();
    assert_eq!((totals.charged, totals.worst), (Truesize(CHARGED.into()), Bytes(3 * MIB)));
    assert_eq!(totals.cap, Some(Cap::Unowned));
}
