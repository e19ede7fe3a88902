//! One scan.

use skcheck_core::{Snapshot, scan_with};

use crate::commands::engine::Loaded;
use crate::commands::failure::{Failure, Outcome};
use crate::commands::scan::exit_code::exit_code;
use crate::commands::scan::writer::write;
use crate::commands::session::Session;
use crate::config::ScanConfig;
use crate::report::Circumstances;
use crate::report::scan::ScanReport;

/// Reports all that matches.
pub(super) fn run(
    session: &Session,
    config: &ScanConfig,
    missing_pid: Option<u32>,
) -> Result<Outcome, Failure> {
    let (snapshot, circumstances) = measured(session, config, missing_pid)?;
    let report = ScanReport::new(&snapshot, config.request(), circumstances);
    write(&report, config)?;
    Ok(session.outcome(exit_code(&report, config)))
}

/// Scans with the engine that was chosen. That there is none is a gap, where one was to be tried.
pub(in crate::commands) fn measured(
    session: &Session,
    config: &ScanConfig,
    missing_pid: Option<u32>,
) -> Result<(Snapshot, Circumstances), Failure> {
    let loaded = Loaded::choose(config.measuring.engine, session)?;
    let snapshot = scan_with(&session.host, &config.query, loaded.engine(), &config.measuring.limits)?;
    Ok((snapshot, loaded.circumstances(missing_pid)))
}
