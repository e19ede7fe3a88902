//! One process in both samples, ready to be asked what it does. Pure.

use std::time::Duration;

use crate::watch::evidence::process::{Call, ProcessEvidence, UnreadablePart};
use crate::watch::judge::cause::fact::Fact;
use crate::watch::judge::process::epoll::Sets;
use crate::watch::judge::process::threads::Threads;
use crate::watch::judge::process::{facts, sleep};

/// A process, with what is asked of it again and again put in order once.
pub(crate) struct ProcessView<'a> {
    pub(crate) now: &'a ProcessEvidence,
    pub(crate) before: Option<&'a ProcessEvidence>,
    pub(crate) threads: Threads,
    pub(crate) sets: Sets,
}

impl<'a> ProcessView<'a> {
    /// `before` is what was seen of the process of that pid; it counts if it is the same one.
    pub(crate) fn new(
        now: &'a ProcessEvidence,
        before: Option<&'a ProcessEvidence>,
        window: Duration,
    ) -> ProcessView<'a> {
        let before = before.filter(|before| before.start_time == now.start_time);
        ProcessView { now, before, threads: Threads::of(now, before, window), sets: Sets::of(&now.epolls) }
    }

    /// Whether it was not there any more when it was looked at.
    pub(crate) fn has_ended(&self) -> bool {
        self.now.missing.contains(&UnreadablePart::Process)
    }

    /// Of a process that was not looked at closely nothing is known but what keeps all of it from running.
    pub(crate) fn lacks(&self, what: UnreadablePart) -> bool {
        let is_missing = |what| self.now.missing.contains(&what);
        is_missing(what) || is_missing(UnreadablePart::NoAnswer) || !self.now.closely
    }

    /// What could not be read, as facts.
    pub(crate) fn missing(&self) -> Vec<Fact> {
        let mut missing = self.now.missing.clone();
        if !self.now.closely {
            missing.push(UnreadablePart::NotLookedAt);
        } else if self.now.more_threads {
            missing.push(UnreadablePart::MoreThreads);
        } else if !self.threads.calls_known && !self.lacks(UnreadablePart::Process) {
            missing.push(UnreadablePart::Threads);
        }
        missing.sort_unstable();
        missing.dedup();
        missing.into_iter().map(Fact::Missing).collect()
    }

    /// What its threads are blocked in: files first, which keep a whole process waiting.
    pub(crate) fn blocked(&self) -> Vec<Fact> {
        let files = facts::files(self.now, self.before);
        files.into_iter().chain(facts::facts(self.now)).collect()
    }

    /// Whether a thread is blocked in writing to one of these.
    pub(crate) fn writes_to(&self, fds: &[u32]) -> bool {
        fds.iter().any(|fd| self.threads.writes.contains(fd))
    }

    /// Whether all that its threads do is to wait for somebody to take what they write.
    pub(crate) fn only_writes(&self) -> bool {
        self.threads.all_write
    }

    /// Whether the thread that is blocked in writing to one of these has slept there since the sample before;
    /// `None` where that is not known.
    pub(crate) fn slept_writing(&self, fds: &[u32]) -> Option<bool> {
        sleep::slept_on(self.now, self.before?, Call::Write, fds)
    }

    /// Those threads.
    pub(crate) fn writers(&self, fds: &[u32]) -> Vec<Fact> {
        facts::facts_on(self.now, Call::Write, fds)
    }

    /// The descriptors that threads are blocked in reading from, and what these refer to.
    pub(crate) fn reading(&self) -> impl Iterator<Item = (u32, Option<&[u8]>)> {
        self.now.threads.iter().filter_map(|thread| match thread.syscall?.on()? {
            (Call::Read, fd) => Some((fd, thread.target.as_deref())),
            _ => None,
        })
    }

    /// Whether a thread waits until it can write to one of these.
    pub(crate) fn polls_to_write(&self, fds: &[u32]) -> bool {
        self.now.polled_to_write().iter().any(|fd| fds.contains(fd))
    }

    /// The descriptors that threads are connecting, and whether that can be to a unix socket.
    pub(crate) fn connects(&self) -> impl Iterator<Item = (u32, bool)> {
        self.threads.connects.iter().copied()
    }

    /// Whether all that its one thread does is to wait in poll for one descriptor.
    pub(crate) fn polls_one(&self) -> bool {
        self.threads.all_poll_one && self.has_one_thread()
    }

    /// Whether one thread does everything.
    pub(crate) fn has_one_thread(&self) -> bool {
        self.now.threads.len() == 1 && !self.now.more_threads
    }

    /// Whether it shows that it is an event loop: a thread waits for events.
    pub(crate) fn waits_for_events(&self) -> bool {
        self.threads.any_waits_for_events
    }

    /// Its parent.
    pub(crate) fn parent(&self) -> Option<u32> {
        self.now.parent
    }

    /// Whether it may be one that has others work for it: a thread of it waits for these, or nothing tells
    /// what they do, and it could run.
    pub(crate) fn may_be_a_master(&self) -> bool {
        let threads = &self.threads;
        let could_run = !threads.all_stopped && !threads.all_parked && self.now.frozen != Some(true);
        could_run && threads.spins.is_none() && (threads.any_waits_for_others || !threads.calls_known)
    }

    /// Whether a thread waits in an epoll set.
    pub(crate) fn waits_in_epoll(&self) -> bool {
        !self.threads.waits.is_empty()
    }

    /// Whether it is known what each of its threads does.
    pub(crate) fn is_known(&self) -> bool {
        self.threads.calls_known
    }
}
