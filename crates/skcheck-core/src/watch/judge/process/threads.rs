//! What the threads of a process do, taken together. Pure.

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::watch::evidence::process::{Call, ProcessEvidence, Syscall, ThreadEvidence};
use crate::watch::judge::cause::fact::Fact;

/// `USER_HZ`: the clock ticks of /proc are 10 ms on every architecture that skcheck runs on.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// From so many percent of the time on a thread counts as one that runs all the time.
pub(crate) const SPINS_FROM: u32 = 80;

/// From so many pages a second on a process that waited for these counts as held up by them.
const PAGING_FROM: u64 = 20;

/// How many threads a cause shows.
const MOST_SHOWN: usize = 8;

/// How many files it shows.
const MOST_FILES: usize = 2;

/// `io_uring_enter`, the same number on every architecture but Alpha.
const IO_URING_ENTER: u64 = 426;

/// What the threads of one process do.
pub(crate) struct Threads {
    /// Descriptors that threads are blocked in a call of reading on.
    pub(crate) reads: FxHashSet<u32>,
    /// The same of writing.
    pub(crate) writes: FxHashSet<u32>,
    /// The same of accepting.
    pub(crate) accepts: FxHashSet<u32>,
    /// The same of connecting, and whether that is to a unix socket (its thread sleeps in
    /// `unix_wait_for_peer`; `true` too where it is not told where it sleeps).
    pub(crate) connects: Vec<(u32, bool)>,
    /// Every thread waits in poll for one descriptor.
    pub(crate) all_poll_one: bool,
    /// Epoll sets that threads wait in.
    pub(crate) waits: FxHashSet<u32>,
    /// Every thread is blocked in a call of writing.
    pub(crate) all_write: bool,
    /// Some thread waits for events: in an epoll set, in poll, at a ring.
    pub(crate) any_waits_for_events: bool,
    /// Some thread waits for events, for a child or for a signal, as those do that have others work for them.
    pub(crate) any_waits_for_others: bool,
    /// It is known of every thread what call it is in.
    pub(crate) calls_known: bool,
    /// Every thread is blocked, and none waits for events.
    pub(crate) all_blocked: bool,
    /// Every thread is in uninterruptible sleep.
    pub(crate) all_uninterruptible: bool,
    /// No thread runs, or waits for a processor.
    pub(crate) none_runs: bool,
    /// Every thread that was looked at is stopped.
    pub(crate) all_stopped: bool,
    /// Every thread sleeps where the kernel parks what is frozen.
    pub(crate) all_parked: bool,
    /// The one that used most of a processor, if that was all the time.
    pub(crate) spins: Option<Fact>,
    /// How often they waited for a page that was in no memory, if that was nearly always when they did not run.
    pub(crate) paging: Option<Fact>,
    /// For how many percent of the time all of them together ran, or waited for a processor: of two that
    /// never sleep that is 200.
    pub(crate) load: u32,
    /// How many of them ran at all: a count.
    pub(crate) ran: usize,
}

impl Threads {
    pub(crate) fn of(now: &ProcessEvidence, before: Option<&ProcessEvidence>, window: Duration) -> Threads {
        let living: Vec<&ThreadEvidence> =
            now.threads.iter().filter(|thread| !matches!(thread.state, Some(b'Z' | b'X'))).collect();
        let used = used(&living, before, window);
        let is_complete = !living.is_empty() && !now.more_threads;
        let all = |test: &dyn Fn(&ThreadEvidence) -> bool| is_complete && living.iter().all(|it| test(it));
        let on = |wanted: Call| living.iter().filter_map(|it| descriptor_in(it, wanted)).collect();
        let is_in = |thread: &ThreadEvidence, states: &[u8]| {
            thread.state.is_some_and(|state| states.contains(&state))
        };
        Threads {
            reads: on(Call::Read),
            writes: on(Call::Write),
            accepts: on(Call::Accept),
            connects: living.iter().filter_map(|it| connect(it)).collect(),
            all_poll_one: all(&|it| polls_one(it)),
            waits: on(Call::EpollWait),
            all_write: all(&|it| descriptor_in(it, Call::Write).is_some()),
            any_waits_for_events: living.iter().any(|it| waits_for_events(it)),
            any_waits_for_others: living.iter().any(|it| waits_for_events(it) || waits_for_others(it)),
            calls_known: all(&|it| it.syscall.is_some()),
            all_blocked: all(&|it| is_in(it, b"D") || is_blocked(it) && !waits_for_events(it)),
            all_uninterruptible: all(&|it| is_in(it, b"D")),
            none_runs: all(&|it| it.state.is_some() && !is_in(it, b"R")),
            all_stopped: living.iter().all(|it| is_in(it, b"Tt")),
            all_parked: all(&|it| {
                matches!(it.wchan.as_deref(), Some(b"do_freezer_trap" | b"__refrigerator"))
            }),
            spins: spins(&used),
            paging: paging(&living, before, window),
            load: used.iter().fold(0, |sum, it| sum.saturating_add(it.ran).saturating_add(it.waited)),
            ran: used.iter().filter(|it| it.has_run).count(),
        }
    }
}

