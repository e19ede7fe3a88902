//! The short form of a watch: two looks, a second apart, and the scan's report of who read nothing.

use std::time::Duration;

use skcheck_core::watch::{Probe, Sample, judge};

use crate::commands::engine::Loaded;
use crate::commands::failure::{Failure, Outcome};
use crate::commands::scan::exit_code::exit_code;
use crate::commands::scan::writer::{style, write, write_with};
use crate::commands::session::Session;
use crate::config::ScanConfig;
use crate::output::table::watch::stalled::write_stalled;
use crate::report::Circumstances;
use crate::report::scan::{ScanKind, ScanReport, ScanRequest};
use crate::report::stalled::{of_first, of_stalled};
use crate::report::watch::{History, WatchReport};

/// The time between the two looks.
const WINDOW: Duration = Duration::from_secs(1);

/// Reports the readers that stand still.
pub(super) fn run(
    session: &Session,
    config: &ScanConfig,
    missing_pid: Option<u32>,
) -> Result<Outcome, Failure> {
    let host = &session.host;
    let loaded = Loaded::choose(config.measuring.engine, session)?;
    let circumstances = loaded.circumstances(missing_pid);
    let mut probe = Probe::new(host, config.query.clone());
    let before = probe.sample(loaded.engine(), None)?;
    match session.sleep(WINDOW) {
        Err(failure) if session.signals.code().is_none() => return Err(failure),
        Err(_) => return one_look(session, before, circumstances, config),
        Ok(()) => {}
    }
    let now = probe.sample(loaded.engine(), Some(&before))?;
    if session.is_whole().is_err() {
        return one_look(session, before, circumstances, config);
    }
    let judgement = judge(&before, &now);

    let mut history = History::default();
    history.note(&before, &now, &judgement);
    let watched = WatchReport::new(&now, &judgement, &history, &config.query, &circumstances);
    let snapshot = of_stalled(&now, &judgement);
    let report = ScanReport::new(&snapshot, config.request(), circumstances.clone());
    write_with(&report, config, |out| write_stalled(&watched, &report, style(config), out))?;
    Ok(session.outcome(exit_code(&report.gaps, !report.snapshot.sockets.is_empty(), config)))
}

/// Told to end before the second look: what the first one saw, which does not tell who stands still.
fn one_look(
    session: &Session,
    first: Sample,
    circumstances: Circumstances,
    config: &ScanConfig,
) -> Result<Outcome, Failure> {
    let Circumstances { missing_pid, engine, privilege, gap } = circumstances;
    let snapshot = of_first(first, gap);
    let request = ScanRequest { kind: ScanKind::FirstLook, ..config.request() };
    let report =
        ScanReport::new(&snapshot, request, Circumstances { missing_pid, engine, privilege, gap: None });
    write(&report, config)?;
    Ok(session.outcome(0))
}
