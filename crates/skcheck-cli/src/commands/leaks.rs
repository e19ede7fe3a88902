//! Who opens sockets and never releases them: look, wait, look again, write.

use skcheck_core::leaks;

use crate::commands::failure::{Failure, Outcome};
use crate::commands::session::Session;
use crate::commands::stdout;
use crate::config::{DocumentFormat, LeaksConfig};
use crate::output;
use crate::report::leaks::LeaksReport;

/// A process is listed, and the caller wants to know.
const LISTED: u8 = 1;

/// Looks at this host twice.
pub(crate) fn run(config: &LeaksConfig) -> Result<Outcome, Failure> {
    let session = Session::begin(&config.roots, config.timeout)?;
    let first = leaks::look(&session.host, config.thresholds)?;
    let leaks = match session.sleep(leaks::PAUSE) {
        Ok(()) => first.again(),
        // Told to end before the second look: what the first one saw.
        Err(_) if session.signals.code().is_some() => first.alone(),
        Err(failure) => return Err(failure),
    };
    let report = LeaksReport::new(&leaks, config.thresholds);
    stdout::write(|out| match config.format {
        DocumentFormat::Table => output::table::leaks::write(&report, config.page, out),
        DocumentFormat::Json => output::json::leaks::write(&report, out),
    })?;
    Ok(session.outcome(if config.exit_code && report.is_listed() { LISTED } else { 0 }))
}
