//! What the threads of a process do, taken together. Pure.

use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::watch::evidence::process::{Call, ProcessEvidence, ThreadEvidence};
use crate::watch::judge::cause::fact::Fact;
use crate::watch::judge::process::calls::{
    connect, descriptor_in, is_blocked, polls_one, waits_for_events, waits_for_others,
};
use crate::watch::judge::process::usage;

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
        let used = usage::used(&living, before, window);
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
            spins: usage::spins(&used),
            paging: usage::paging(&living, before, window),
            load: used.iter().fold(0, |sum, it| sum.saturating_add(it.ran).saturating_add(it.waited)),
            ran: used.iter().filter(|it| it.has_run).count(),
        }
    }
}
