//! Whether the processes that can read a socket have run between two samples. Pure.
//!
//! A thread that sleeps in both samples and was put on a processor as often has not run in between. One that
//! has not run has read nothing.

use crate::model::holder::Holder;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::evidence::process::{ProcessEvidence, ThreadEvidence};
use crate::watch::judge::span::Span;

/// Whether all who are known to hold this socket have slept: these have read nothing, whatever somebody does
/// who may not be looked at. A ring of io_uring reads by itself.
pub(crate) fn slept(span: &Span<'_>, before: &SocketEntry, now: &SocketEntry, holders: &[Holder]) -> bool {
    let inode = now.socket.inode;
    let in_ring = || {
        let rings = span.now.processes.values().flat_map(|process| &process.rings);
        rings.into_iter().any(|(_, sockets)| inode.is_some_and(|inode| sockets.contains(&inode)))
    };
    let is_held = |entry: &SocketEntry| entry.holding == Holding::Descriptors;
    is_held(before) && is_held(now) && before.holders == now.holders && all_slept(span, holders) && !in_ring()
}

/// Whether no process was hidden from either sample, so that there are no other holders than those found.
pub(crate) fn sees_all(span: &Span<'_>) -> bool {
    span.before.snapshot.scanned.all_processes && span.now.snapshot.scanned.all_processes
}

/// Whether all these processes have slept.
pub(crate) fn all_slept(span: &Span<'_>, holders: &[Holder]) -> bool {
    let process_slept = |holder: &Holder| {
        let both = span.before.processes.get(&holder.pid).zip(span.now.processes.get(&holder.pid));
        both.is_some_and(|(before, now)| process_slept(before, now))
    };
    !holders.is_empty() && holders.iter().all(process_slept)
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
        let same_runs = match (before.runs, now.runs) {
            // A thread that is stopped whenever one looks was not let go in between, or it would have run.
            (None, None) => is_stopped(before) && is_stopped(now) && before.ticks == now.ticks,
            (before, now) => before == now,
        };
        before.tid == now.tid && sleeps(before.state) && sleeps(now.state) && same_runs
    });
    is_same && sees_all && has_as_many && slept
}

/// By job control, or by a tracer.
fn is_stopped(thread: &ThreadEvidence) -> bool {
    matches!(thread.state, Some(b'T' | b't'))
}
