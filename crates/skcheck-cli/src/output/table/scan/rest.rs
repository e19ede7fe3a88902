//! What is not shown, in words.

use crate::output::table::scan::amount::amount;
use crate::report::scan::{GroupBy, ScanReport};
use crate::text::{count, size};

/// What is not shown, in one line.
pub(super) fn rest(report: &ScanReport<'_>) -> Option<String> {
    let rest = &report.rest;
    if rest.count == 0 {
        return None;
    }
    let what = match report.request.arrangement.by {
        GroupBy::Process => count(rest.count, "process"),
        GroupBy::Socket => count(rest.count, "socket"),
        GroupBy::Container => count(rest.count, "container"),
        GroupBy::Pod => count(rest.count, "pod"),
        GroupBy::Netns => count(rest.count, "network namespace"),
        GroupBy::Cgroup => count(rest.count, "cgroup"),
    };
    let closed = match rest.sums.closed_held {
        0 => String::new(),
        n => format!(", and {} of unknown size", count(n, "closed socket")),
    };
    let (_, side) = rest.sums.larger();
    let rings = match rest.sums.rings.known {
        0 => String::new(),
        rings => format!(", rings of {}", size(rings)),
    };
    let charged = match (amount(side.charged), side.charged.unknown) {
        (Some(charged), _) => format!("charged {charged}"),
        (None, 0) => "charged nothing".to_owned(),
        (None, _) => "their charge unknown".to_owned(),
    };
    Some(format!("{what} more: {charged}{rings}{closed} (--top 0 shows all)."))
}
