//! The rule, case by case, in the order of docs/verdict.md. All numbers are MiB, on a host of 32 GiB:
//! below 328 MiB nothing is missing.

use super::*;
use crate::memory::ledger::{Part, PartKind};

const HOST: u64 = 32 << 10;

fn mib(number: u64) -> Bytes {
    Bytes(number << 20)
}

/// A host on which so much is unaccounted, and so much ownerless; the rest is page cache.
fn missing(unaccounted: i64, ownerless: i64) -> Ledger {
    let cache = i64::try_from(HOST).unwrap() - unaccounted - ownerless;
    let cache = Part { kind: PartKind::PageCache, bytes: mib(u64::try_from(cache).unwrap()) };
    let ledger = Ledger::of(mib(HOST), vec![cache], Some(ownerless << 20), Vec::new());
    assert_eq!(ledger.unaccounted, unaccounted << 20);
    ledger
}

/// What is seen of a host whose sockets could pin so much, all of them known, and none with rings.
fn bounded(worst: u64) -> Evidence {
    Evidence { worst: Some(mib(worst)), worst_of_all: true, rings: Some(Bytes(0)), ..Evidence::default() }
}

/// The same, with a walk that found so much off list and so much of removed files.
fn walked(worst: u64, off_list: u64, ownerless: u64) -> Evidence {
    Evidence {
        walked_off_list: Some(mib(off_list)),
        walked_ownerless: Some(mib(ownerless)),
        ..bounded(worst)
    }
}

/// The same as bounded, with a census that found so much in chunks, and no room beside them, of which threads
/// keep some.
fn counted(worst: u64, chunks: u64, threads_kept: u64) -> Evidence {
    Evidence {
        chunks: Some(mib(chunks)),
        room: Some(mib(chunks)),
        ring_like: Some(mib(chunks)),
        threads_kept: mib(threads_kept),
        ..bounded(worst)
    }
}

fn check(ledger: &Ledger, evidence: Evidence, expected: (Code, VerdictReason)) {
    assert_eq!(decide(ledger, limit(ledger.total), &evidence), expected, "{ledger:?} {evidence:?}");
}

#[test]
fn nothing_is_missing() {
    let none = (Code::None, VerdictReason::BelowLimit);
    check(&missing(327, 0), bounded(100_000), none);
    check(&missing(-500, 200), bounded(100_000), none);
    // Half below the limit each, together above it.
    check(&missing(200, 200), Evidence::default(), (Code::Unseen, VerdictReason::Hidden));
    let limits = [(1 << 30, 64 << 20), (32 << 30, 343_597_383), (1 << 40, 3 << 29)];
    assert_eq!(limits.map(|(total, _)| limit(Bytes(total)).0), limits.map(|(_, limit)| limit));
}

/// A leak in slab or vmalloc has an owner: the ledger names it, and nothing is missing.
#[test]
fn leaks_that_have_an_owner() {
    for kind in [PartKind::SlabUnreclaimable, PartKind::Vmalloc] {
        let parts =
            vec![Part { kind, bytes: mib(20 << 10) }, Part { kind: PartKind::Free, bytes: mib(12 << 10) }];
        let ledger = Ledger::of(mib(HOST), parts, Some(0), Vec::new());
        check(&ledger, bounded(100_000), (Code::None, VerdictReason::BelowLimit));
        assert!(!ledger.is_out_of_proportion());
    }
}

#[test]
fn the_walk_finds_it() {
    let explains = |found| (Code::Explains, VerdictReason::Walked(mib(found)));
    check(&missing(6000, 0), walked(8000, 5900, 0), explains(5900));
    // More is pinned than is missing: it does not count.
    check(&missing(6000, 0), walked(8000, 9000, 0), explains(6000));
    // A fifth may be left, or half of what would not count as missing by itself.
    check(&missing(6000, 0), walked(8000, 4801, 0), explains(4801));
    check(&missing(600, 0), walked(8000, 440, 0), explains(440));
    check(&missing(600, 0), walked(8000, 430, 0), (Code::Partly, VerdictReason::Walked(mib(430))));
    check(&missing(6000, 0), walked(8000, 4800, 0), (Code::Partly, VerdictReason::Walked(mib(4800))));
    // Of removed files, in part or altogether.
    check(&missing(100, 400), walked(10, 50, 390), explains(440));
    check(&missing(0, 400), walked(10, 300, 390), explains(390));
    check(&missing(0, 400), walked(10, 390, 0), (Code::Unseen, VerdictReason::HandedIn));
}

