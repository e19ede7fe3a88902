//! Judges a host's memory by its sockets.

use crate::memory::census::Census;
use crate::memory::ledger::Ledger;
use crate::model::units::Bytes;
use crate::snapshot::contents::Snapshot;
use crate::verdict::answer::{Code, VerdictReason};
use crate::verdict::evidence::Evidence;
use crate::verdict::numbers::gather;
use crate::verdict::rule;
use crate::verdict::suspects::{HeavySocket, suspects};

/// What the evidence says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// The answer.
    pub code: Code,
    /// Why.
    pub reason: VerdictReason,
    /// What belongs to nobody ([`Ledger::nobodys`]).
    pub missing: Bytes,
    /// Below this nothing counts as missing: 1 % of the memory, at least 64 MiB, at most 1.5 GiB.
    pub limit: Bytes,
    /// So much is missing that something leaks ([`Ledger::is_out_of_proportion`]).
    pub is_out_of_proportion: bool,
    /// What it stands on.
    pub evidence: Evidence,
    /// The sockets that stand first in it, the heaviest first; ten at most.
    pub suspects: Vec<HeavySocket>,
}

/// The verdict where no socket could be looked at at all.
pub fn unseen(ledger: &Ledger) -> Verdict {
    verdict(ledger, Evidence { is_blind: true, ..Evidence::default() }, Vec::new())
}

/// Judges: what belongs to nobody by this ledger, against the sockets of this snapshot. That must be of
/// everything: what a filter left out would be taken for absent.
pub fn judge(ledger: &Ledger, census: Option<&Census>, snapshot: &Snapshot) -> Verdict {
    verdict(ledger, gather(ledger, census, snapshot), suspects(snapshot))
}

fn verdict(ledger: &Ledger, evidence: Evidence, suspects: Vec<HeavySocket>) -> Verdict {
    let limit = rule::limit(ledger.total);
    let (code, reason) = rule::decide(ledger, limit, &evidence);
    Verdict {
        code,
        reason,
        missing: ledger.nobodys(),
        limit,
        is_out_of_proportion: ledger.is_out_of_proportion(),
        evidence,
        suspects,
    }
}