/// The threads of a process as facts, the most telling first: those that cannot even be interrupted, those
/// that write, those that read.
pub(crate) fn facts(process: &ProcessEvidence) -> Vec<Fact> {
    let rank = |thread: &ThreadEvidence| match (thread.state, thread.syscall) {
        (Some(b'D'), _) => 0,
        (_, Some(Syscall::In { call: Call::Write, .. })) => 1,
        (_, Some(Syscall::In { call: Call::Read, .. })) => 2,
        (Some(b'R'), _) => 3,
        _ => 4,
    };
    let mut threads: Vec<&ThreadEvidence> =
        process.threads.iter().filter(|thread| thread.state.is_some()).collect();
    threads.sort_by_key(|thread| rank(thread));
    threads.truncate(MOST_SHOWN);
    threads.into_iter().filter_map(fact).collect()
}

/// The files that threads wait for, those of which it is known that there was no answer first.
pub(crate) fn files(now: &ProcessEvidence, before: Option<&ProcessEvidence>) -> Vec<Fact> {
    let slept = |thread: &ThreadEvidence| {
        let earlier = before?.threads.iter().find(|earlier| earlier.tid == thread.tid)?;
        Some(thread.runs? == earlier.runs?)
    };
    let file = |thread: &ThreadEvidence| {
        let (_, fd) = thread.syscall?.on()?;
        let (path, mount) = (thread.target.clone()?, thread.mount.clone()?);
        Some(Fact::File { tid: thread.tid, fd, path, mount, silent: slept(thread) == Some(true) })
    };
    let mut files: Vec<Fact> = now.threads.iter().filter_map(file).collect();
    files.sort_by_key(|fact| !matches!(fact, Fact::File { silent: true, .. }));
    files.truncate(MOST_FILES);
    files
}

/// The threads that are blocked in this call on one of these descriptors.
pub(crate) fn facts_on(process: &ProcessEvidence, wanted: Call, fds: &[u32]) -> Vec<Fact> {
    let is_on = |thread: &&ThreadEvidence| descriptor_in(thread, wanted).is_some_and(|fd| fds.contains(&fd));
    process.threads.iter().filter(is_on).take(MOST_SHOWN).filter_map(fact).collect()
}

/// Whether a thread that is blocked in this call on one of these descriptors has not run since `before`.
pub(crate) fn slept_on(
    now: &ProcessEvidence,
    before: &ProcessEvidence,
    wanted: Call,
    fds: &[u32],
) -> Option<bool> {
    let is_on = |thread: &&ThreadEvidence| descriptor_in(thread, wanted).is_some_and(|fd| fds.contains(&fd));
    let slept = now.threads.iter().filter(is_on).filter_map(|thread| {
        let earlier = before.threads.iter().find(|earlier| earlier.tid == thread.tid)?;
        Some(thread.runs? == earlier.runs?)
    });
    slept.max()
}

/// Where a thread sleeps that waits for data, or for more of it (`sk_wait_data`, `unix_stream_data_wait`,
/// `__skb_wait_for_more_packets`).
const WAITS_FOR_DATA: [&[u8]; 5] = [
    b"wait_woken",
    b"sk_wait_data",
    b"__skb_wait_for_more_packets",
    b"unix_stream_read_generic",
    b"unix_stream_data_wait",
];

/// Whether a thread is in the middle of a call of reading on one of these, and has slept there since the
/// look before: not for data, but for its own memory, or for the socket's lock, which another has there.
pub(crate) fn is_stuck_reading(now: &ProcessEvidence, before: Option<&ProcessEvidence>, fds: &[u32]) -> bool {
    let earlier = |tid: u32| before.and_then(|it| it.threads.iter().find(|thread| thread.tid == tid));
    let is_stuck = |thread: &ThreadEvidence| {
        let waits_elsewhere =
            thread.wchan.as_deref().is_some_and(|function| !WAITS_FOR_DATA.contains(&function));
        let has_slept = earlier(thread.tid).is_some_and(|it| it.runs.is_some() && it.runs == thread.runs);
        descriptor_in(thread, Call::Read).is_some_and(|fd| fds.contains(&fd))
            && matches!(thread.state, Some(b'S' | b'D'))
            && waits_elsewhere
            && has_slept
    };
    now.threads.iter().any(is_stuck)
}

fn fact(thread: &ThreadEvidence) -> Option<Fact> {
    let call = match thread.syscall {
        Some(Syscall::In { call, .. }) => Some((call, descriptor_in(thread, call))),
        _ => None,
    };
    Some(Fact::Thread { tid: thread.tid, state: thread.state?, call, wchan: thread.wchan.clone() })
}

