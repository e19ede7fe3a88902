//! One scan.

use std::ops::ControlFlow;

use skcheck_core::{Gap, Missing, RunningTotals, Snapshot, scan_in_parts, scan_with};

use crate::commands::engine::Loaded;
use crate::commands::failure::{Failure, Outcome};
use crate::commands::scan::exit_code::exit_code;
use crate::commands::scan::parts::PartWriter;
use crate::commands::scan::writer::{write, write_gaps_aside};
use crate::commands::session::Session;
use crate::commands::stdout;
use crate::config::ScanConfig;
use crate::report::Circumstances;
use crate::report::scan::ScanReport;

/// Reports all that matches.
pub(super) fn run(
    session: &Session,
    config: &ScanConfig,
    missing_pid: Option<u32>,
) -> Result<Outcome, Failure> {
    if config.may_come_in_parts() {
        return in_parts(session, config);
    }
    let (snapshot, circumstances) = measured(session, config, missing_pid)?;
    let report = ScanReport::new(&snapshot, config.request(), circumstances);
    write(&report, config)?;
    Ok(session.outcome(exit_code(&report.gaps, !snapshot.sockets.is_empty(), config)))
}

/// Writes the report part by part, for a program: there may be very many sockets.
fn in_parts(session: &Session, config: &ScanConfig) -> Result<Outcome, Failure> {
    let loaded = Loaded::choose(config.measuring.engine, session)?;
    let (mut totals, mut any, mut scanned) = (RunningTotals::default(), false, Ok(Vec::new()));
    stdout::write(|out| {
        let mut report = PartWriter::new(config, out);
        let mut written = Ok(());
        let mut take = |part: Snapshot| {
            any |= !part.sockets.is_empty();
            part.sockets.iter().for_each(|entry| totals.add(entry));
            written = report.add(&part);
            // Nobody reads it any more, or what there is of it has to be told.
            let is_told = session.signals.code().is_some();
            if written.is_err() || is_told { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let limits = &config.measuring.limits;
        match scan_in_parts(&session.host, &config.query, loaded.engine(), limits, &mut take) {
            Ok(mut rest) => {
                written?;
                rest.gaps.extend(loaded.gap().cloned());
                if session.signals.code().is_some() && !is_partial(&rest) {
                    rest.gaps.push(Gap::cut_short());
                }
                report.finish(&rest, &totals.finish(&rest))?;
                scanned = Ok(rest.gaps);
            }
            Err(error) => scanned = Err(error),
        }
        Ok(())
    })?;
    let gaps = scanned?;
    write_gaps_aside(&gaps, config);
    Ok(session.outcome(exit_code(&gaps, any, config)))
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

fn is_partial(rest: &Snapshot) -> bool {
    rest.gaps.iter().any(|gap| gap.what == Missing::Partial)
}
