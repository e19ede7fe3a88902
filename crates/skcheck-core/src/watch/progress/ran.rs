//! Whether the processes that can read a socket have run between two samples. Pure.
//!
//! A thread that sleeps in both samples and was put on a processor as often has not run in between. One that
//! has not run has read nothing.

use crate::holders::Holder;
use crate::snapshot::{Holding, Report};
use crate::watch::evidence::ProcessEvidence;
use crate::watch::progress::Span;

/// Whether all who can read this socket have slept. Nobody else must be able to: a process that may not be
/// looked at can hold it as well, and a ring of io_uring reads by itself.
pub(super) fn slept(span: &Span<'_>, before: &Report, now: &Report, holders: &[Holder]) -> bool {
    let inode = now.socket.inode;
    let in_ring = || {
        let rings = span.now.processes.values().flat_map(|process| &process.rings);
        rings.into_iter().any(|(_, sockets)| inode.is_some_and(|inode| sockets.contains(&inode)))
    };
    let is_held = |report: &Report| report.holding == Holding::Descriptors;
    is_held(before) && is_held(now) && before.holders == now.holders && all_slept(span, holders) && !in_ring()
}

/// Whether all these processes have slept, and are all that there can be.
pub(super) fn all_slept(span: &Span<'_>, holders: &[Holder]) -> bool {
    let sees_all = span.before.snapshot.scanned.all_processes && span.now.snapshot.scanned.all_processes;
    let process_slept = |holder: &Holder| {
        let both = span.before.processes.get(&holder.pid).zip(span.now.processes.get(&holder.pid));
        both.is_some_and(|(before, now)| process_slept(before, now))
    };
    sees_all && !holders.is_empty() && holders.iter().all(process_slept)
}

fn process_slept(before: &ProcessEvidence, now: &ProcessEvidence) -> bool {
    let is_same = before.start_time.is_some() && before.start_time == now.start_time;
    let sees_all = !(before.more_threads || now.more_threads || now.threads.is_empty());
    // A thread that has come or gone has run.
    let has_as_many = before.threads.len() == now.threads.len();
    let sleeps = |state: Option<u8>| state.is_some_and(|state| state != b'R');
    // Both are in the order of /proc.
    let mut threads = before.threads.iter().zip(&now.threads);
    let slept = threads.all(|(before, now)| {
        before.tid == now.tid
            && sleeps(before.state)
            && sleeps(now.state)
            && now.runs.is_some()
            && before.runs == now.runs
    });
    is_same && sees_all && has_as_many && slept
}
