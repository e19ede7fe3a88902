//! What threads do, as facts that a cause stands on. Pure.

use crate::watch::evidence::process::{Call, ProcessEvidence, Syscall, ThreadEvidence};
use crate::watch::judge::cause::fact::Fact;
use crate::watch::judge::process::calls::descriptor_in;

/// How many threads a cause shows.
const MOST_SHOWN: usize = 8;

/// How many files it shows.
const MOST_FILES: usize = 2;

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

fn fact(thread: &ThreadEvidence) -> Option<Fact> {
    let call = match thread.syscall {
        Some(Syscall::In { call, .. }) => Some((call, descriptor_in(thread, call))),
        _ => None,
    };
    Some(Fact::Thread { tid: thread.tid, state: thread.state?, call, wchan: thread.wchan.clone() })
}
