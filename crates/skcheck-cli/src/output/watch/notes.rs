//! What the table says in a word, once beneath it: why a cause is not known, and what would show it.

use std::collections::BTreeMap;

use skcheck_core::watch::cause::{Cause, CauseCode, End, Fact};
use skcheck_core::watch::evidence::Unread;

use crate::output::cells::count;
use crate::output::watch::words::missing;
use crate::report::watch::Row;

/// What keeps a cause from being known; `None` where it is.
pub(super) fn unread(cause: &Cause) -> Option<Unread> {
    let missing = cause.evidence.iter().filter_map(|fact| match fact {
        Fact::Missing(unread) => Some(*unread),
        _ => None,
    });
    missing.min().filter(|_| cause.code == CauseCode::Unknown)
}

/// A sentence for each thing that would show why some of these stand still.
pub(super) fn notes(rows: &[Row<'_>]) -> Vec<String> {
    let causes = rows.iter().filter_map(|row| match row.culprit() {
        Some((_, End::Stalled(_, cause))) => Some(cause.as_ref()),
        _ => row.judged.cause.as_ref(),
    });
    let mut by_remedy: BTreeMap<&str, u64> = BTreeMap::new();
    for remedy in causes.filter_map(|cause| missing(unread(cause)?).remedy) {
        *by_remedy.entry(remedy).or_default() += 1;
    }
    let note = |(remedy, sockets)| format!("Why is not known for {}: {remedy}.", count(sockets, "socket"));
    by_remedy.into_iter().map(note).collect()
}
