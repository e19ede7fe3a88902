//! Connections that a process waits at for an answer, while the other end has not read what it asked. Pure.

use crate::model::holder::Holder;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::link::{Over, Wait};
use crate::watch::judge::chain::candidate::WriterCandidate;
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::scene::Scene;

/// Those for which a process waits that does nothing else: a thread is blocked in reading, or in poll for one
/// descriptor, which is the only one that fits. That it has to read from there first is its own protocol.
pub(crate) fn candidates(scene: &Scene<'_>, own: &HolderCause) -> Vec<WriterCandidate> {
    let pid = own.holder.pid;
    let Some(view) = scene.process(pid) else { return Vec::new() };
    let unanswered = scene.unanswered();
    match (own.cause.code, unanswered.of(pid)) {
        (CauseCode::Blocked, _) => {
            let wait = if view.has_one_thread() { Wait::Blocked } else { Wait::OneThread };
            let candidate = |(fd, target)| {
                let at = unanswered.at(pid, fd, target)?;
                Some(WriterCandidate { writer: Holder::new(pid, fd), wait, over: Over::Answer(at) })
            };
            view.reading().filter_map(candidate).collect()
        }
        (CauseCode::NotPolled, [(end, at)]) if view.polls_one() => {
            let (writer, over) = (end.descriptor(), Over::Answer(*at));
            vec![WriterCandidate { writer, wait: Wait::Poll, over }]
        }
        _ => Vec::new(),
    }
}
