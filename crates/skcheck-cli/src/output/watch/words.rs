//! Causes and what they stand on, in words. Each a clause: no capital, no full stop.

use skcheck_core::watch::cause::{Cause, CauseCode, Fact, Pace};
use skcheck_core::watch::evidence::{Call, Interest, Unread};

use crate::output::watch::names::Names;
use crate::text::{Charset, count, size};

/// How many facts a sentence has.
const MOST_FACTS: usize = 3;

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
pub(super) fn clause(cause: &Cause, who: &str) -> String {
    let its = if who == "it" { "its".to_owned() } else { format!("{who}'s") };
    let has = |is_it: &dyn Fn(&Fact) -> bool| cause.evidence.iter().any(is_it);
    match cause.code {
        CauseCode::Stopped => format!("{who} is stopped{}", by_whom(&cause.evidence)),
        CauseCode::Frozen => format!("{its} cgroup is frozen"),
        CauseCode::Zombie if has(&|fact| matches!(fact, Fact::State(_))) => {
            format!("{its} main thread has ended, and others still hold the socket")
        }
        CauseCode::Zombie if has(&|fact| matches!(fact, Fact::ZombieChild(_))) => {
            format!("a child of {who} that held the socket has ended, and {who} does not read it")
        }
        CauseCode::Zombie => format!("{its} main thread, or a child that held the socket, has ended"),
        CauseCode::Throttled => format!("{its} cgroup is out of CPU quota"),
        CauseCode::StuckReading => {
            format!("a thread of {who} is in the middle of reading it, and does not come back")
        }
        CauseCode::Blocked if has(&|fact| matches!(fact, Fact::File { silent: true, .. })) => {
            format!("a thread of {who} waits for a file whose file system does not answer")
        }
        CauseCode::Blocked if has(&|fact| matches!(fact, Fact::File { .. })) => {
            format!("a thread of {who} waits for a file")
        }
        CauseCode::Blocked => format!("{its} threads are all blocked elsewhere"),
        CauseCode::Spinning => format!("a thread of {who} runs all the time and does not read"),
        CauseCode::Busy if has(&|fact| matches!(fact, Fact::RanToo(_))) => {
            format!("perhaps a thread of {who} has no time: one is busy all the time, and others ran")
        }
        CauseCode::Busy => format!("a thread of {who} is busy all the time"),
        CauseCode::Paging => {
            format!("{who} waits for its own memory to be read back, from swap or from files")
        }
        CauseCode::NotPolled
            if has(&|fact| matches!(fact, Fact::Thread { call: Some((Call::Poll, _)), .. })) =>
        {
            format!("{who} waits in poll or select, and not for this socket")
        }
        CauseCode::NotPolled if has(&|fact| *fact == Fact::InNoEpoll(0)) => {
            format!("no thread of {who} reads or polls it, and {who} has no epoll set")
        }
        CauseCode::NotPolled => {
            format!("{who} does not ask for it: no thread reads or polls it, and no epoll set has it")
        }
        CauseCode::NoEpollin => {
            format!("{who} has stopped asking for data: the socket is in epoll without EPOLLIN")
        }
        CauseCode::EdgeNotRead => {
            format!("{who} was told once that there is data (edge-triggered epoll), and has not read since")
        }
        CauseCode::OneshotNotRearmed => {
            format!("{who} was told once that there is data (one-shot epoll), and has not asked again")
        }
        CauseCode::NobodyWaits => format!("no thread of {who} waits in the epoll set that has the socket"),
        CauseCode::Backpressure => format!("{its} own writing is blocked"),
        CauseCode::Deadlock => format!("{who} is in a deadlock with those who read what it writes"),
        CauseCode::AcceptFull => format!("the accept queue is full, and {who} does not accept"),
        _ => "nothing that could be seen tells why".to_owned(),
    }
}

/// How fast somebody reads, as a clause without its subject.
pub(super) fn reads(pace: Pace) -> String {
    match pace {
        Pace { consumed: Some(bytes), at_least: false } => format!("reads only {}/s", size(bytes)),
        Pace { consumed: Some(bytes), at_least: true } => format!("reads at least {}/s", size(bytes)),
        Pace { consumed: None, .. } => "reads, how fast cannot be told".to_owned(),
    }
}

/// The same in a table.
pub(super) fn reads_short(pace: Pace, charset: Charset) -> String {
    let mark = if pace.at_least { charset.at_least() } else { "" };
    pace.consumed.map_or_else(|| "reads slowly".to_owned(), |bytes| format!("reads {mark}{}/s", size(bytes)))
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

/// What a sentence has said already.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// How many wait in the accept queue.
    pub(super) queue: bool,
    /// The chain of writers.
    pub(super) writers: bool,
}

