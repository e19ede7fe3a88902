//! What threads did with their time between two samples. Pure.

use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::watch::evidence::process::{ProcessEvidence, ThreadEvidence};
use crate::watch::judge::cause::fact::Fact;

/// `USER_HZ`: the clock ticks of /proc are 10 ms on every architecture that skcheck runs on.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// From so many percent of the time on a thread counts as one that runs all the time.
pub(crate) const SPINS_FROM: u32 = 80;

/// From so many pages a second on a process that waited for these counts as held up by them.
const PAGING_FROM: u64 = 20;

/// What one thread did with its time, in percent.
pub(crate) struct Used {
    pub(crate) tid: u32,
    pub(crate) ran: u32,
    /// It waited for a processor.
    pub(crate) waited: u32,
    pub(crate) has_run: bool,
}

/// Of the threads that were there before.
pub(crate) fn used(
    living: &[&ThreadEvidence],
    before: Option<&ProcessEvidence>,
    window: Duration,
) -> Vec<Used> {
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
pub(crate) fn spins(used: &[Used]) -> Option<Fact> {
    let is_busy = |it: &&Used| it.ran > 0 && it.ran.saturating_add(it.waited) >= SPINS_FROM;
    let busiest = used.iter().filter(is_busy).max_by_key(|it| (it.ran, it.waited, it.tid))?;
    Some(Fact::Spins { tid: busiest.tid, percent: busiest.ran, waits: busiest.waited })
}

/// Whether threads waited for their own memory: each page that has to be read costs one sleep, and sleeps for
/// anything else are few beside these.
pub(crate) fn paging(
    living: &[&ThreadEvidence],
    before: Option<&ProcessEvidence>,
    window: Duration,
) -> Option<Fact> {
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
