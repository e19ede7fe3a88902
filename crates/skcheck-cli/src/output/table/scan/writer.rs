//! What turns sockets into rows.

use crate::output::words::names::SnapshotNames;

/// Writes the rows of a table.
#[derive(Clone, Copy)]
pub(super) struct RowWriter<'a> {
    pub(super) names: SnapshotNames<'a>,
    /// Whether there is something to say about what was measured.
    pub(super) measured: bool,
}