#[test]
fn a_walk_of_everything_is_final() {
    let all = |off_list| Evidence { walked_seen: true, ..walked(100_000, off_list, 0) };
    check(&missing(6000, 0), all(3000), (Code::Partly, VerdictReason::Walked(mib(3000))));
    check(&missing(6000, 0), all(300), (Code::Cannot, VerdictReason::Walked(mib(300))));
    // By itself it would count as missing.
    check(&missing(6000, 0), all(330), (Code::Partly, VerdictReason::Walked(mib(330))));
    // Nothing to walk at all.
    check(&missing(6000, 0), all(0), (Code::Cannot, VerdictReason::Walked(mib(0))));
    check(&missing(0, 6000), all(0), (Code::Cannot, VerdictReason::Walked(mib(0))));
    // Even where the census finds chunks: they are not in queues.
    let census = Evidence { chunks: Some(mib(6000)), room: Some(mib(6000)), ..all(10) };
    check(&missing(6000, 0), census, (Code::Cannot, VerdictReason::Walked(mib(10))));
}

#[test]
fn the_census_finds_it() {
    let explains = |found| (Code::Explains, VerdictReason::Counted(mib(found)));
    check(&missing(6000, 0), counted(8000, 5960, 10), explains(5950));
    // Threads may keep them, and need not; the same with kmalloc, which slab counts.
    check(&missing(400, 0), counted(8000, 400, 390), (Code::Could, VerdictReason::Bound(mib(400))));
    let kmalloc = Evidence { large_kmalloc: mib(5500), ..counted(8000, 6000, 0) };
    check(&missing(6000, 0), kmalloc, (Code::Could, VerdictReason::Bound(mib(6000))));
    // The bound does not cover it: others have them.
    check(&missing(6000, 0), counted(2000, 6000, 0), (Code::Partly, VerdictReason::Bound(mib(2000))));
    check(&missing(6000, 0), counted(300, 6000, 0), (Code::Cannot, VerdictReason::Bound(mib(300))));
    check(&missing(6000, 0), counted(8000, 3000, 0), (Code::Partly, VerdictReason::Room(mib(3000))));
    // Page-allocator memory of another shape.
    check(&missing(6000, 0), counted(8000, 20, 0), (Code::Cannot, VerdictReason::Room(mib(20))));
    // Packets in single pages: no chunk, and room for them.
    let singles = Evidence { room: Some(mib(6000)), ..counted(8000, 20, 0) };
    check(&missing(6000, 0), singles, (Code::Could, VerdictReason::Bound(mib(6000))));
    // An unfinished walk that found little does not overrule it, nor it what a walk found.
    let walk = Evidence { walked_off_list: Some(mib(900)), ..counted(8000, 6000, 0) };
    check(&missing(6000, 0), walk, explains(6000));
    let walk = Evidence { walked_off_list: Some(mib(900)), ..counted(8000, 1000, 0) };
    check(&missing(6000, 0), walk, (Code::Partly, VerdictReason::Walked(mib(900))));
}

/// All that were seen have been walked, and others may be hidden: the blocks that the census found are not
/// those of sockets that were seen.
#[test]
fn only_what_is_hidden_is_left() {
    let walk = |evidence: Evidence, off_list| Evidence {
        walked_off_list: Some(mib(off_list)),
        walked_ownerless: Some(mib(0)),
        walked_seen: true,
        is_blind: true,
        ..evidence
    };
    let unseen = (Code::Unseen, VerdictReason::Hidden);
    check(&missing(6000, 0), walk(counted(8000, 6000, 0), 10), unseen);
    check(
        &missing(6000, 0),
        walk(counted(8000, 6000, 0), 900),
        (Code::Partly, VerdictReason::Walked(mib(900))),
    );
    check(&missing(6000, 0), walk(counted(8000, 20, 0), 10), (Code::Cannot, VerdictReason::Room(mib(20))));
    check(&missing(6000, 0), walk(bounded(8000), 10), unseen);
    check(&missing(6000, 0), walk(bounded(900), 10), (Code::Partly, VerdictReason::Bound(mib(900))));
    check(&missing(6000, 0), walk(bounded(300), 10), (Code::Cannot, VerdictReason::Bound(mib(300))));
}

