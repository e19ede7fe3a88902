//! Pipes, FIFOs and terminals that a process waits to write to. Pure.

use crate::holders::Holder;
use crate::watch::cause::{CauseCode, Over, Own};
use crate::watch::chain::choice::Candidate;
use crate::watch::chain::walk::by_threads;
use crate::watch::scene::Scene;

/// Those that threads of this process are blocked in writing to, which may be why it does not read. Of a
/// process that reads (`reads`) only its one thread can tell, and one whose thread spins waits for nobody.
pub(super) fn candidates(scene: &Scene<'_>, own: &Own, reads: bool) -> Vec<Candidate> {
    let pid = own.holder.pid;
    let Some(look) = scene.process(pid).filter(|look| !reads || look.has_one_thread()) else {
        return Vec::new();
    };
    if own.cause.code == CauseCode::Spinning {
        return Vec::new();
    }
    let candidate = |at: usize| {
        let mut fds = scene.conduit_fds(at, pid);
        fds.retain(|fd| look.writes_to(&[*fd]));
        let wait = by_threads(scene, pid, &fds)?;
        let writer = Holder::new(pid, fds.into_iter().min()?);
        Some(Candidate { writer, wait, over: Over::Conduit(at) })
    };
    scene.conduits_of(pid).filter_map(candidate).collect()
}