/// The descriptor that a thread is in this call on.
fn descriptor_in(thread: &ThreadEvidence, wanted: Call) -> Option<u32> {
    thread.syscall?.on().filter(|(call, _)| *call == wanted).map(|(_, fd)| fd)
}

fn connect(thread: &ThreadEvidence) -> Option<(u32, bool)> {
    let function = thread.wchan.as_deref();
    let is_unix =
        function.is_none_or(|name| name == b"unix_wait_for_peer" || name == b"0" || name.is_empty());
    Some((descriptor_in(thread, Call::Connect)?, is_unix))
}

/// Whether a thread is in poll with a single descriptor. The second argument of select is an address.
fn polls_one(thread: &ThreadEvidence) -> bool {
    matches!(thread.syscall, Some(Syscall::In { call: Call::Poll, arguments: [_, 1, ..], .. }))
}

fn is_blocked(thread: &ThreadEvidence) -> bool {
    matches!(thread.syscall, Some(Syscall::In { .. } | Syscall::None))
}

fn waits_for_events(thread: &ThreadEvidence) -> bool {
    match thread.syscall {
        Some(Syscall::In { call: Call::EpollWait | Call::Poll, .. }) => true,
        Some(Syscall::In { number, .. }) => number == IO_URING_ENTER,
        _ => false,
    }
}

fn waits_for_others(thread: &ThreadEvidence) -> bool {
    matches!(thread.syscall, Some(Syscall::In { call: Call::Wait | Call::Signal, .. }))
}

/// What one thread did with its time, in percent.
struct Used {
    tid: u32,
    ran: u32,
    /// It waited for a processor.
    waited: u32,
    has_run: bool,
}

/// Of the threads that were there before.
fn used(living: &[&ThreadEvidence], before: Option<&ProcessEvidence>, window: Duration) -> Vec<Used> {
    let earlier: FxHashMap<u32, &ThreadEvidence> =
        before.into_iter().flat_map(|it| &it.threads).map(|thread| (thread.tid, thread)).collect();
    let used = living.iter().filter_map(|now| {
        let before = earlier.get(&now.tid)?;
        let (ran, waited) = busy(before, now, window)?;
        let has_run = before.runs != now.runs || before.ran != now.ran || ran > 0;
        Some(Used { tid: now.tid, ran, waited, has_run })
    });
    used.collect()
}

/// A thread that never sleeps runs, or waits for a processor: on a busy host it gets no more than its share.
fn spins(used: &[Used]) -> Option<Fact> {
    let is_busy = |it: &&Used| it.ran > 0 && it.ran.saturating_add(it.waited) >= SPINS_FROM;
    let busiest = used.iter().filter(is_busy).max_by_key(|it| (it.ran, it.waited, it.tid))?;
    Some(Fact::Spins { tid: busiest.tid, percent: busiest.ran, waits: busiest.waited })
}

/// Whether threads waited for their own memory: each page that has to be read costs one sleep, and sleeps for
/// anything else are few beside these.
fn paging(living: &[&ThreadEvidence], before: Option<&ProcessEvidence>, window: Duration) -> Option<Fact> {
    let earlier: FxHashMap<u32, &ThreadEvidence> =
        before?.threads.iter().map(|thread| (thread.tid, thread)).collect();
    let grown = |of: fn(&ThreadEvidence) -> Option<u64>| {
        let grown = living.iter().filter_map(|now| of(now)?.checked_sub(of(earlier.get(&now.tid)?)?));
        grown.fold(0u64, u64::saturating_add)
    };
    let (faults, runs) = (grown(|it| it.major_faults), grown(|it| it.runs));
    let a_second = u128::from(faults) * 1000 / window.as_millis().max(1);
    let is_most = faults.saturating_mul(5) >= runs.saturating_mul(4);
    (a_second >= u128::from(PAGING_FROM) && is_most).then_some(Fact::MajorFaults { faults, runs })
}

/// For how many percent of the time between two looks at it a thread ran, and for how many it waited for a
/// processor. Where the scheduler does not tell, by clock ticks.
fn busy(before: &ThreadEvidence, now: &ThreadEvidence, window: Duration) -> Option<(u32, u32)> {
    let grown = |of: fn(&ThreadEvidence) -> Option<Duration>| of(now)?.checked_sub(of(before)?);
    let percent = |time: Duration, of: Duration| {
        // What is read a little later counts a little more.
        let percent = time.as_nanos().saturating_mul(100).checked_div(of.as_nanos())?.min(100);
        u32::try_from(percent).ok()
    };
    if let Some((ran, waited)) = grown(|it| it.ran).zip(grown(|it| it.waited)) {
        // They need not have come as late after their samples began.
        let between = window.saturating_add(now.read_after).saturating_sub(before.read_after);
        let ran = percent(ran, between)?;
        return Some((ran, percent(waited, between)?.min(100 - ran)));
    }
    let ticks = now.ticks?.checked_sub(before.ticks?)?;
    Some((percent(Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND)), window)?, 0))
}
