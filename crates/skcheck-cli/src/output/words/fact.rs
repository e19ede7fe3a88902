//! What a cause stands on, in words. Each a clause: no capital, no full stop.

use skcheck_core::watch::cause::{Cause, CauseCode, Fact};
use skcheck_core::watch::evidence::{Call, Mount, UnreadablePart};

use crate::output::words::cause::clause;
use crate::output::words::sample::SampleNames;
use crate::output::words::thread::{events_words, state_words, thread};
use crate::output::words::unreadable::{MissingWords, missing};
use crate::text::{count, size};

/// How many facts a sentence has.
const MOST_FACTS: usize = 3;

/// What a sentence has said already.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::output) struct Said {
    /// How many wait in the accept queue.
    pub(in crate::output) queue: bool,
    /// The chain of writers.
    pub(in crate::output) writers: bool,
}

/// What a cause stands on, where that is more than the clause says already. What would show what is missing
/// stands elsewhere.
pub(in crate::output) fn facts(cause: &Cause, said: Said, names: SampleNames<'_>) -> Option<String> {
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
pub(in crate::output) fn fact(fact: &Fact, names: SampleNames<'_>) -> String {
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
            let silent = if *silent { ", which has not answered since the look before" } else { "" };
            format!("thread {tid} waits for {}{silent}", file(*fd, path, mount, names))
        }
        Fact::Spins { .. } | Fact::RanToo(_) | Fact::MajorFaults { .. } | Fact::Swapped(_) => running(fact),
        Fact::Epoll { .. } | Fact::EpollInEpoll { .. } | Fact::InNoEpoll(_) | Fact::Ring(_) => asking(fact),
        Fact::InFlight(at) => format!("the socket is in a message that nobody has received at fd {}", at.fd),
        Fact::UnsentAt(holder, unsent) => format!(
            "{} has {} unsent at fd {}, which does not go out, or slowly",
            names.process(holder.pid),
            size(unsent.0),
            holder.fd
        ),
        Fact::ZombieChild(pid) => format!("child {pid} has ended and was not waited for"),
        Fact::AcceptQueue { waiting, limit } => waiting_in_queue(*waiting, *limit),
        Fact::AlsoHeld { pid, code } => also_held(*pid, *code, names),
        Fact::Missing(unread) => unreadable(*unread),
        _ => UNTOLD.to_owned(),
    }
}

const UNTOLD: &str = "something that this program has no words for";

/// `/a/b (fd 7), on nfs4 at /a (server:/x)`.
fn file(fd: u32, path: &[u8], mount: &Mount, names: SampleNames<'_>) -> String {
    let [path, point, kind, source] =
        [path, &mount.point, &mount.kind, &mount.source].map(|name| names.escape(name));
    format!("{path} (fd {fd}), on {kind} at {point} ({source})")
}

/// What shows how much its threads run.
fn running(fact: &Fact) -> String {
    match fact {
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
        _ => UNTOLD.to_owned(),
    }
}

/// What shows whether it asks for the data.
fn asking(fact: &Fact) -> String {
    match fact {
        Fact::Epoll { set, events } => format!("epoll set fd {set} has it for {}", events_words(*events)),
        Fact::EpollInEpoll { set, inner, events } => {
            let events = events_words(*events);
            format!("epoll set fd {set} has epoll set fd {inner}, which has it, for {events}")
        }
        Fact::InNoEpoll(0) => "it has no epoll set".to_owned(),
        Fact::InNoEpoll(1) => "its epoll set does not have the socket".to_owned(),
        Fact::InNoEpoll(sets) => format!("none of its {sets} epoll sets has the socket"),
        Fact::Ring(fd) => format!("io_uring fd {fd} has the socket registered"),
        _ => UNTOLD.to_owned(),
    }
}

fn waiting_in_queue(waiting: u32, limit: Option<u32>) -> String {
    let of = limit.map(|limit| format!(", of at most {limit}")).unwrap_or_default();
    let wait = if waiting == 1 { "waits" } else { "wait" };
    format!("{} {wait} for accept{of}", count(waiting.into(), "connection"))
}

fn also_held(pid: u32, code: CauseCode, names: SampleNames<'_>) -> String {
    let who = names.process(pid);
    match clause(&Cause::new(code, Some(pid), Vec::new()), &who) {
        clause if clause.contains(&who) => format!("{clause}, and holds it too"),
        clause => format!("{who} holds it too: {clause}"),
    }
}

fn unreadable(unread: UnreadablePart) -> String {
    let MissingWords { what, remedy, .. } = missing(unread);
    remedy.map_or_else(|| what.to_owned(), |remedy| format!("{what} ({remedy})"))
}
