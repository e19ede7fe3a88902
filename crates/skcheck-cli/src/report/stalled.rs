//! What two samples show of readers that stand still, as a scan would show it.

use skcheck_core::watch::progress::Reading;
use skcheck_core::watch::{Judged, Judgement, Sample};
use skcheck_core::{Gap, Missing, NotMeasured, Place, Snapshot};

/// The sockets that were asked for and that nobody reads.
pub(crate) fn of_stalled(now: &Sample, judgement: &Judgement) -> Snapshot {
    let mut snapshot = now.snapshot.clone();
    let is_wanted = |judged: &&Judged| judged.asked_for && judged.reading == Reading::Stalled;
    let stalled = judgement.sockets.iter().filter(is_wanted);
    snapshot.sockets = stalled.filter_map(|judged| now.snapshot.sockets.get(judged.now?)).cloned().collect();
    without_pages(snapshot)
}

/// The sockets that were asked for, of the first of two samples when there is no second: it does not tell who
/// stands still. `gap` is what is missing beside what the sample misses.
pub(crate) fn of_first(first: Sample, gap: Option<Gap>) -> Snapshot {
    let Sample { mut snapshot, asked_for, .. } = first;
    snapshot.sockets.truncate(asked_for);
    snapshot.gaps.extend(gap);
    snapshot.gaps.retain(|gap| gap.what != Missing::Partial);
    let remedy = "told to end; it takes two looks to tell who stands still, and this is the first: run again";
    snapshot.gaps.push(Gap::uncounted(Missing::Partial, Place::Host, remedy));
    without_pages(snapshot)
}

/// A sample walks one packet of each queue: that measures nothing.
fn without_pages(mut snapshot: Snapshot) -> Snapshot {
    for measured in snapshot.sockets.iter_mut().map(|entry| &mut entry.exact).filter(|exact| exact.is_ok()) {
        *measured = Err(NotMeasured::NotAsked);
    }
    snapshot.pages.clear();
    snapshot
}
