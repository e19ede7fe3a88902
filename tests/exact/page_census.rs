//! The page census against another count of the same flags, against the kernel's own counters, and against
//! what was made.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Barrier;

use skcheck_core::memory::{Census, Ledger, PageClass, PartKind};
use skcheck_core::{Bytes, Live, memory};

use crate::census;
use crate::stall::{StalledReader, chunk};
use crate::support::loopback::settle;
use crate::support::scan::eventually;
use crate::turn;

/// The order of a chunk.
fn order() -> u8 {
    (chunk() / rustix::param::page_size()).ilog2().try_into().expect("small")
}

fn take() -> Census {
    let memory = memory(&Live::new(), Some(&|_, _| {})).expect("there is a meminfo");
    memory.census.unwrap_or_else(|| panic!("{:?}", memory.gaps))
}

fn ledger() -> Ledger {
    memory(&Live::new(), None).expect("there is a meminfo").ledger
}

/// The host is never quite still: the same again until it is.
fn when_still(check: impl Fn() -> Result<(), String>) {
    const TRIES: usize = 30;
    let tries: Vec<String> = (0..TRIES).map_while(|_| check().err()).collect();
    assert!(tries.len() < TRIES, "{tries:#?}");
}

/// A number, and the same before and after it, lie within 2 % of each other, or within `noise` of what is
/// counted.
fn agrees(what: &str, counted: u64, [one, other]: [u64; 2], noise: u64) -> Result<(), String> {
    let (least, most) = (one.min(other), one.max(other));
    let slack = noise.max(most / 50);
    let agrees = (least.saturating_sub(slack)..=most + slack).contains(&counted);
    let line = format!("{what}: counted {counted}, should be {least} to {most}");
    println!("{line}");
    if agrees { Ok(()) } else { Err(line) }
}

/// Counted by one thread, page by page, in `tests/support/census.rs`.
#[test]
fn blocks_are_those_of_another_count() {
    let Some(_turn) = turn::alone("page_census::blocks_are_those_of_another_count") else { return };
    let stalled = StalledReader::make(4000).expect("loopback is up");
    when_still(|| {
        let before = census::take().blocks;
        let census = take();
        let after = census::take().blocks;
        assert!(census.blocks(order()) >= 4000);
        (1..=10).try_for_each(|order: u8| {
            let [one, other] = [before, after].map(|blocks| blocks[usize::from(order)]);
            agrees(&format!("order {order}"), census.blocks(order), [one, other], 4)
        })
    });
    drop(stalled);
}

/// So many bytes of page tables: one table of a page for as much memory as it has entries for pages (2 MiB with pages
/// of 4 KiB), with one page in it.
fn page_tables(bytes: usize) -> Vec<Vec<u8>> {
    let page = rustix::param::page_size();
    let each = page / size_of::<u64>() * page;
    // In huge pages it would need no table. What is asked for at once must not be more than the host has.
    nix::sys::prctl::set_thp_disable(true).expect("since Linux 3.15");
    let tables = bytes / page;
    let piece = (1 << 30) / each;
    (0..tables.div_ceil(piece))
        .map(|_| {
            let mut memory = vec![0; each * piece];
            memory.iter_mut().step_by(each).for_each(|byte| *byte = 1);
            memory
        })
        .collect()
}

#[test]
fn classes_are_what_the_kernel_counts() {
    let Some(_turn) = turn::alone("page_census::classes_are_what_the_kernel_counts") else { return };
    let tables = page_tables(96 << 20);
    when_still(|| {
        let lru = || ["Active", "Inactive", "Unevictable"].map(census::meminfo).iter().sum::<u64>();
        let counters = || [free(&ledger()), lru(), census::meminfo("Slab"), census::meminfo("PageTables")];
        let before = counters();
        let census = take();
        let after = counters();
        let counter = |at: usize| [before[at], after[at]];
        let counted = |classes: &[PageClass]| {
            classes.iter().map(|class| census.pages(*class).bytes(census.page_size).0).sum::<u64>()
        };
        agrees("free", counted(&[PageClass::Free]), counter(0), 0)?;
        let on_lists = [PageClass::PageCache, PageClass::Anonymous, PageClass::Shmem];
        agrees("LRU", counted(&on_lists), counter(1), 0)?;
        // Large allocations of kmalloc are in the kernel's counter, and here in blocks on no list.
        let blocks = census.off_list.iter().filter(|blocks| blocks.order > 0);
        let large = blocks.map(|blocks| blocks.bytes(census.page_size).0).sum::<u64>();
        let slab = counted(&[PageClass::Slab]);
        let [least, most] = counter(2);
        agrees("slab", slab, [least.min(most).saturating_sub(large), most.max(least)], 0)?;
        assert!(counter(3)[0] >= 96 << 20, "too few for 2 % to say something");
        agrees("page tables", counted(&[PageClass::PageTable]), counter(3), 0)
    });
    drop(tables);
}