/// Rings are in no bound. What they take is known exactly, or not at all.
#[test]
fn rings() {
    let with = |rings: u64, evidence: Evidence| Evidence { rings: Some(mib(rings)), ..evidence };
    check(&missing(6000, 0), with(5900, bounded(300)), (Code::Explains, VerdictReason::Rings(mib(5900))));
    check(&missing(6000, 0), with(7000, bounded(300)), (Code::Explains, VerdictReason::Rings(mib(6000))));
    check(&missing(6000, 0), with(900, bounded(300)), (Code::Partly, VerdictReason::Rings(mib(900))));
    check(&missing(6000, 0), with(10, bounded(300)), (Code::Cannot, VerdictReason::Bound(mib(310))));
    check(
        &missing(6000, 0),
        with(3000, walked(9000, 2000, 0)),
        (Code::Explains, VerdictReason::Rings(mib(5000))),
    );
    check(
        &missing(6000, 0),
        with(2000, walked(9000, 3000, 0)),
        (Code::Explains, VerdictReason::Walked(mib(5000))),
    );
    // They take nothing from what lies on LRU lists.
    check(&missing(100, 5900), with(6000, bounded(300)), (Code::Unseen, VerdictReason::HandedIn));
    // A walk is as final beside them as without.
    let all = Evidence { walked_seen: true, ..walked(100_000, 0, 0) };
    check(&missing(6000, 0), with(20, all), (Code::Cannot, VerdictReason::Rings(mib(20))));
    // Their blocks may be of a chunk's size: the census counts them no second time.
    check(
        &missing(6000, 0),
        with(5000, counted(9000, 5000, 0)),
        (Code::Explains, VerdictReason::Rings(mib(5000))),
    );
    check(
        &missing(6000, 0),
        with(3000, counted(9000, 5500, 0)),
        (Code::Explains, VerdictReason::Counted(mib(5500))),
    );
    check(
        &missing(6000, 0),
        with(500, counted(9000, 500, 0)),
        (Code::Partly, VerdictReason::Rings(mib(500))),
    );
    // A ring that nobody has seen can be of any size, in blocks larger than a page or mapped.
    let unknown = |evidence: Evidence| Evidence { rings: None, ..evidence };
    check(&missing(6000, 0), unknown(bounded(300)), (Code::Unseen, VerdictReason::Hidden));
    check(&missing(6000, 0), unknown(all), (Code::Unseen, VerdictReason::Hidden));
    let census = |ring_like| unknown(Evidence { ring_like: Some(mib(ring_like)), ..counted(300, 20, 0) });
    check(&missing(6000, 0), census(20), (Code::Cannot, VerdictReason::Room(mib(40))));
    check(&missing(6000, 0), census(2000), (Code::Partly, VerdictReason::Room(mib(2020))));
    check(&missing(6000, 0), census(6000), (Code::Unseen, VerdictReason::Hidden));
}

/// A bound alone never explains: 400 small datagrams have a bound of 207 MiB, and take 256 KiB.
#[test]
fn the_bound_alone() {
    check(&missing(6000, 0), bounded(8192), (Code::Could, VerdictReason::Bound(mib(6000))));
    check(&missing(6000, 0), bounded(4900), (Code::Could, VerdictReason::Bound(mib(4900))));
    check(&missing(6000, 0), bounded(3000), (Code::Partly, VerdictReason::Bound(mib(3000))));
    check(&missing(6000, 0), bounded(327), (Code::Cannot, VerdictReason::Bound(mib(327))));
    check(&missing(330, 0), bounded(207), (Code::Could, VerdictReason::Bound(mib(207))));
}

#[test]
fn too_little_is_seen() {
    let some = |worst| Evidence { worst_of_all: false, ..bounded(worst) };
    check(&missing(6000, 0), some(3000), (Code::Unseen, VerdictReason::Hidden));
    check(&missing(6000, 0), Evidence::default(), (Code::Unseen, VerdictReason::Hidden));
    // What is seen reaches it already.
    check(&missing(6000, 0), some(8000), (Code::Could, VerdictReason::Bound(mib(6000))));
    // The bound says nothing of pages that were handed in.
    check(&missing(100, 400), bounded(100_000), (Code::Unseen, VerdictReason::HandedIn));
    check(&missing(100, 400), counted(100_000, 10, 0), (Code::Unseen, VerdictReason::HandedIn));
}
