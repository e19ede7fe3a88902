//! The short form of a watch: two looks, a second apart, and the scan's report of who read nothing.

use std::time::Duration;

use skcheck_core::watch::progress::Reading;
use skcheck_core::watch::{Judged, Probe, Sample, judge};
use skcheck_core::{Gap, Missing, NotMeasured, Snapshot};

use crate::commands::engine::Loaded;
use crate::commands::session::Session;
use crate::commands::{Failure, Outcome, scan};
use crate::config::ScanConfig;
use crate::output;
use crate::report::Report;
use crate::report::watch::WatchReport;
use crate::report::watch::history::History;

/// The time between the two looks.
const WINDOW: Duration = Duration::from_secs(1);

/// Reports the readers that stand still.
pub(crate) fn run(session: &Session, config: &ScanConfig) -> Result<Outcome, Failure> {
    let host = &session.host;
    let loaded = Loaded::choose(config.measuring.engine, session)?;
    let mut probe = Probe::new(host, config.query.clone());
    let before = probe.sample(loaded.engine(), None)?;
    match session.sleep(WINDOW) {
        Err(failure) if session.signals.code().is_none() => return Err(failure),
        Err(_) => return one_look(session, before, loaded.gap, config),
        Ok(()) => {}
    }
    let now = probe.sample(loaded.engine(), Some(&before))?;
    if session.is_whole().is_err() {
        return one_look(session, before, loaded.gap, config);
    }
    let judgement = judge(&before, &now);

    let mut history = History::default();
    history.note(&before, &now, &judgement);
    let mut watched = WatchReport::new(&now, &judgement, &history, &config.query, loaded.gap.as_ref());
    watched.missing_pid = config.missing_pid;
    let mut snapshot = now.snapshot.clone();
    let is_wanted = |judged: &&Judged| judged.asked_for && judged.reading == Reading::Stalled;
    let stalled = judgement.sockets.iter().filter(is_wanted);
    snapshot.sockets = stalled.filter_map(|judged| now.snapshot.sockets.get(judged.now?)).cloned().collect();
    forget_pages(&mut snapshot);
    snapshot.gaps.extend(loaded.gap.clone());
    let mut report = Report::new(&snapshot, &config.query, config.arrangement);
    // Most sockets are left out: what those that are left cannot explain, the others may.
    (report.narrowed, report.missing) = (true, None);
    scan::write_with(host, &report, config, |out| {
        output::watch::write_stalled(&watched, &report, config, out)
    })?;
    Ok(session.outcome(scan::code(&snapshot, config)))
}

/// Told to end before the second look: what the first one saw, which does not tell who stands still.
fn one_look(
    session: &Session,
    first: Sample,
    loading: Option<Gap>,
    config: &ScanConfig,
) -> Result<Outcome, Failure> {
    let Sample { mut snapshot, asked_for, .. } = first;
    snapshot.sockets.truncate(asked_for);
    forget_pages(&mut snapshot);
    snapshot.gaps.extend(loading);
    snapshot.gaps.retain(|gap| gap.what != Missing::Partial);
    let remedy = "it takes two looks to tell who stands still, and this is the first: run again";
    snapshot.gaps.push(Gap::uncounted(Missing::Partial, "told to end", remedy));
    scan::write(&session.host, &snapshot, config)?;
    Ok(session.outcome(0))
}

/// A sample walks one packet of each queue: that measures nothing.
fn forget_pages(snapshot: &mut Snapshot) {
    snapshot.sockets.iter_mut().for_each(|report| report.exact = Err(NotMeasured::NoEngine));
    snapshot.pages.clear();
}
