//! Why one process does not read one socket. Pure.

use std::time::Duration;

use crate::model::socket::Inode;
use crate::watch::cause::epoll::{self, Sets};
use crate::watch::cause::threads::{self, Threads};
use crate::watch::cause::{Cause, CauseCode, Fact};
use crate::watch::evidence::{Call, ProcessEvidence, Quota, Unread};

/// A process, with what is asked of it again and again put in order once.
pub(in crate::watch) struct Look<'a> {
    pub(super) now: &'a ProcessEvidence,
    before: Option<&'a ProcessEvidence>,
    pub(super) threads: Threads,
    pub(super) sets: Sets,
}

/// What is not read: a socket, under all its numbers in one process.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) inode: Option<Inode>,
    pub(super) fds: &'a [u32],
    /// Processes that held it before, and hold it no more.
    pub(super) left: &'a [u32],
    /// It is a listener: it is accepted from, not read.
    pub(super) is_listener: bool,
}

/// A cause that one process has.
pub(super) struct Decided {
    pub(super) cause: Cause,
    /// The process can do nothing at all: nothing that it waits for matters.
    pub(super) is_helpless: bool,
    /// The process has shown that it is the one that reads: a thread does, or an epoll set has the socket.
    pub(super) is_involved: bool,
}

impl<'a> Look<'a> {
    /// `before` is what was seen of the process of that pid; it counts if it is the same one.
    pub(in crate::watch) fn new(
        now: &'a ProcessEvidence,
        before: Option<&'a ProcessEvidence>,
        window: Duration,
    ) -> Look<'a> {
        let before = before.filter(|before| before.start_time == now.start_time);
        Look { now, before, threads: Threads::of(now, before, window), sets: Sets::of(&now.epolls) }
    }

    /// Of a process that was not looked at closely nothing is known but what keeps all of it from running.
    fn lacks(&self, what: Unread) -> bool {
        let is_missing = |what| self.now.missing.contains(&what);
        is_missing(what) || is_missing(Unread::NoAnswer) || !self.now.closely
    }

    /// What could not be read, as facts.
    fn missing(&self) -> Vec<Fact> {
        let mut missing = self.now.missing.clone();
        if !self.now.closely {
            missing.push(Unread::NotLookedAt);
        } else if self.now.more_threads {
            missing.push(Unread::MoreThreads);
        } else if !self.threads.calls_known && !self.lacks(Unread::Process) {
            missing.push(Unread::Threads);
        }
        missing.sort_unstable();
        missing.dedup();
        missing.into_iter().map(Fact::Missing).collect()
    }

    /// What its threads are blocked in: files first, which keep a whole process waiting.
    fn blocked(&self) -> Vec<Fact> {
        let files = threads::files(self.now, self.before);
        files.into_iter().chain(threads::facts(self.now)).collect()
    }

    /// Whether a thread is blocked in writing to one of these.
    pub(in crate::watch) fn writes_to(&self, fds: &[u32]) -> bool {
        fds.iter().any(|fd| self.threads.writes.contains(fd))
    }

    /// Whether all that its threads do is to wait for somebody to take what they write.
    pub(in crate::watch) fn only_writes(&self) -> bool {
        self.threads.all_write
    }

    /// Whether the thread that is blocked in writing to one of these has slept there since the sample before;
    /// `None` where that is not known.
    pub(in crate::watch) fn slept_writing(&self, fds: &[u32]) -> Option<bool> {
        threads::slept_on(self.now, self.before?, Call::Write, fds)
    }

    /// Those threads.
    pub(in crate::watch) fn writers(&self, fds: &[u32]) -> Vec<Fact> {
        threads::facts_on(self.now, Call::Write, fds)
    }

    /// The descriptors that threads are blocked in reading from, and what these refer to.
    pub(in crate::watch) fn reading(&self) -> impl Iterator<Item = (u32, Option<&[u8]>)> {
        self.now.threads.iter().filter_map(|thread| match thread.syscall?.on()? {
            (Call::Read, fd) => Some((fd, thread.target.as_deref())),
            _ => None,
        })
    }

    /// Whether a thread waits until it can write to one of these.
    pub(in crate::watch) fn polls_to_write(&self, fds: &[u32]) -> bool {
        self.now.polled_to_write().iter().any(|fd| fds.contains(fd))
    }

    /// The descriptors that threads are connecting, and whether that can be to a unix socket.
    pub(in crate::watch) fn connects(&self) -> impl Iterator<Item = (u32, bool)> {
        self.threads.connects.iter().copied()
    }

    /// Whether all that its one thread does is to wait in poll for one descriptor.
    pub(in crate::watch) fn polls_one(&self) -> bool {
        self.threads.all_poll_one && self.has_one_thread()
    }

    /// Whether one thread does everything.
    pub(in crate::watch) fn has_one_thread(&self) -> bool {
        self.now.threads.len() == 1 && !self.now.more_threads
    }

    /// Whether it shows that it is an event loop: a thread waits for events.
    pub(in crate::watch) fn waits_for_events(&self) -> bool {
        self.threads.any_waits_for_events
    }

    /// Its parent.
    pub(in crate::watch) fn parent(&self) -> Option<u32> {
        self.now.parent
    }

    /// Whether it may be one that has others work for it: a thread of it waits for these, or nothing tells
    /// what they do, and it could run.
    pub(in crate::watch) fn may_be_a_master(&self) -> bool {
        let threads = &self.threads;
        let could_run = !threads.all_stopped && !threads.all_parked && self.now.frozen != Some(true);
        could_run && threads.spins.is_none() && (threads.any_waits_for_others || !threads.calls_known)
    }

    /// Whether a thread waits in an epoll set.
    pub(in crate::watch) fn waits_in_epoll(&self) -> bool {
        !self.threads.waits.is_empty()
    }

    /// Whether it is known what each of its threads does.
    pub(in crate::watch) fn is_known(&self) -> bool {
        self.threads.calls_known
    }
}

