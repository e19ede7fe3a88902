//! Memory that belongs to nobody, beside the sockets of a scan.

use skcheck_core::verdict::{Code, judge};
use skcheck_core::{Bytes, Snapshot};

/// Memory that belongs to nobody, out of proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) bytes: Bytes,
    /// Whether sockets explain it; `None` where the query left sockets out, which could have it.
    pub(crate) code: Option<Code>,
}

impl Missing {
    /// `None` where nothing is out of proportion, or nobody can tell.
    pub(crate) fn of(snapshot: &Snapshot, narrowed: bool) -> Option<Missing> {
        let ledger = snapshot.ledger.as_ref().filter(|ledger| ledger.is_out_of_proportion())?;
        let code = (!narrowed).then(|| judge(ledger, None, snapshot).code);
        Some(Missing { bytes: ledger.nobodys(), code })
    }
}
