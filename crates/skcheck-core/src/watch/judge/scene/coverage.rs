//! Whether every place was looked at where the other end of a connection can be. Pure.

use crate::collect::scanned::Source;
use crate::model::gap::Missing;
use crate::model::place::Place;
use crate::model::table::Table;
use crate::snapshot::contents::Snapshot;

/// Whether no other end of a connection can have been missed: a process that may not be read can be in a
/// namespace of its own, and nothing may lead into one.
pub(crate) fn looked_everywhere(snapshot: &Snapshot) -> bool {
    let is_blind = |gap: &crate::model::gap::Gap| match gap.what {
        Missing::Namespaces | Missing::Processes | Missing::Peers => true,
        Missing::Table => matches!(gap.place, Place::Table(Table::Tcp(_))),
        _ => false,
    };
    snapshot.source == Source::SockDiag
        && snapshot.namespaces.iter().all(|netns| netns.own || !netns.files.is_empty())
        && !snapshot.gaps.iter().any(is_blind)
}
