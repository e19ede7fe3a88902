//! What the exit code of a scan says.

use skcheck_core::Missing;

use crate::config::ScanConfig;
use crate::report::scan::ScanReport;

/// Some socket matched, and the caller wants to know.
const MATCHED: u8 = 1;

/// Something could not be seen, and the caller wants to know.
const INCOMPLETE: u8 = 3;

pub(super) fn exit_code(report: &ScanReport<'_>, config: &ScanConfig) -> u8 {
    let is_told = |accepted: &Vec<Missing>| report.gaps.iter().any(|gap| !accepted.contains(&gap.what));
    if config.strict.as_ref().is_some_and(is_told) {
        INCOMPLETE
    } else if config.exit_code && !report.snapshot.sockets.is_empty() {
        MATCHED
    } else {
        0
    }
}
