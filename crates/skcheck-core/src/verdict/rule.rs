//! The rule: numbers in, verdict out.

use crate::memory::ledger::Ledger;
use crate::units::Bytes;
use crate::verdict::{Code, Evidence, Reason};

/// Below this nothing counts as missing. Every host has some memory that no counter owns: drivers'
/// buffers, and counters that lag behind.
pub(super) fn limit(total: Bytes) -> Bytes {
    Bytes((total.0 / 100).clamp(64 << 20, 3 << 29))
}

/// What is missing, and where: taken straight from the page allocator, or on LRU lists.
struct Missing {
    off_list: u64,
    ownerless: u64,
    limit: u64,
}

impl Missing {
    fn all(&self) -> u64 {
        self.off_list.saturating_add(self.ownerless)
    }

    /// Whether this much explains it: at least half, and what is left is too little to matter, by itself or
    /// beside what was found.
    fn is_explained_by(&self, found: u64) -> bool {
        let left = self.all().saturating_sub(found);
        found >= self.all() / 2 && left < self.limit.max(self.all() / 5)
    }

    /// Whether this much is a part of it worth a word.
    fn has_part(&self, found: u64) -> bool {
        found >= self.all() / 10
    }
}

/// Decides. What was measured goes before what was counted, and that before what was bounded.
pub(super) fn decide(ledger: &Ledger, limit: Bytes, evidence: &Evidence) -> (Code, Reason) {
    let positive = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    let missing = Missing {
        off_list: positive(ledger.unaccounted),
        ownerless: ledger.lru_ownerless.map_or(0, positive),
        limit: limit.0,
    };
    if missing.all() < limit.0 {
        return (Code::None, Reason::BelowLimit);
    }
    let walked = walked(&missing, evidence);
    if missing.is_explained_by(walked) {
        return (Code::Explains, Reason::Walked(Bytes(walked)));
    }
    if evidence.walked_all() {
        let code = if missing.has_part(walked) { Code::Partly } else { Code::Cannot };
        return (code, Reason::Walked(Bytes(walked)));
    }
    let bound = evidence.worst.map(|Bytes(worst)| worst.min(missing.off_list));
    if let Some(Bytes(chunks)) = evidence.chunks_beyond() {
        let counted = chunks.min(missing.off_list);
        // No queue that nobody has seen can be in blocks that are not there.
        if !missing.has_part(counted.saturating_add(missing.ownerless)) {
            return (Code::Cannot, Reason::Counted(Bytes(counted)));
        }
        // Where all that were seen have been walked, such blocks are not theirs.
        let is_covered = !evidence.walked_seen && bound.is_some_and(|bound| bound >= counted);
        if is_covered && missing.is_explained_by(counted) {
            return (Code::Explains, Reason::Counted(Bytes(counted)));
        }
        if is_covered && missing.has_part(counted) {
            return (Code::Partly, Reason::Counted(Bytes(counted)));
        }
    }
    if missing.has_part(walked) && walked > 0 {
        return (Code::Partly, Reason::Walked(Bytes(walked)));
    }
    if missing.ownerless > missing.off_list {
        return (Code::Unseen, Reason::HandedIn);
    }
    match bound {
        Some(bound) if missing.is_explained_by(bound) && evidence.walked_seen => {
            (Code::Unseen, Reason::Hidden)
        }
        Some(bound) if missing.is_explained_by(bound) => (Code::Could, Reason::Bound(Bytes(bound))),
        Some(bound) if evidence.worst_of_all && missing.has_part(bound) => {
            (Code::Partly, Reason::Bound(Bytes(bound)))
        }
        Some(bound) if evidence.worst_of_all => (Code::Cannot, Reason::Bound(Bytes(bound))),
        _ => (Code::Unseen, Reason::Hidden),
    }
}

/// What the walked queues have of what is missing. Pages of files that are still there are page cache, and
/// nothing that is missing.
fn walked(missing: &Missing, evidence: &Evidence) -> u64 {
    let of = |found: Option<Bytes>, there: u64| found.map_or(0, |Bytes(found)| found.min(there));
    of(evidence.walked_off_list, missing.off_list) + of(evidence.walked_ownerless, missing.ownerless)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
