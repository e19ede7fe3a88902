//! Where the memory of this host went: the ledger, the census, the walk and the verdict, against memory
//! that a test has taken.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, openat, sendfile, unlinkat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
};
use rustix::pipe::{fcntl_setpipe_size, pipe};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use skcheck_core::engine::Limits;
use skcheck_core::memory::{Census, Ledger, Memory};
use skcheck_core::verdict::{Code, HeavySocket, Verdict, VerdictReason, judge};
use skcheck_core::{Bytes, Host, Live, Query, Snapshot, memory, scan_with};

use crate::measure::engine;
use crate::stall::{StalledReader, chunk};
use crate::support::loopback::settle;
use crate::support::scan::{eventually, mine};
use crate::support::sockets::{arrived, tcp_pair};
use crate::turn;

/// What the product says of this host's memory.
struct Look {
    memory: Memory,
    snapshot: Snapshot,
}

fn look() -> Look {
    settle();
    let host = Live::new();
    let snapshot = scan_with(&host, &Query::default(), Some(engine()), &Limits::default()).expect("it scans");
    let mut memory = memory(&host, Some(&|_, _| {})).expect("/proc is mounted");
    memory.ledger = of_a_still_moment(&host);
    Look { memory, snapshot }
}

/// What a test has made: the difference to what there was before, which is others'.
struct Own {
    ledger: Ledger,
    census: Census,
    before: Snapshot,
}

impl Own {
    fn of(before: &Look, made: &Look) -> Own {
        let mut ledger = made.memory.ledger.clone();
        ledger.unaccounted -= before.unaccounted();
        ledger.lru_ownerless = Some(made.ownerless() - before.ownerless());
        let mut census = made.memory.census.clone().expect("root may");
        let others = before.memory.census.as_ref().expect("root may");
        for blocks in &mut census.off_list {
            blocks.blocks = blocks.blocks.saturating_sub(others.blocks(blocks.order));
        }
        Own { ledger, census, before: before.snapshot.clone() }
    }

    fn judge(&self, snapshot: &Snapshot, with_census: bool) -> Verdict {
        let mut snapshot = snapshot.clone();
        let others = self.before.unlisted_tcp_mem.unwrap_or(0);
        snapshot.unlisted_tcp_mem = snapshot.unlisted_tcp_mem.map(|all| all - others);
        let others = self.before.host.active_skbs.unwrap_or(0);
        snapshot.host.active_skbs = snapshot.host.active_skbs.map(|all| all.saturating_sub(others));
        judge(&self.ledger, with_census.then_some(&self.census), &snapshot)
    }
}

/// The ledger in which the least is unaccounted, of a second. A virtual machine's kernel that tells its
/// host which blocks are free takes them out meanwhile, 32 of 2 MiB at a time, for some 60 ms every other
/// second (`page_reporting_cycle`).
fn of_a_still_moment(host: &dyn Host) -> Ledger {
    let ledgers = (0..50).map(|_| {
        std::thread::sleep(Duration::from_millis(20));
        memory(host, None).expect("/proc is mounted").ledger
    });
    ledgers.min_by_key(|ledger| ledger.unaccounted).expect("50")
}

impl Look {
    fn chunks(&self) -> u64 {
        let order = (chunk() as u64 / Live::new().page_size().0).ilog2();
        self.memory.census.as_ref().expect("root may").blocks(u8::try_from(order).expect("small"))
    }

    fn unaccounted(&self) -> i64 {
        self.memory.ledger.unaccounted
    }

    fn ownerless(&self) -> i64 {
        self.memory.ledger.lru_ownerless.expect("a host has lists")
    }
}

/// Whether a number is this one, give or take so many percent.
fn within(number: u64, percent: u64, expected: u64) -> bool {
    number.abs_diff(expected) <= expected * percent / 100
}

fn grown(before: i64, after: i64) -> u64 {
    u64::try_from(after - before).unwrap_or(0)
}