fn free(ledger: &Ledger) -> u64 {
    ledger.part(PartKind::Free).map_or(0, |bytes| bytes.0)
}

/// What the census finds on no list is what the ledger has no other owner for.
#[test]
fn what_is_on_no_list_is_the_left_over() {
    let Some(_turn) = turn::alone("page_census::what_is_on_no_list_is_the_left_over") else { return };
    let stalled = StalledReader::make(8000).expect("loopback is up");
    when_still(|| {
        let before = left_over(&ledger());
        let census = take();
        let after = left_over(&ledger());
        // Large allocations of kmalloc have an owner in the ledger: its slabs.
        let slab = census.pages(PageClass::Slab).bytes(census.page_size).0;
        let large = census::meminfo("Slab").saturating_sub(slab);
        let on_no_list: u64 = census.off_list.iter().map(|blocks| blocks.bytes(census.page_size).0).sum();
        let mapped = census.pages(PageClass::Mapped).bytes(census.page_size).0;
        let uncertain = census.uncertain.bytes(census.page_size).0;
        println!("uncertain {uncertain}");
        agrees("left over", (on_no_list + mapped).saturating_sub(large), [before, after], 0)
    });
    drop(stalled);
}

/// The parts that no flag tells, and what is in no part.
fn left_over(ledger: &Ledger) -> u64 {
    const NO_FLAG: [PartKind; 5] = [
        PartKind::KernelStacks,
        PartKind::Vmalloc,
        PartKind::PerCpu,
        PartKind::SecondaryPageTables,
        PartKind::Zswap,
    ];
    let parts = NO_FLAG.iter().filter_map(|kind| ledger.part(*kind)).map(|Bytes(bytes)| bytes).sum::<u64>();
    parts.saturating_add_signed(ledger.unaccounted)
}

/// A thread that has sent TCP keeps a chunk for what it sends next.
#[test]
fn idle_threads_keep_chunks() {
    const THREADS: u64 = 30;
    let Some(_turn) = turn::alone("page_census::idle_threads_keep_chunks") else { return };
    when_still(|| {
        settle();
        let before = take();
        let idle = while_idle(THREADS, take);
        let kept = [before.blocks(order()), idle.blocks(order())];
        let more = kept[1].saturating_sub(kept[0]);
        agrees("chunks of idle threads", more, [THREADS; 2], 3)?;
        agrees("threads", idle.threads_kept.saturating_sub(before.threads_kept), [THREADS; 2], 3)?;
        settle();
        let gone = || (take().blocks(order()) < kept[0] + THREADS / 2).then_some(());
        eventually("the chunks go with their threads", gone);
        Ok(())
    });
}

/// Does something while there are so many threads that have sent a byte over TCP, and it has been read.
fn while_idle<T>(threads: u64, work: impl FnOnce() -> T) -> T {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
    let address = listener.local_addr().expect("bound");
    let pairs = (0..threads).map(|_| {
        let writer = TcpStream::connect(address).expect("it listens");
        (writer, listener.accept().expect("one waits").0)
    });
    let pairs: Vec<(TcpStream, TcpStream)> = pairs.collect();
    let turn = &Barrier::new(pairs.len() + 1);
    std::thread::scope(|scope| {
        for (writer, _) in &pairs {
            scope.spawn(move || {
                let mut writer = writer;
                writer.write_all(&[1]).expect("it is open");
                turn.wait();
                turn.wait();
            });
        }
        turn.wait();
        for (_, reader) in &pairs {
            let mut reader = reader;
            reader.read_exact(&mut [0]).expect("a byte");
        }
        let done = work();
        turn.wait();
        done
    })
}