/// What a cause stands on, where that is more than the clause says already. What would show what is missing
/// stands elsewhere.
pub(super) fn facts(cause: &Cause, said: Said, names: Names<'_>) -> Option<String> {
    let is_said = |fact: &&Fact| match fact {
        Fact::State(_) => matches!(cause.code, CauseCode::Stopped | CauseCode::Zombie),
        Fact::InNoEpoll(0) => cause.code == CauseCode::NotPolled,
        Fact::UnsentAt(..) | Fact::Thread { call: Some((Call::Write, _)), .. } => said.writers,
        Fact::AcceptQueue { .. } => said.queue,
        _ => false,
    };
    let told: Vec<&Fact> = cause.evidence.iter().filter(|fact| !is_said(fact)).collect();
    // How many more is not known: of many threads a cause has only some.
    let has_more = told.len() > MOST_FACTS;
    let brief = |it: &Fact| match it {
        Fact::Missing(unread) => missing(*unread).what.to_owned(),
        it => fact(it, names),
    };
    let mut words: Vec<String> = told.into_iter().take(MOST_FACTS).map(brief).collect();
    if has_more {
        words.push("and more such".to_owned());
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// One fact as a clause.
pub(in crate::output) fn fact(fact: &Fact, names: Names<'_>) -> String {
    match fact {
        Fact::State(state) => format!("its state is {}", state_words(*state)),
        Fact::TracedBy(pid) => format!("{} traces it", names.process(*pid)),
        Fact::FrozenCgroup(path) => format!("cgroup {} is frozen", names.escape(path)),
        Fact::Throttled { throttled, periods, cgroup } => format!(
            "cgroup {} ran out of CPU quota in {throttled} of {}",
            names.escape(cgroup),
            count(*periods, "period")
        ),
        Fact::Thread { tid, state, call, wchan } => thread(*tid, *state, *call, wchan.as_deref(), names),
        Fact::File { tid, fd, path, mount, silent } => {
            let [path, point, kind, source] =
                [path, &mount.point, &mount.kind, &mount.source].map(|name| names.escape(name));
            let silent = if *silent { ", which has not answered since the look before" } else { "" };
            format!("thread {tid} waits for {path} (fd {fd}), on {kind} at {point} ({source}){silent}")
        }
        Fact::Spins { tid, percent: 100.., .. } => format!("thread {tid} uses a whole processor"),
        Fact::Spins { tid, percent, waits: 0 } => format!("thread {tid} uses {percent} % of a processor"),
        Fact::Spins { tid, percent, waits } => {
            format!("thread {tid} uses {percent} % of a processor, and waits for one {waits} % of the time")
        }
        Fact::MajorFaults { faults, runs } => {
            format!(
                "it waited for {} that had to be read, and was put on a processor {} in all",
                count(*faults, "page"),
                count(*runs, "time")
            )
        }
        Fact::Swapped(bytes) => format!("{} of it is swapped out", size(*bytes)),
        Fact::RanToo(1) => "another thread of it ran too, and which of them reads cannot be told".to_owned(),
        Fact::RanToo(others) => {
            format!("{others} other threads of it ran too, and which of them reads cannot be told")
        }
        Fact::Epoll { set, events } => format!("epoll set fd {set} has it for {}", events_words(*events)),
        Fact::EpollInEpoll { set, inner, events } => {
            format!(
                "epoll set fd {set} has epoll set fd {inner}, which has it, for {}",
                events_words(*events)
            )
        }
        Fact::InNoEpoll(0) => "it has no epoll set".to_owned(),
        Fact::InNoEpoll(1) => "its epoll set does not have the socket".to_owned(),
        Fact::InNoEpoll(sets) => format!("none of its {sets} epoll sets has the socket"),
        Fact::Ring(fd) => format!("io_uring fd {fd} has the socket registered"),
        Fact::InFlight(at) => format!("the socket is in a message that nobody has received at fd {}", at.fd),
        Fact::UnsentAt(holder, unsent) => format!(
            "{} has {} unsent at fd {}, which does not go out, or slowly",
            names.process(holder.pid),
            size(unsent.0),
            holder.fd
        ),
        Fact::ZombieChild(pid) => format!("child {pid} has ended and was not waited for"),
        Fact::AcceptQueue { waiting, limit } => {
            let of = limit.map(|limit| format!(", of at most {limit}")).unwrap_or_default();
            let wait = if *waiting == 1 { "waits" } else { "wait" };
            format!("{} {wait} for accept{of}", count((*waiting).into(), "connection"))
        }
        Fact::AlsoHeld { pid, code } => {
            let cause = Cause::new(*code, Some(*pid), Vec::new());
            let who = names.process(*pid);
            match clause(&cause, &who) {
                clause if clause.contains(&who) => format!("{clause}, and holds it too"),
                clause => format!("{who} holds it too: {clause}"),
            }
        }
        Fact::Missing(unread) => {
            let MissingWords { what, remedy, .. } = missing(*unread);
            remedy.map_or_else(|| what.to_owned(), |remedy| format!("{what} ({remedy})"))
        }
        _ => "something that this program has no words for".to_owned(),
    }
}

/// Something that could not be read.
pub(super) struct MissingWords {
    /// In a table.
    pub(super) short: &'static str,
    /// As a clause.
    what: &'static str,
    /// What would show it.
    pub(super) remedy: Option<&'static str>,
}

/// What could not be read, in words.
pub(super) fn missing(unread: Unread) -> MissingWords {
    const ROOT: &str = "run as root, or grant CAP_SYS_PTRACE";
    let (short, what, remedy) = match unread {
        Unread::NoAnswer => ("no answer", "its process did not answer when it was asked", None),
        Unread::Threads => ("not permitted", "its threads may not be looked at", Some(ROOT)),
        Unread::Descriptors => {
            ("not permitted", "its descriptors and epoll sets may not be looked at", Some(ROOT))
        }
        Unread::Cgroup => (
            "no cgroup",
            "its cgroup cannot be read",
            Some("run as root; in a container, mount the host's / and give --host-root"),
        ),
        Unread::Process => ("ended", "it ended meanwhile", None),
        Unread::MoreThreads => ("too many threads", "it has more threads than are looked at", None),
        Unread::NotLookedAt => (
            "not looked at",
            "its process was not looked at",
            Some("only the heaviest are looked at, and those that match (ask for it with --pid)"),
        ),
        _ => ("not read", "something could not be read", Some("run as root")),
    };
    MissingWords { short, what, remedy }
}

fn state_words(state: u8) -> String {
    let words = match state {
        b'R' => "running",
        b'S' => "sleeping",
        b'D' => "uninterruptible sleep",
        b'T' => "stopped",
        b't' => "stopped by a tracer",
        b'Z' => "ended",
        b'X' => "dead",
        b'I' => "idle",
        _ => "unknown here",
    };
    format!("{} ({words})", char::from(state).escape_default())
}

fn thread(
    tid: u32,
    state: u8,
    call: Option<(Call, Option<u32>)>,
    wchan: Option<&[u8]>,
    names: Names<'_>,
) -> String {
    let is = match state {
        b'R' => "runs".to_owned(),
        b'S' => "sleeps".to_owned(),
        b'D' => "cannot be interrupted".to_owned(),
        b'T' | b't' => "is stopped".to_owned(),
        state => format!("is in state {}", char::from(state).escape_default()),
    };
    let call = call.map(|(call, fd)| format!(" {}", call_words(call, fd))).unwrap_or_default();
    let wchan = wchan.filter(|name| !name.is_empty() && *name != b"0");
    let wchan = wchan.map(|name| format!(" ({})", names.escape(name))).unwrap_or_default();
    format!("thread {tid} {is}{call}{wchan}")
}

fn call_words(call: Call, fd: Option<u32>) -> String {
    let at = |words: &str, without: &str| match fd {
        Some(fd) => format!("{words} fd {fd}"),
        None => without.to_owned(),
    };
    match call {
        Call::Read => at("reading from", "reading"),
        Call::Write => at("writing to", "writing"),
        Call::EpollWait => at("in epoll_wait on", "in epoll_wait"),
        Call::Poll => "in poll or select".to_owned(),
        Call::Accept => at("in accept on", "in accept"),
        Call::Connect => at("connecting", "connecting"),
        Call::File => at("in a call about the file at", "in a call about a file"),
        Call::Futex => "waiting for another thread (futex)".to_owned(),
        Call::Sleep => "in a timed sleep".to_owned(),
        Call::Wait => "waiting for a child".to_owned(),
        Call::Signal => "waiting for a signal".to_owned(),
        _ => "in another system call".to_owned(),
    }
}

/// The events of an epoll interest by their names; those without one in hexadecimal.
fn events_words(events: u32) -> String {
    const NAMES: [(u32, &str); 8] = [
        (Interest::IN, "EPOLLIN"),
        (Interest::OUT, "EPOLLOUT"),
        (1 << 1, "EPOLLPRI"),
        (1 << 13, "EPOLLRDHUP"),
        (Interest::EDGE, "EPOLLET"),
        (Interest::ONESHOT, "EPOLLONESHOT"),
        (1 << 28, "EPOLLEXCLUSIVE"),
        (1 << 29, "EPOLLWAKEUP"),
    ];
    // The kernel adds these to every interest: they tell nothing.
    const ALWAYS: u32 = 1 << 3 | 1 << 4;
    let mut words: Vec<String> =
        NAMES.iter().filter(|(bit, _)| events & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    let known = NAMES.iter().fold(ALWAYS, |known, (bit, _)| known | bit);
    if events & !known != 0 {
        words.push(format!("{:#x}", events & !known));
    }
    if words.is_empty() { "no events".to_owned() } else { words.join(", ") }
}
