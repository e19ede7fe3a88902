//! What /proc tells of memory while something is made.

use skcheck_core::host::Guarded;
use skcheck_core::memory;
use skcheck_core::memory::LedgerGroup;

/// Memory that nobody uses, in bytes, with what the CPUs keep in free lists of their own: chunks
/// come from there first (`rmqueue_pcplist`).
pub(super) fn free_memory(host: &Guarded) -> Option<u64> {
    Some(memory(host, None).ok()?.ledger.group(LedgerGroup::Free).0)
}
