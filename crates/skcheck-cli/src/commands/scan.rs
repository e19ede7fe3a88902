//! The main job: scan, arrange, write.

mod exit_code;
mod parts;
mod single;
mod stalled;
mod writer;

use crate::commands::absent::{missing_pid, refuse_unknown_netns};
use crate::commands::failure::{Failure, Outcome};
use crate::commands::session::Session;
use crate::config::ScanConfig;
use crate::report::scan::ScanKind;

pub(super) use crate::commands::scan::single::measured;
pub(super) use crate::commands::scan::writer::write;

/// Scans this host: once, or twice for readers that stand still.
pub(crate) fn run(config: &ScanConfig) -> Result<Outcome, Failure> {
    if let Some(contradiction) = config.measuring.contradiction() {
        return Err(Failure::Misuse(contradiction.to_owned()));
    }
    let session = Session::begin(&config.roots, config.timeout)?;
    let missing_pid = missing_pid(&session.host, &config.query);
    refuse_unknown_netns(&session.host, &config.query.netns)?;
    match config.kind {
        ScanKind::Stalled => stalled::run(&session, config, missing_pid),
        _ => single::run(&session, config, missing_pid),
    }
}
