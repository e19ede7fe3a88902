//! What `--verbose` adds.

use crate::report::EngineUse;
use crate::report::scan::ScanReport;
use crate::text::{count, duration};

/// What looked, at how much, and for how long.
pub(super) fn verbose(report: &ScanReport<'_>) -> String {
    let snapshot = report.snapshot;
    let scanned = &snapshot.scanned;
    let looked = match snapshot.engine {
        Some(name) => name.to_owned(),
        None => format!("/proc and {}", snapshot.source.name()),
    };
    let mut line = format!(
        "Looked through {looked} at {} of {} and {}, in {}",
        count(scanned.descriptors, "descriptor"),
        count(scanned.processes, "process"),
        count(scanned.sockets, "socket"),
        duration(snapshot.duration)
    );
    if let (Some(_), EngineUse::Loaded(time)) = (snapshot.engine, report.engine) {
        line += &format!(" and {} to load it", duration(time));
    }
    line += match (snapshot.engine, report.engine) {
        (Some(_), _) => ".",
        (None, EngineUse::NotTried) => "; BPF was not tried (--engine proc).",
        (None, _) => "; BPF cannot be used here (see above).",
    };
    line
}