/// Decides, the most telling first.
pub(super) fn decide(look: &Look<'_>, target: &Target<'_>) -> Decided {
    let threads = &look.threads;
    let places = look.sets.places(target.inode.map(|inode| inode.get().into()), target.fds);
    let (calls, call) =
        if target.is_listener { (&threads.accepts, Call::Accept) } else { (&threads.reads, Call::Read) };
    let is_in_call = target.fds.iter().any(|fd| calls.contains(fd));
    let is_involved = is_in_call || !places.is_empty();
    let is_waited = places.iter().any(|(set, _)| look.sets.is_waited_in(*set, threads));
    let is_attended = is_in_call || is_waited;
    let found = |code, evidence, is_helpless| Decided {
        cause: Cause { code, pid: Some(look.now.pid), evidence },
        is_helpless,
        is_involved,
    };

    if let Some((code, evidence)) = helpless(look, is_attended) {
        return found(code, evidence, true);
    }
    if !target.is_listener && threads::is_stuck_reading(look.now, look.before, target.fds) {
        let evidence = threads::facts_on(look.now, Call::Read, target.fds);
        return found(CauseCode::StuckReading, evidence, false);
    }
    if threads.all_uninterruptible {
        return found(CauseCode::Blocked, look.blocked(), false);
    }
    // Who waits in a set that could not be read may wait for this socket.
    let may_attend = look.lacks(Unread::Descriptors) && threads.any_waits_for_events;
    if let Some(spins) = threads.spins.clone().filter(|_| !is_attended && !may_attend) {
        return found(CauseCode::Spinning, vec![spins], false);
    }
    if let Some(paging) = paging(look).filter(|_| !is_attended && !may_attend) {
        return found(CauseCode::Paging, paging, false);
    }
    if is_in_call {
        // It is about to read, or waits for more than is there (SO_RCVLOWAT).
        return found(CauseCode::Unknown, threads::facts_on(look.now, call, target.fds), false);
    }
    if !places.is_empty() && threads.all_blocked && !is_waited {
        // What its sets would tell it matters only once it comes back to them.
        let evidence = look.blocked().into_iter().chain(epoll::facts(&places));
        return found(CauseCode::Blocked, evidence.collect(), false);
    }
    if !places.is_empty() {
        let (code, mut evidence) = epoll::judge(&places, &look.sets, threads);
        match code {
            Some(CauseCode::NobodyWaits | CauseCode::EdgeNotRead) => {
                evidence.extend(threads::facts(look.now));
            }
            None => evidence.extend(look.missing()),
            Some(_) => {}
        }
        return found(code.unwrap_or(CauseCode::Unknown), evidence, false);
    }
    let (code, evidence) = unpolled(look, target);
    found(code, evidence, false)
}

