//! What the exit code of a scan says.

use skcheck_core::{Gap, Missing};

use crate::config::ScanConfig;

/// Some socket matched, and the caller wants to know.
const MATCHED: u8 = 1;

/// Something could not be seen, and the caller wants to know.
const INCOMPLETE: u8 = 3;

/// Of a report with these gaps, in which any socket is or none.
pub(super) fn exit_code(gaps: &[Gap], any: bool, config: &ScanConfig) -> u8 {
    let is_told = |accepted: &Vec<Missing>| gaps.iter().any(|gap| !accepted.contains(&gap.what));
    if config.strict.as_ref().is_some_and(is_told) {
        INCOMPLETE
    } else if config.exit_code && any {
        MATCHED
    } else {
        0
    }
}
