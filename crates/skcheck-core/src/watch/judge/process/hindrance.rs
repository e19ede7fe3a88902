//! What keeps all of a process from running, or makes it slow. Pure.

use crate::watch::evidence::process::Quota;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::Fact;
use crate::watch::judge::process::facts;
use crate::watch::judge::process::view::ProcessView;

/// That its threads wait for their memory, and how much of that is swapped out.
pub(crate) fn paging(view: &ProcessView<'_>) -> Option<Vec<Fact>> {
    let faults = view.threads.paging.clone()?;
    let swapped = view.now.swapped.filter(|bytes| *bytes > 0).map(Fact::Swapped);
    Some([faults].into_iter().chain(swapped).collect())
}

/// What keeps a process from doing anything.
pub(crate) fn helpless(view: &ProcessView<'_>, is_attended: bool) -> Option<(CauseCode, Vec<Fact>)> {
    let ProcessView { now, threads, .. } = view;
    if let Some(state @ (b'T' | b't')) = now.state.filter(|_| threads.all_stopped) {
        let mut evidence = vec![Fact::State(state)];
        evidence.extend(now.tracer.map(Fact::TracedBy));
        return Some((CauseCode::Stopped, evidence));
    }
    if now.frozen == Some(true) || threads.all_parked {
        let cgroup = now.cgroup.clone().filter(|_| now.frozen == Some(true));
        let evidence = cgroup.map_or_else(|| facts::facts(now), |path| vec![Fact::FrozenCgroup(path)]);
        return Some((CauseCode::Frozen, evidence));
    }
    if let Some(state @ (b'Z' | b'X')) = now.state.filter(|_| !is_attended) {
        return Some((CauseCode::Zombie, vec![Fact::State(state)]));
    }
    throttled(view).map(|fact| (CauseCode::Throttled, vec![fact]))
}

/// Out of quota in most of the periods of the window, and not asleep for another reason: a thread that is
/// throttled counts as one that runs.
fn throttled(view: &ProcessView<'_>) -> Option<Fact> {
    out_of_quota(view).filter(|_| !view.threads.none_runs)
}

/// Out of quota in most of the periods of the window.
pub(crate) fn out_of_quota(view: &ProcessView<'_>) -> Option<Fact> {
    let before = view.before?;
    let grown = |quota: &Quota| {
        let before = before.quotas.iter().find(|it| it.cgroup == quota.cgroup)?.throttling;
        let periods = quota.throttling.periods.checked_sub(before.periods)?;
        let throttled = quota.throttling.throttled.checked_sub(before.throttled)?;
        let is_most = throttled > 0 && throttled.saturating_mul(2) >= periods;
        is_most.then(|| Fact::Throttled { throttled, periods, cgroup: quota.cgroup.clone() })
    };
    view.now.quotas.iter().filter_map(grown).next()
}