/// That its threads wait for their memory, and how much of that is swapped out.
pub(super) fn paging(look: &Look<'_>) -> Option<Vec<Fact>> {
    let faults = look.threads.paging.clone()?;
    let swapped = look.now.swapped.filter(|bytes| *bytes > 0).map(Fact::Swapped);
    Some([faults].into_iter().chain(swapped).collect())
}

/// What keeps a process from doing anything.
fn helpless(look: &Look<'_>, is_attended: bool) -> Option<(CauseCode, Vec<Fact>)> {
    let Look { now, threads, .. } = look;
    if let Some(state @ (b'T' | b't')) = now.state.filter(|_| threads.all_stopped) {
        let mut evidence = vec![Fact::State(state)];
        evidence.extend(now.tracer.map(Fact::TracedBy));
        return Some((CauseCode::Stopped, evidence));
    }
    if now.frozen == Some(true) || threads.all_parked {
        let cgroup = now.cgroup.clone().filter(|_| now.frozen == Some(true));
        let evidence = cgroup.map_or_else(|| threads::facts(now), |path| vec![Fact::FrozenCgroup(path)]);
        return Some((CauseCode::Frozen, evidence));
    }
    if let Some(state @ (b'Z' | b'X')) = now.state.filter(|_| !is_attended) {
        return Some((CauseCode::Zombie, vec![Fact::State(state)]));
    }
    throttled(look).map(|fact| (CauseCode::Throttled, vec![fact]))
}

/// Out of quota in most of the periods of the window, and not asleep for another reason: a thread that is
/// throttled counts as one that runs.
fn throttled(look: &Look<'_>) -> Option<Fact> {
    out_of_quota(look).filter(|_| !look.threads.none_runs)
}

/// Out of quota in most of the periods of the window.
pub(super) fn out_of_quota(look: &Look<'_>) -> Option<Fact> {
    let before = look.before?;
    let grown = |quota: &Quota| {
        let before = before.quotas.iter().find(|it| it.cgroup == quota.cgroup)?.throttling;
        let periods = quota.throttling.periods.checked_sub(before.periods)?;
        let throttled = quota.throttling.throttled.checked_sub(before.throttled)?;
        let is_most = throttled > 0 && throttled.saturating_mul(2) >= periods;
        is_most.then(|| Fact::Throttled { throttled, periods, cgroup: quota.cgroup.clone() })
    };
    look.now.quotas.iter().filter_map(grown).next()
}

/// A socket that no thread reads, and that no epoll set is known to have.
///
/// A thread that sleeps in poll(2) or select(2) does not ask for it either: these tell at once what is there
/// to be read.
fn unpolled(look: &Look<'_>, target: &Target<'_>) -> (CauseCode, Vec<Fact>) {
    let threads = &look.threads;
    let sets_known = !look.lacks(Unread::Descriptors) && !look.lacks(Unread::Process);
    let in_no_set = sets_known.then(|| Fact::InNoEpoll(look.sets.count()));
    let holds = |(_, sockets): &&(u32, Vec<Inode>)| target.inode.is_some_and(|it| sockets.contains(&it));
    let ring = look.now.rings.iter().find(holds).map(|(fd, _)| Fact::Ring(*fd));
    // A child that has ended may have had the socket once: that is only known where it was seen so.
    let (readers, others): (Vec<u32>, Vec<u32>) =
        look.now.zombies.iter().partition(|pid| target.left.contains(pid));
    let children = |pids: Vec<u32>| pids.into_iter().map(Fact::ZombieChild);
    if sets_known && threads.calls_known && ring.is_none() && !readers.is_empty() {
        return (CauseCode::Zombie, children(readers).chain(in_no_set).collect());
    }
    let (code, mut evidence) = match (ring, in_no_set) {
        (ring, _) if threads.all_blocked => {
            (CauseCode::Blocked, look.blocked().into_iter().chain(ring).collect())
        }
        // What is asked of a ring cannot be seen.
        (Some(ring), _) => (CauseCode::Unknown, vec![ring]),
        (None, Some(in_no_set)) if threads.calls_known => {
            (CauseCode::NotPolled, [in_no_set].into_iter().chain(threads::facts(look.now)).collect())
        }
        (None, in_no_set) => (CauseCode::Unknown, look.missing().into_iter().chain(in_no_set).collect()),
    };
    evidence.extend(children(others));
    (code, evidence)
}