/// 20,000 unread bytes take 625 MiB: the census finds the blocks, the ledger misses them, the walk finds
/// them at the maker's descriptors, and when they are closed all is as it was. Five connections: a small
/// host's receive buffer has no room for all of it, and TCP would copy what waits into fewer chunks.
#[test]
fn a_stalled_reader_explains_what_is_missing() {
    let Some(_turn) = turn::alone("mem::a_stalled_reader_explains_what_is_missing") else { return };
    const READERS: usize = 5;
    const FRAGMENTS: usize = 4000;
    const ALL: u64 = (READERS * FRAGMENTS) as u64;
    let all_made = ALL * chunk() as u64;
    engine();
    turn::when_others_are_still(|| {
        let before = look();
        let stalled = [(); READERS].map(|()| StalledReader::make(FRAGMENTS).expect("loopback is up"));
        let made = look();

        let chunks = made.chunks().saturating_sub(before.chunks());
        assert!(within(chunks, 3, ALL), "{chunks} blocks more on no list");
        let unaccounted = grown(before.unaccounted(), made.unaccounted());
        assert!(
            within(unaccounted, 5, chunks * chunk() as u64),
            "{unaccounted} B more unaccounted, {all_made} made"
        );

        let own = Own::of(&before, &made);
        let verdict = own.judge(&made.snapshot, true);
        let Verdict { code, reason, missing, .. } = &verdict;
        assert_eq!(*code, Code::Explains, "{verdict:?}");
        assert!(
            matches!(reason, VerdictReason::Walked(found) if within(found.0, 5, all_made)),
            "{reason:?} of {missing:?}"
        );
        let suspects = &verdict.suspects[..READERS];
        let readers: Vec<_> = stalled.iter().map(|stalled| Some(mine(&stalled.reader))).collect();
        assert!(
            suspects.iter().all(|suspect| readers.contains(&suspect.holder)),
            "{suspects:?} of {readers:?}"
        );
        let sum = |of: fn(&HeavySocket) -> Option<Bytes>| {
            suspects.iter().filter_map(of).map(|it| it.0).sum::<u64>()
        };
        assert!(within(sum(|suspect| suspect.pinned), 1, all_made), "{suspects:?}");
        assert!(sum(|suspect| suspect.worst) >= chunks * chunk() as u64, "{suspects:?}");

        // Without an engine the census says the same, and the bound covers it.
        let host = Live::new();
        let unmeasured = scan_with(&host, &Query::default(), None, &Limits::default()).expect("it scans");
        let counted = own.judge(&unmeasured, true);
        assert_eq!(counted.code, Code::Explains, "{counted:?}");
        assert!(
            matches!(counted.reason, VerdictReason::Counted(found) if within(found.0, 5, all_made)),
            "{counted:?}"
        );
        assert!(readers.contains(&counted.suspects[0].holder), "{:?}", counted.suspects);
        // And without that nothing explains.
        let bounded = own.judge(&unmeasured, false);
        assert_eq!(bounded.code, Code::Could, "{bounded:?}");

        drop(stalled);
        let after = eventually("all is as it was", || {
            let after = look();
            (after.chunks() < before.chunks() + ALL / 100).then_some(after)
        });
        let left = grown(before.unaccounted(), after.unaccounted());
        assert!(left < all_made / 20, "{left} B are still unaccounted");
    });
}

