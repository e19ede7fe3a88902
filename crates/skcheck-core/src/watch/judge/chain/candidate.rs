//! A writer that may be what keeps a process waiting, and what shows it. Pure.

use crate::model::holder::Holder;
use crate::watch::judge::cause::link::{Over, Wait};
use crate::watch::judge::scene::Scene;

/// A writer that may be what keeps a reader of its process waiting.
pub(crate) struct WriterCandidate {
    pub(crate) writer: Holder,
    /// What shows that the process waits for it.
    pub(crate) wait: Wait,
    /// What it writes to.
    pub(crate) over: Over,
}

/// What the threads of a process show of its waiting for this writer.
pub(crate) fn by_threads(scene: &Scene<'_>, pid: u32, fds: &[u32]) -> Option<Wait> {
    let view = scene.process(pid).filter(|view| view.writes_to(fds))?;
    Some(if view.only_writes() { Wait::Blocked } else { Wait::OneThread })
}
