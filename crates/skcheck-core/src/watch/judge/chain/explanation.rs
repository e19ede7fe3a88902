//! Why a socket stands still or goes slowly, and who is at the end of what keeps it. Pure.

use crate::model::state::State;
use crate::occupancy::would_block;
use crate::watch::evidence::process::UnreadablePart;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::cause::link::{Link, Over, Wait};
use crate::watch::judge::cause::root::{End, Root};
use crate::watch::judge::chain::candidate::by_threads;
use crate::watch::judge::chain::gait::Gait;
use crate::watch::judge::chain::handover;
use crate::watch::judge::chain::reader::ReadEnd;
use crate::watch::judge::chain::walk::ChainWalk;
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::holders::no_holder::unheld;
use crate::watch::judge::holders::{readers, slow_reader};
use crate::watch::judge::progress::state::Writing;
use crate::watch::judge::scene::Scene;

/// Why a reader that stands still does, and who is at the end of what keeps it.
pub(crate) fn of_reader(scene: &Scene<'_>, at: usize) -> Option<(Cause, Option<Root>)> {
    let entry = scene.socket(at)?;
    let owns = readers::of_socket(scene, entry);
    for own in owns.iter().filter(|own| !own.is_helpless) {
        let mut walk = ChainWalk::new(scene, own.holder.pid);
        if let Some(chain) = walk.follow(own, ReadEnd::Socket(at), Gait::StandsStill) {
            let cause = if chain.is_unsure() { own.cause.clone() } else { backpressure(scene, own, &chain) };
            return Some((cause, Some(chain)));
        }
    }
    let first = owns.into_iter().next();
    let handed = first.as_ref().and_then(|own| handover::follow(scene, own));
    if let (Some(own), Some(chain)) = (&first, handed) {
        return Some((own.cause.clone(), Some(chain)));
    }
    let first = first.map(|own| own.cause);
    Some((first.unwrap_or_else(|| unheld(scene, entry)), None))
}

/// What keeps a reader from reading faster: its own process, or that this writes what it reads, and no more
/// than others take. One that has caught up (`has_caught_up`) waits for nobody but the latter.
pub(crate) fn of_slow_reader(
    scene: &Scene<'_>,
    at: usize,
    has_caught_up: bool,
) -> Option<(Cause, Option<Root>)> {
    let slow = scene.socket(at).filter(|_| !has_caught_up).and_then(|entry| slow_reader::slow(scene, entry));
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
    let entry = scene.socket(at).filter(|entry| entry.socket.state != State::Listen)?;
    if !entry.holders.iter().any(|holder| scene.may_wait(holder.pid)) {
        return None;
    }
    readers::of_socket(scene, entry).iter().filter(|own| !own.is_helpless).find_map(|own| {
        let found = ChainWalk::new(scene, own.holder.pid).follow(own, ReadEnd::Socket(at), Gait::Reads);
        let chain = found.filter(|chain| !chain.is_circle() && !chain.is_unsure())?;
        Some((backpressure(scene, own, &chain), chain))
    })
}

/// Who keeps a writer from writing.
pub(crate) fn of_writer(scene: &Scene<'_>, at: usize) -> Option<Root> {
    let entry = scene.socket(at)?;
    if scene.went(at).writing != Writing::Stalled && !would_block(&entry.socket) {
        return None;
    }
    let holder = *entry.holders.first()?;
    let mut walk = ChainWalk::new(scene, holder.pid);
    let wait = by_threads(scene, holder.pid, &Scene::fds(&entry.holders, holder.pid));
    let wait = wait.unwrap_or(Wait::Unknown);
    let mut chain = walk.step(holder, Over::Socket(at), Gait::StandsStill)?.begun(wait);
    if walk.is_no_circle(wait, &chain) {
        chain.links.truncate(1);
        let reader = readers::at_far_end(scene, Over::Socket(at)).into_iter().next();
        chain.end = reader.map_or(End::Hidden, |own| End::Stalled(own.holder, Box::new(own.cause)));
    }
    Some(chain)
}

/// The cause of a process at the beginning of a chain: what it has unsent, and what it does about it. One
/// that waits for an answer, or for a connection, has its own.
fn backpressure(scene: &Scene<'_>, own: &HolderCause, chain: &Root) -> Cause {
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
        evidence.extend(scene.process(pid).map(|view| view.writers(&fds)).unwrap_or_default());
    }
    let of_own = own.cause.evidence.iter().filter(|fact| !evidence.contains(fact)).cloned();
    let of_own: Vec<Fact> = of_own.collect();
    evidence.extend(of_own);
    if matches!(chain.end, End::Hidden) {
        evidence.push(Fact::Missing(UnreadablePart::Descriptors));
    }
    Cause { code, pid: Some(pid), evidence }
}
