//! Why one process does not read one socket. Pure.

use crate::model::socket::Inode;
use crate::watch::evidence::process::{Call, Unreadable};
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::process::helpless::{helpless, paging};
use crate::watch::judge::process::view::ProcessView;
use crate::watch::judge::process::{epoll, threads};

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

/// Decides, the most telling first.
pub(crate) fn decide(look: &ProcessView<'_>, target: &UnreadSocket<'_>) -> Decided {
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
    let may_attend = look.lacks(Unreadable::Descriptors) && threads.any_waits_for_events;
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

/// A socket that no thread reads, and that no epoll set is known to have.
///
/// A thread that sleeps in poll(2) or select(2) does not ask for it either: these tell at once what is there
/// to be read.
fn unpolled(look: &ProcessView<'_>, target: &UnreadSocket<'_>) -> (CauseCode, Vec<Fact>) {
    let threads = &look.threads;
    let sets_known = !look.lacks(Unreadable::Descriptors) && !look.lacks(Unreadable::Process);
    let in_no_set = sets_known.then(|| Fact::InNoEpoll(look.sets.count()));
    let holds = |(_, sockets): &&(u32, Vec<Inode>)| target.inode.is_some_and(|it| sockets.contains(&it));
    let ring = look.now.rings.iter().find(holds).map(|(fd, _)| Fact::Ring(*fd));
    // A child that has ended may have had the socket once: that is only known where it was seen so.
    let (readers, others): (Vec<u32>, Vec<u32>) =
        look.now.dead_children.iter().partition(|pid| target.left.contains(pid));
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