/// Pages of a removed file that wait in a queue, one byte of each huge page: on LRU lists, and nobody's.
#[test]
fn a_removed_file_that_was_sent_explains_what_is_ownerless() {
    let Some(_turn) = turn::alone("mem::a_removed_file_that_was_sent_explains_what_is_ownerless") else {
        return;
    };
    let huge = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
    let huge: u64 = huge.expect("the kernel has huge pages").trim().parse().expect("a number");
    let pages = (400 << 20) / huge;
    engine();
    turn::when_others_are_still(|| {
        let before = look();

        let filesystem = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).expect("root may");
        fsconfig_set_string(&filesystem, "huge", "always").expect("it knows huge pages");
        fsconfig_create(&filesystem).expect("root may");
        let mount =
            fsmount(&filesystem, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).expect("root may");
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
        let mut file = File::from(openat(&mount, "file", flags, Mode::RWXU).expect("it is empty"));
        let piece = vec![b'x'; usize::try_from(huge).expect("small")];
        (0..pages).for_each(|_| file.write_all(&piece).expect("there is room"));
        let pair = tcp_pair("127.0.0.1");
        for at in 0..pages {
            let mut offset = at * huge;
            assert_eq!(sendfile(&pair.client, &file, Some(&mut offset), 1).expect("the window is open"), 1);
        }
        arrived(&pair.server, usize::try_from(pages).expect("small"));
        let there = look();
        let early = grown(before.ownerless(), there.ownerless());
        assert!(early < pages * huge / 20, "{early} B are ownerless while the file is there");

        unlinkat(&mount, "file", rustix::fs::AtFlags::empty()).expect("it is there");
        drop((file, mount, filesystem));
        let made = look();
        let ownerless = grown(before.ownerless(), made.ownerless());
        assert!(within(ownerless, 5, pages * huge), "{ownerless} B more are ownerless");
        let moved = made.unaccounted().abs_diff(before.unaccounted());
        assert!(moved < pages * huge / 20, "{moved} B are unaccounted, and are not");
        let own = Own::of(&before, &made);
        let verdict = own.judge(&made.snapshot, true);
        assert_eq!(verdict.code, Code::Explains, "{verdict:?}");
        let suspect = verdict.suspects.first().expect("there is unread data");
        assert_eq!(suspect.holder, Some(mine(&pair.server)));
        assert!(suspect.pinned.expect("measured").0 >= pages * huge, "{suspect:?}");

        // The bound does not hold for such pages, and nothing is claimed from it.
        let host = Live::new();
        let unmeasured = scan_with(&host, &Query::default(), None, &Limits::default()).expect("it scans");
        let blind = own.judge(&unmeasured, true);
        assert_eq!((blind.code, blind.reason), (Code::Unseen, VerdictReason::HandedIn));
    });
}

/// Pipes take their pages straight from the page allocator too, and sockets have nothing to do with it.
#[test]
fn full_pipes_are_nobodys_and_no_sockets() {
    let Some(_turn) = turn::alone("mem::full_pipes_are_nobodys_and_no_sockets") else { return };
    const PIPE: usize = 1 << 20;
    const PIPES: u64 = 800;
    const MADE: u64 = PIPES * PIPE as u64;
    let limits = Rlimit { current: Some(4000), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limits).expect("below the hard limit");
    engine();
    turn::when_others_are_still(|| {
        let before = look();
        let piece = vec![b'x'; PIPE];
        let pipes: Vec<_> = (0..PIPES)
            .map(|_| {
                let (end, start) = pipe().expect("a pipe");
                fcntl_setpipe_size(&start, PIPE).expect("root may");
                let mut start = File::from(start);
                start.write_all(&piece).expect("it has room");
                (end, start)
            })
            .collect();
        let made = look();
        let unaccounted = grown(before.unaccounted(), made.unaccounted());
        assert!(within(unaccounted, 2, MADE), "{unaccounted} B more unaccounted, {MADE} made");
        // Other tests leave packets in use by the count of their slabs, and so leave room for some.
        let verdict = Own::of(&before, &made).judge(&made.snapshot, true);
        let is_ruled_out = match (verdict.code, &verdict.reason) {
            (Code::Cannot, _) => true,
            (Code::Partly, VerdictReason::Room(most)) => most.0 < MADE / 2,
            _ => false,
        };
        assert!(is_ruled_out, "{verdict:?}");
        drop(pipes);
    });
}
