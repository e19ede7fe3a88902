//! Causes in words. Each a clause: no capital, no full stop.

use skcheck_core::watch::cause::{Cause, CauseCode, Fact};
use skcheck_core::watch::evidence::Call;

/// The cause in a table.
pub(in crate::output) fn short(code: CauseCode) -> &'static str {
    match code {
        CauseCode::Stopped => "stopped",
        CauseCode::Frozen => "cgroup frozen",
        CauseCode::Zombie => "zombie",
        CauseCode::Throttled => "out of CPU quota",
        CauseCode::StuckReading => "stuck in reading it",
        CauseCode::Blocked => "blocked elsewhere",
        CauseCode::Spinning => "a thread spins",
        CauseCode::Busy => "a thread is busy",
        CauseCode::Paging => "waits for its memory",
        CauseCode::NotPolled => "not polled",
        CauseCode::NoEpollin => "epoll without EPOLLIN",
        CauseCode::EdgeNotRead => "edge told, not read",
        CauseCode::OneshotNotRearmed => "one-shot not re-armed",
        CauseCode::NobodyWaits => "nobody waits in epoll",
        CauseCode::Backpressure => "its writing is blocked",
        CauseCode::Deadlock => "deadlock",
        CauseCode::AcceptFull => "not accepted",
        _ => "unknown",
    }
}

/// The cause as a clause; `who` it is about: `it`, or a process by name.
pub(in crate::output) fn clause(cause: &Cause, who: &str) -> String {
    let its = if who == "it" { "its".to_owned() } else { format!("{who}'s") };
    match cause.code {
        CauseCode::Stopped => format!("{who} is stopped{}", by_whom(&cause.evidence)),
        CauseCode::Frozen => format!("{its} cgroup is frozen"),
        CauseCode::Zombie => ended(cause, who, &its),
        CauseCode::Throttled => format!("{its} cgroup is out of CPU quota"),
        CauseCode::StuckReading => {
            format!("a thread of {who} is in the middle of reading it, and does not come back")
        }
        CauseCode::Blocked => blocked(cause, who, &its),
        CauseCode::Spinning => format!("a thread of {who} runs all the time and does not read"),
        CauseCode::Busy if has(cause, |fact| matches!(fact, Fact::RanToo(_))) => {
            format!("perhaps a thread of {who} has no time: one is busy all the time, and others ran")
        }
        CauseCode::Busy => format!("a thread of {who} is busy all the time"),
        CauseCode::Paging => {
            format!("{who} waits for its own memory to be read back, from swap or from files")
        }
        CauseCode::NotPolled => not_polled(cause, who),
        CauseCode::NoEpollin | CauseCode::EdgeNotRead | CauseCode::OneshotNotRearmed => {
            epoll(cause.code, who)
        }
        CauseCode::NobodyWaits => format!("no thread of {who} waits in the epoll set that has the socket"),
        CauseCode::Backpressure => format!("{its} own writing is blocked"),
        CauseCode::Deadlock => format!("{who} is in a deadlock with those who read what it writes"),
        CauseCode::AcceptFull => format!("the accept queue is full, and {who} does not accept"),
        _ => "nothing that could be seen tells why".to_owned(),
    }
}

fn has(cause: &Cause, is_it: fn(&Fact) -> bool) -> bool {
    cause.evidence.iter().any(is_it)
}

fn ended(cause: &Cause, who: &str, its: &str) -> String {
    if has(cause, |fact| matches!(fact, Fact::State(_))) {
        format!("{its} main thread has ended, and others still hold the socket")
    } else if has(cause, |fact| matches!(fact, Fact::ZombieChild(_))) {
        format!("a child of {who} that held the socket has ended, and {who} does not read it")
    } else {
        format!("{its} main thread, or a child that held the socket, has ended")
    }
}

fn blocked(cause: &Cause, who: &str, its: &str) -> String {
    if has(cause, |fact| matches!(fact, Fact::File { silent: true, .. })) {
        format!("a thread of {who} waits for a file whose file system does not answer")
    } else if has(cause, |fact| matches!(fact, Fact::File { .. })) {
        format!("a thread of {who} waits for a file")
    } else {
        format!("{its} threads are all blocked elsewhere")
    }
}

fn not_polled(cause: &Cause, who: &str) -> String {
    if has(cause, |fact| matches!(fact, Fact::Thread { call: Some((Call::Poll, _)), .. })) {
        format!("{who} waits in poll or select, and not for this socket")
    } else if has(cause, |fact| *fact == Fact::InNoEpoll(0)) {
        format!("no thread of {who} reads or polls it, and {who} has no epoll set")
    } else {
        format!("{who} does not ask for it: no thread reads or polls it, and no epoll set has it")
    }
}

fn epoll(code: CauseCode, who: &str) -> String {
    match code {
        CauseCode::NoEpollin => {
            format!("{who} has stopped asking for data: the socket is in epoll without EPOLLIN")
        }
        CauseCode::EdgeNotRead => {
            format!("{who} was told once that there is data (edge-triggered epoll), and has not read since")
        }
        _ => format!("{who} was told once that there is data (one-shot epoll), and has not asked again"),
    }
}

/// Who stopped it.
fn by_whom(evidence: &[Fact]) -> &'static str {
    let is = |fact: fn(&Fact) -> bool| evidence.iter().any(fact);
    if is(|fact| matches!(fact, Fact::State(b't') | Fact::TracedBy(_))) {
        " by a tracer"
    } else if is(|fact| matches!(fact, Fact::State(b'T'))) {
        " (SIGSTOP, or job control)"
    } else {
        ""
    }
}
