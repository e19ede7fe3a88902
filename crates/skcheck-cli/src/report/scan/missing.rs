//! Memory that belongs to nobody, beside the sockets of a scan.

use skcheck_core::verdict::{Code, judge};
use skcheck_core::{Bytes, Query, Snapshot};

use crate::report::scan::request::leaves_out;

/// Memory that belongs to nobody, out of proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MissingMemory {
    pub(crate) bytes: Bytes,
    /// Whether sockets explain it; `None` where the query left sockets out, which could have it.
    pub(crate) code: Option<Code>,
}

impl MissingMemory {
    /// `None` where nothing is out of proportion, or nobody can tell.
    pub(super) fn of(snapshot: &Snapshot, query: &Query) -> Option<MissingMemory> {
        let ledger = snapshot.ledger.as_ref().filter(|ledger| ledger.is_out_of_proportion())?;
        let code = (!leaves_out(query)).then(|| judge(ledger, None, snapshot).code);
        Some(MissingMemory { bytes: ledger.nobodys(), code })
    }
}
