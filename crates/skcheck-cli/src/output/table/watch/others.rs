//! Who else stands still.

use crate::report::watch::{Standing, WatchReport, WatchRow};
use crate::text::count;

/// Who else stands still.
pub(super) fn others(report: &WatchReport<'_>, first: &WatchRow<'_>) -> Option<String> {
    let is_first = |standing| u64::from(first.standing == standing);
    let first_waits = if report.counts.listeners == 0 { is_first(Standing::NotAccepted) } else { 0 };
    let readers = report.counts.readers.saturating_sub(is_first(Standing::ReaderStalled) + first_waits);
    let listeners = report.counts.listeners.saturating_sub(is_first(Standing::NobodyAccepts));
    let readers = match readers {
        0 => None,
        1 => Some("1 more reader stands still".to_owned()),
        n => Some(format!("{n} more readers stand still")),
    };
    let more = if is_first(Standing::NobodyAccepts) == 1 { "more " } else { "" };
    let listeners = (listeners > 0).then(|| {
        let listeners = count(listeners, &format!("{more}listener"));
        format!("{} {listeners} nobody accepts", if readers.is_some() { "at" } else { "At" })
    });
    let told: Vec<String> = readers.into_iter().chain(listeners).collect();
    (!told.is_empty()).then(|| format!("{}.", told.join("; ")))
}
