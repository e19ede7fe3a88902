//! Why a reader reads slowly, as far as that is its own process. Pure.

use crate::snapshot::entry::SocketEntry;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::process::hindrance::{out_of_quota, paging};
use crate::watch::judge::process::usage::SPINS_FROM;
use crate::watch::judge::process::view::ProcessView;
use crate::watch::judge::scene::Scene;

/// Why a process reads slowly.
pub(crate) struct Slow {
    pub(crate) cause: Cause,
    /// It is all of the process, or the thread that reads: whoever waits for its writing does not keep it
    /// waiting.
    pub(crate) is_certain: bool,
}

/// Who has not run has read nothing: of several holders the one that ran reads. Where more did, nothing
/// tells.
pub(crate) fn slow(scene: &Scene<'_>, entry: &SocketEntry) -> Option<Slow> {
    let views: Option<Vec<&ProcessView<'_>>> = entry.pids().map(|pid| scene.process(pid)).collect();
    let mut views = views?;
    if views.len() > 1 {
        views.retain(|view| view.threads.ran > 0);
    }
    let [view] = views.as_slice() else { return None };
    let found = |code, evidence, is_certain| {
        let cause = Cause { code, pid: Some(view.now.pid), evidence };
        Some(Slow { cause, is_certain })
    };
    // Another process of the group may have used up what there was, while this one slept.
    if let Some(quota) = out_of_quota(view).filter(|_| view.threads.load >= SPINS_FROM) {
        return found(CauseCode::Throttled, vec![quota], true);
    }
    let (code, evidence) = match (view.threads.spins.clone(), paging(view)) {
        (Some(spins), _) => (CauseCode::Busy, vec![spins]),
        (None, paging) => (CauseCode::Paging, paging?),
    };
    let others = view.threads.ran.saturating_sub(1);
    let ran_too = u32::try_from(others).ok().filter(|others| *others > 0).map(Fact::RanToo);
    let is_certain = ran_too.is_none() && !view.now.more_threads;
    found(code, evidence.into_iter().chain(ran_too).collect(), is_certain)
}
