//! Why one process does not read one socket. Pure.

use crate::model::socket::Inode;
use crate::watch::evidence::process::{Call, UnreadablePart};
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::process::epoll::SetPlace;
use crate::watch::judge::process::hindrance::{helpless, paging};
use crate::watch::judge::process::view::ProcessView;
use crate::watch::judge::process::{epoll, facts, sleep};

/// What is not read: a socket, under all its numbers in one process.
#[derive(Clone, Copy)]
pub(crate) struct UnreadSocket<'a> {
    pub(crate) inode: Option<Inode>,
    pub(crate) fds: &'a [u32],
    /// Processes that held it before, and hold it no more.
    pub(crate) left: &'a [u32],
    /// It is a listener: it is accepted from, not read.
    pub(crate) is_listener: bool,
}

/// A cause that one process has.
pub(crate) struct Decided {
    pub(crate) cause: Cause,
    /// The process can do nothing at all: nothing that it waits for matters.
    pub(crate) is_helpless: bool,
    /// The process has shown that it is the one that reads: a thread does, or an epoll set has the socket.
    pub(crate) is_involved: bool,
}

/// A cause, and what it stands on.
type Ruling = (CauseCode, Vec<Fact>);

/// What shows that a process attends to a socket.
struct Attention {
    /// A thread is in a call of reading it, or of accepting from it.
    is_in_call: bool,
    /// Its places in epoll sets.
    places: Vec<SetPlace>,
    /// A thread waits in one of these sets.
    is_waited: bool,
    /// A thread waits in a set that could not be read, and so perhaps for this socket.
    may_be_waited: bool,
}

impl Attention {
    fn of(view: &ProcessView<'_>, target: &UnreadSocket<'_>) -> Attention {
        let threads = &view.threads;
        let calls = if target.is_listener { &threads.accepts } else { &threads.reads };
        let places = view.sets.places(target.inode.map(|inode| inode.get().into()), target.fds);
        Attention {
            is_in_call: target.fds.iter().any(|fd| calls.contains(fd)),
            is_waited: places.iter().any(|(set, _)| view.sets.is_waited_in(*set, threads)),
            places,
            may_be_waited: view.lacks(UnreadablePart::Descriptors) && threads.any_waits_for_events,
        }
    }

    fn is_paid(&self) -> bool {
        self.is_in_call || self.is_waited
    }
}

/// Decides, the most telling first.
pub(crate) fn decide(view: &ProcessView<'_>, target: &UnreadSocket<'_>) -> Decided {
    let attention = Attention::of(view, target);
    let helpless = helpless(view, attention.is_paid());
    let is_helpless = helpless.is_some();
    let (code, evidence) = helpless
        .or_else(|| stuck(view, target))
        .or_else(|| busy(view, &attention))
        .or_else(|| in_call(view, target, &attention))
        .or_else(|| by_sets(view, &attention))
        .unwrap_or_else(|| unpolled(view, target));
    Decided {
        cause: Cause { code, pid: Some(view.now.pid), evidence },
        is_helpless,
        is_involved: attention.is_in_call || !attention.places.is_empty(),
    }
}

/// In the middle of reading it, or in a sleep that nothing ends.
fn stuck(view: &ProcessView<'_>, target: &UnreadSocket<'_>) -> Option<Ruling> {
    if !target.is_listener && sleep::is_stuck_reading(view.now, view.before, target.fds) {
        return Some((CauseCode::StuckReading, facts::facts_on(view.now, Call::Read, target.fds)));
    }
    view.threads.all_uninterruptible.then(|| (CauseCode::Blocked, view.blocked()))
}

/// A thread runs all the time, or all wait for their memory, and nobody attends to the socket.
fn busy(view: &ProcessView<'_>, attention: &Attention) -> Option<Ruling> {
    if attention.is_paid() || attention.may_be_waited {
        return None;
    }
    let spins = view.threads.spins.clone().map(|spins| (CauseCode::Spinning, vec![spins]));
    spins.or_else(|| paging(view).map(|paging| (CauseCode::Paging, paging)))
}

/// It is about to read, or waits for more than is there (SO_RCVLOWAT).
fn in_call(view: &ProcessView<'_>, target: &UnreadSocket<'_>, attention: &Attention) -> Option<Ruling> {
    let call = if target.is_listener { Call::Accept } else { Call::Read };
    let facts = || facts::facts_on(view.now, call, target.fds);
    attention.is_in_call.then(|| (CauseCode::Unknown, facts()))
}

/// What the epoll sets tell that have it.
fn by_sets(view: &ProcessView<'_>, Attention { places, is_waited, .. }: &Attention) -> Option<Ruling> {
    if places.is_empty() {
        return None;
    }
    if view.threads.all_blocked && !is_waited {
        // What its sets would tell it matters only once it comes back to them.
        let evidence = view.blocked().into_iter().chain(epoll::facts(places));
        return Some((CauseCode::Blocked, evidence.collect()));
    }
    let (code, mut evidence) = epoll::judge(places, &view.sets, &view.threads);
    match code {
        Some(CauseCode::NobodyWaits | CauseCode::EdgeNotRead) => evidence.extend(facts::facts(view.now)),
        None => evidence.extend(view.missing()),
        Some(_) => {}
    }
    Some((code.unwrap_or(CauseCode::Unknown), evidence))
}

/// A socket that no thread reads, and that no epoll set is known to have.
///
/// A thread that sleeps in poll(2) or select(2) does not ask for it either: these tell at once what is there
/// to be read.
fn unpolled(view: &ProcessView<'_>, target: &UnreadSocket<'_>) -> Ruling {
    let threads = &view.threads;
    let sets_known = !view.lacks(UnreadablePart::Descriptors) && !view.lacks(UnreadablePart::Process);
    let in_no_set = sets_known.then(|| Fact::InNoEpoll(view.sets.count()));
    let holds = |(_, sockets): &&(u32, Vec<Inode>)| target.inode.is_some_and(|it| sockets.contains(&it));
    let ring = view.now.rings.iter().find(holds).map(|(fd, _)| Fact::Ring(*fd));
    // A child that has ended may have had the socket once: that is only known where it was seen so.
    let (readers, others): (Vec<u32>, Vec<u32>) =
        view.now.dead_children.iter().partition(|pid| target.left.contains(pid));
    let children = |pids: Vec<u32>| pids.into_iter().map(Fact::ZombieChild);
    if sets_known && threads.calls_known && ring.is_none() && !readers.is_empty() {
        return (CauseCode::Zombie, children(readers).chain(in_no_set).collect());
    }
    let (code, mut evidence) = match (ring, in_no_set) {
        (ring, _) if threads.all_blocked => {
            (CauseCode::Blocked, view.blocked().into_iter().chain(ring).collect())
        }
        // What is asked of a ring cannot be seen.
        (Some(ring), _) => (CauseCode::Unknown, vec![ring]),
        (None, Some(in_no_set)) if threads.calls_known => {
            (CauseCode::NotPolled, [in_no_set].into_iter().chain(facts::facts(view.now)).collect())
        }
        (None, in_no_set) => (CauseCode::Unknown, view.missing().into_iter().chain(in_no_set).collect()),
    };
    evidence.extend(children(others));
    (code, evidence)
}
