//! The rule: numbers in, verdict out.

use crate::memory::ledger::Ledger;
use crate::model::units::Bytes;
use crate::verdict::answer::{Code, VerdictReason};
use crate::verdict::evidence::Evidence;

/// Below this nothing counts as missing. Every host has some memory that no counter owns: drivers'
/// buffers, and counters that lag behind.
pub(super) fn limit(total: Bytes) -> Bytes {
    Bytes((total.0 / 100).clamp(64 << 20, 3 << 29))
}

/// What is missing, and where: taken straight from the page allocator, or on LRU lists.
struct Unowned {
    off_list: u64,
    ownerless: u64,
    limit: u64,
}

impl Unowned {
    fn all(&self) -> u64 {
        self.off_list.saturating_add(self.ownerless)
    }

    /// Whether this much explains it: at least half, and what is left is too little to matter, by itself or
    /// beside what was found.
    fn is_explained_by(&self, found: u64) -> bool {
        let left = self.all().saturating_sub(found);
        found >= self.all() / 2 && left < (self.limit / 2).max(self.all() / 5)
    }

    /// Whether so little can be of it at most that sockets are not worth a look.
    fn is_beyond(&self, most: u64) -> bool {
        most < self.limit.min(self.all() / 5)
    }

    /// Whether this much is a part of it worth a word.
    fn has_part(&self, found: u64) -> bool {
        found >= self.limit.min(self.all() / 10)
    }
}

/// Decides. What was found goes before what there is room for, and a measurement before a count.
pub(super) fn decide(ledger: &Ledger, limit: Bytes, evidence: &Evidence) -> (Code, VerdictReason) {
    let positive = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    let missing = Unowned {
        off_list: positive(ledger.unaccounted),
        ownerless: ledger.lru_ownerless.map_or(0, positive),
        limit: limit.0,
    };
    if missing.all() < limit.0 {
        return (Code::None, VerdictReason::BelowLimit);
    }
    let (found, by) = found(&missing, evidence);
    if missing.is_explained_by(found) {
        return (Code::Explains, by);
    }
    let bound = evidence.worst.map(|Bytes(worst)| worst.min(missing.off_list));
    let counted = counted(&missing, evidence, bound);
    if missing.is_explained_by(counted) {
        return (Code::Explains, VerdictReason::Counted(Bytes(counted)));
    }
    if missing.has_part(found) {
        return (Code::Partly, by);
    }
    let (most, by) = most(&missing, evidence, (found, by));
    if missing.is_beyond(most) {
        return (Code::Cannot, by);
    }
    if !missing.is_explained_by(most) {
        return (Code::Partly, by);
    }
    if missing.ownerless > missing.off_list {
        return (Code::Unseen, VerdictReason::HandedIn);
    }
    match bound {
        // Only sockets that nobody has seen are left.
        Some(_) if evidence.walked_seen => (Code::Unseen, VerdictReason::Hidden),
        Some(bound) if missing.is_explained_by(bound) => (Code::Could, VerdictReason::Bound(Bytes(bound))),
        _ => (Code::Unseen, VerdictReason::Hidden),
    }
}

/// What is known to be sockets' of what is missing, and what says so: rings, and what the walked queues have.
/// Pages of files that are still there are page cache, and nothing that is missing.
fn found(missing: &Unowned, evidence: &Evidence) -> (u64, VerdictReason) {
    let of = |found: Option<Bytes>, there: u64| found.map_or(0, |Bytes(found)| found.min(there));
    let rings = of(evidence.rings, missing.off_list);
    let walked = of(evidence.walked_off_list, missing.off_list - rings)
        + of(evidence.walked_ownerless, missing.ownerless);
    let found = Bytes(rings + walked);
    (found.0, if rings > walked { VerdictReason::Rings(found) } else { VerdictReason::Walked(found) })
}

/// What the census found in blocks of a chunk's size that nobody else can have, where sockets can have so
/// much, and rings, whose blocks may be of that size too. Where all sockets that were seen have been walked,
/// such blocks are not theirs.
fn counted(missing: &Unowned, evidence: &Evidence, bound: Option<u64>) -> u64 {
    let rings = evidence.rings.map_or(0, |Bytes(rings)| rings.min(missing.off_list));
    let chunks = evidence.chunks_beyond().map_or(0, |Bytes(chunks)| chunks.saturating_sub(rings));
    let counted = chunks.min(missing.off_list - rings);
    let is_covered = bound.is_some_and(|bound| bound >= counted);
    if is_covered && counted > 0 && !evidence.walked_seen { counted + rings } else { 0 }
}

/// The most that sockets can have of what is missing, and what says so.
fn most(missing: &Unowned, evidence: &Evidence, found: (u64, VerdictReason)) -> (u64, VerdictReason) {
    if evidence.walked_all() {
        return found;
    }
    let bound = evidence.worst.filter(|_| evidence.worst_of_all);
    let room = evidence.room;
    let (off_list, is_room) = match (bound, room) {
        (Some(bound), Some(room)) => (bound.min(room).0, room < bound),
        (Some(bound), None) => (bound.0, false),
        (None, Some(room)) => (room.0, true),
        (None, None) => (u64::MAX, false),
    };
    let off_list = off_list.saturating_add(evidence.rings_at_most()).min(missing.off_list);
    // No bound holds for pages that were handed in.
    let most = off_list.saturating_add(missing.ownerless);
    (most, if is_room { VerdictReason::Room(Bytes(most)) } else { VerdictReason::Bound(Bytes(most)) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
