//! From a process that does not read because it cannot write, to the one that keeps it from writing. Pure.
//!
//! A link leads from a process's writer that cannot write to the reader at its other end, and on to the
//! writers of that reader's process. The chain ends at a process that waits for nobody, whether it reads
//! nothing or slowly, at an address that is not on this host, or where it comes back to a process that it has
//! passed. That is a circle only where each process on it is known to wait for its writing: with a thread
//! that does something else, which might read, it is that process where the chain ends.

pub(crate) mod answers;
pub(crate) mod choice;
pub(crate) mod conduits;
pub(crate) mod connecting;
pub(crate) mod far;
pub(crate) mod handed;
pub(crate) mod pairing;
pub(crate) mod peers;
pub(crate) mod walk;

use crate::model::state::State;
use crate::watch::cause;
use crate::watch::cause::holders::Own;
use crate::watch::cause::link::{Link, Over, Wait};
use crate::watch::cause::{Cause, CauseCode, End, Fact, Root};
use crate::watch::chain::far::{Reader, readers};
use crate::watch::chain::walk::{Walk, by_threads};
use crate::watch::evidence::Unread;
use crate::watch::progress::{Writing, tcp};
use crate::watch::scene::Scene;

/// What a look at a process found: the links from it on, and where they lead.
type Chain = Root;

impl Chain {
    /// What shows that its first process waits.
    fn begun(mut self, wait: Wait) -> Chain {
        if let Some(first) = self.links.first_mut() {
            first.wait = wait;
        }
        self
    }

    /// The links from its first process on: one, or several where nothing tells which.
    fn begins(&self) -> impl Iterator<Item = &Link> {
        let several = if let End::OneOf(links) = &self.end { links.as_slice() } else { &[] };
        self.links.first().into_iter().chain(several.iter().filter(|_| self.links.is_empty()))
    }
}

/// Why a reader that stands still does, and who is at the end of what keeps it.
pub(in crate::watch) fn of_reader(scene: &Scene<'_>, at: usize) -> Option<(Cause, Option<Root>)> {
    let report = scene.socket(at)?;
    let owns = cause::owns(scene, report);
    for own in owns.iter().filter(|own| !own.is_helpless) {
        let mut walk = Walk::new(scene, own.holder.pid);
        if let Some(chain) = walk.follow(own, Reader::Socket(at), false) {
            let cause = if chain.is_unsure() { own.cause.clone() } else { backpressure(scene, own, &chain) };
            return Some((cause, Some(chain)));
        }
    }
    let first = owns.into_iter().next();
    let handed = first.as_ref().and_then(|own| handed::follow(scene, own));
    if let (Some(own), Some(chain)) = (&first, handed) {
        return Some((own.cause.clone(), Some(chain)));
    }
    let first = first.map(|own| own.cause);
    Some((first.unwrap_or_else(|| cause::unheld(scene, report)), None))
}

/// What keeps a reader from reading faster: its own process, or that this writes what it reads, and no more
/// than others take. One that has caught up (`has_caught_up`) waits for nobody but the latter.
pub(in crate::watch) fn of_slow_reader(
    scene: &Scene<'_>,
    at: usize,
    has_caught_up: bool,
) -> Option<(Cause, Option<Root>)> {
    let slow = scene.socket(at).filter(|_| !has_caught_up).and_then(|report| cause::slow(scene, report));
    match slow {
        Some(slow) if slow.is_certain => Some((slow.cause, None)),
        slow => {
            let chain = by_writing(scene, at).map(|(cause, root)| (cause, Some(root)));
            chain.or(slow.map(|slow| (slow.cause, None)))
        }
    }
}

/// Who keeps a process from reading that writes what it reads.
fn by_writing(scene: &Scene<'_>, at: usize) -> Option<(Cause, Root)> {
    let report = scene.socket(at).filter(|report| report.socket.state != State::Listen)?;
    if !report.holders.iter().any(|holder| scene.may_wait(holder.pid)) {
        return None;
    }
    cause::owns(scene, report).iter().filter(|own| !own.is_helpless).find_map(|own| {
        let found = Walk::new(scene, own.holder.pid).follow(own, Reader::Socket(at), true);
        let chain = found.filter(|chain| !chain.is_circle() && !chain.is_unsure())?;
        Some((backpressure(scene, own, &chain), chain))
    })
}

/// Who keeps a writer from writing.
pub(in crate::watch) fn of_writer(scene: &Scene<'_>, at: usize) -> Option<Root> {
    let report = scene.socket(at)?;
    if scene.went(at).writing != Writing::Stalled && !tcp::is_clogged(&report.socket) {
        return None;
    }
    let holder = *report.holders.first()?;
    let mut walk = Walk::new(scene, holder.pid);
    let wait = by_threads(scene, holder.pid, &Scene::fds(&report.holders, holder.pid));
    let wait = wait.unwrap_or(Wait::Unknown);
    let mut chain = walk.step(holder, Over::Socket(at), false)?.begun(wait);
    if walk.is_no_circle(wait, &chain) {
        chain.links.truncate(1);
        let reader = readers(scene, Over::Socket(at)).into_iter().next();
        chain.end = reader.map_or(End::Hidden, |own| End::Stalled(own.holder, Box::new(own.cause)));
    }
    Some(chain)
}

/// The cause of a process at the beginning of a chain: what it has unsent, and what it does about it. One
/// that waits for an answer, or for a connection, has its own.
fn backpressure(scene: &Scene<'_>, own: &Own, chain: &Chain) -> Cause {
    let pid = own.holder.pid;
    let code = match chain.end {
        End::Circle(closed_at) if closed_at == pid => CauseCode::Deadlock,
        _ if chain.begins().all(|link| link.over.is_written()) => CauseCode::Backpressure,
        _ => own.cause.code,
    };
    let mut evidence = Vec::new();
    for Link { writer, unsent, over, .. } in chain.begins().filter(|link| link.over.is_written()) {
        evidence.extend(unsent.map(|unsent| Fact::UnsentAt(*writer, unsent)));
        let fds = scene.fds_over(*over, pid);
        evidence.extend(scene.process(pid).map(|look| look.writers(&fds)).unwrap_or_default());
    }
    let of_own = own.cause.evidence.iter().filter(|fact| !evidence.contains(fact)).cloned();
    let of_own: Vec<Fact> = of_own.collect();
    evidence.extend(of_own);
    if matches!(chain.end, End::Hidden) {
        evidence.push(Fact::Missing(Unread::Descriptors));
    }
    Cause { code, pid: Some(pid), evidence }
}
