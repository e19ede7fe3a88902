//! The reader that has stalled: each unread byte pins a chunk of 32 KiB. Three measurements of the same
//! memory must agree: the walk, the census of all pages, and what was made.

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use skcheck_core::Payload;
use skcheck_core::engine::Queue;

use crate::census;
use crate::measure::{ALL_PACKETS, exact, here, measured, pages, scan, whole, within_one_percent};
use crate::stall::{StalledReader, chunk};
use crate::support::loopback::settle;
use crate::support::scan::{eventually, get};
use crate::support::sockets::inode;
use crate::turn;

const FRAGMENTS: usize = 4000;
fn made() -> u64 {
    (FRAGMENTS * chunk()) as u64
}

/// The order of a chunk.
fn order() -> u8 {
    (chunk() / rustix::param::page_size()).ilog2().try_into().expect("small")
}

/// How many blocks of a chunk's size the kernel has, and how much memory nobody owns.
fn host() -> (i64, i64) {
    settle();
    let chunks = census::take().blocks[usize::from(order())];
    (chunks.try_into().expect("small"), census::unowned())
}

/// By how much a figure has grown. The host is noisy, so both times it was looked at twice: the difference
/// that is nearest to what should be.
fn nearest(
    before: [(i64, i64); 2],
    after: [(i64, i64); 2],
    figure: fn((i64, i64)) -> i64,
    should: u64,
) -> u64 {
    let should = i64::try_from(should).expect("small");
    let pairs = before.into_iter().flat_map(|before| after.map(|after| (before, after)));
    let grown = pairs.map(|(before, after)| figure(after) - figure(before));
    let nearest = grown.min_by_key(|grown| grown.abs_diff(should)).expect("four");
    nearest.max(0).unsigned_abs()
}

#[test]
fn three_measurements_agree() {
    let Some(_turn) = turn::alone("stalled::three_measurements_agree") else { return };
    // Loads the program before memory is compared.
    crate::measure::engine();
    turn::when_others_are_still(|| {
        let quiet = [host(), host()];
        let stalled = StalledReader::make(FRAGMENTS).expect("loopback is up");
        let then = [host(), host()];
        let (report, exact) = measured(&stalled.reader);

        let receive = whole(&exact, Queue::Receive);
        assert_eq!(receive.bytes, Payload(FRAGMENTS as u64));
        assert!(within_one_percent(exact.pinned.0, made()), "{exact:?} is not {} B", made());
        assert_eq!(exact.pinned, pages(receive));
        let chunks = receive.pages.iter().find(|blocks| blocks.order == order()).expect("chunks").blocks;
        assert!(within_one_percent(chunks, FRAGMENTS as u64), "{receive:?}");

        let counted = nearest(quiet, then, |(chunks, _)| chunks, chunks);
        assert!(within_one_percent(counted, chunks), "the walk found {chunks} chunks, the census {counted}");
        let unowned = nearest(quiet, then, |(_, unowned)| unowned, exact.pinned.0);
        println!(
            "made {FRAGMENTS} chunks, walked {chunks}, counted {counted}; {} B, unowned {unowned} B",
            exact.pinned.0
        );
        assert!(unowned.abs_diff(exact.pinned.0) <= made() / 10, "{unowned} B more have no owner");

        // That it is pinned is seen when it goes, which the kernel does partly in the background.
        drop(stalled);
        let left = then[0].0 - i64::try_from(chunks).expect("small") * 9 / 10;
        eventually("the chunks go", || (host().0 < left).then_some(()));

        let worst = report.footprint.received.worst.expect("known").bytes;
        assert!(exact.pinned <= worst, "{:?} is above {worst:?}", exact.pinned);
    });
}

/// Makes it as somebody who may not have a larger receive buffer than others.
fn without_privilege() -> StalledReader {
    let make = || {
        let none = CapabilitySet::empty();
        let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
        set_capabilities(None, none).expect("any thread may have less");
        StalledReader::make(FRAGMENTS).expect("loopback is up")
    };
    std::thread::scope(|scope| scope.spawn(make).join().expect("it does not panic"))
}

/// Several readers then, none of which is so full that the kernel copies what waits into fewer chunks.
#[test]
fn whoever_makes_it_every_byte_pins_a_chunk() {
    let Some(_turn) = turn::alone("stalled::whoever_makes_it_every_byte_pins_a_chunk") else { return };
    let stalled = without_privilege();
    let snapshot = scan(&here(), &ALL_PACKETS);
    let (mut bytes, mut pinned) = (0, 0);
    for reader in stalled.readers() {
        let report = get(&snapshot, inode(reader));
        let exact = exact(report);
        bytes += whole(exact, Queue::Receive).bytes.0;
        pinned += exact.pinned.0;
        let [charged, limit] = [report.socket.skmem.rmem_alloc, report.socket.skmem.rcvbuf];
        println!("{} unread, charged {charged:?} of {limit:?}", exact.unread().0);
        assert!(charged < limit, "{charged:?} of {limit:?}");
    }
    assert_eq!(bytes, FRAGMENTS as u64);
    assert!(within_one_percent(pinned, made()), "{pinned} is not {}", made());
}
