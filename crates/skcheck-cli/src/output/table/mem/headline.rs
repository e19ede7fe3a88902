//! The answer in one line.

use skcheck_core::verdict::Code;

use crate::output::words::verdict::{answer, hog_name, suspect_name};
use crate::report::mem::{HostReport, MemReport};
use crate::text::{Charset, capitalised, size};

/// The answer in one line.
pub(super) fn headline(report: &MemReport<'_>, host: &HostReport<'_>, charset: Charset) -> String {
    let verdict = host.verdict;
    let total = size(report.ledger.total.0);
    if verdict.code == Code::None {
        let rest = match report.hog() {
            Some((hog, bytes)) => format!(", but {} holds {} of it", hog_name(hog), size(bytes.0)),
            None => String::new(),
        };
        let missing = size(verdict.missing.0);
        return format!("Memory {total}: no more than usual belongs to nobody ({missing}){rest}.");
    }
    let first = match (verdict.code, verdict.suspects.first()) {
        (Code::Explains | Code::Could | Code::Partly, Some(suspect)) => {
            format!("; {} first", suspect_name(suspect, charset))
        }
        _ => String::new(),
    };
    let missing = size(verdict.missing.0);
    format!("Memory {total}: {missing} belongs to nobody. {}{first}.", capitalised(answer(verdict.code)))
}
