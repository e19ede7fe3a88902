//! Pipes, FIFOs and terminals that a process waits to write to. Pure.

use crate::model::holder::Holder;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::link::{Over, Wait};
use crate::watch::judge::chain::candidate::{WriterCandidate, by_threads};
use crate::watch::judge::chain::gait::Gait;
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::scene::Scene;

/// Those that threads of this process are blocked in writing to, which may be why it does not read; and those
/// that it waits for until it can write, where it is an event loop that does not ask for data. Of a process
/// that reads (`gait`) only its one thread can tell, and one whose thread spins waits for nobody.
pub(crate) fn candidates(scene: &Scene<'_>, own: &HolderCause, gait: Gait) -> Vec<WriterCandidate> {
    let pid = own.holder.pid;
    let Some(view) = scene.process(pid).filter(|view| !gait.reads() || view.has_one_thread()) else {
        return Vec::new();
    };
    let does_not_ask = matches!(
        own.cause.code,
        CauseCode::NoEpollin
            | CauseCode::OneshotNotRearmed
            | CauseCode::NotPolled
            | CauseCode::EdgeNotRead
            | CauseCode::AcceptFull
    );
    let candidate = |at: usize| {
        let fds = scene.conduit_fds(at, pid);
        let that = |is_it: &dyn Fn(&[u32]) -> bool| fds.iter().copied().filter(|fd| is_it(&[*fd])).min();
        if let Some(fd) = that(&|fd| view.writes_to(fd)).filter(|_| own.cause.code != CauseCode::Spinning) {
            let wait = by_threads(scene, pid, &[fd])?;
            return Some(WriterCandidate { writer: Holder::new(pid, fd), wait, over: Over::Conduit(at) });
        }
        let fd = that(&|fd| view.polls_to_write(fd)).filter(|_| does_not_ask && !gait.reads())?;
        Some(WriterCandidate { writer: Holder::new(pid, fd), wait: Wait::EventLoop, over: Over::Conduit(at) })
    };
    scene.conduits_of(pid).filter_map(candidate).collect()
}
