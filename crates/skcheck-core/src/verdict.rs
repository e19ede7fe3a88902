//! Do sockets explain the memory that is missing? The rule is written down in `docs/verdict.md`.

use crate::memory::census::Census;
use crate::memory::ledger::Ledger;
use crate::snapshot::Snapshot;
use crate::units::{Bytes, Payload, Truesize};

/// Judges: what belongs to nobody by this ledger, against the sockets of this snapshot (of everything:
/// thresholds and filters make it judge about what they left).
pub fn judge(ledger: &Ledger, census: Option<&Census>, snapshot: &Snapshot) -> Verdict {
    let _ = (census, snapshot);
    unseen(ledger)
}

/// The verdict where no socket could be looked at at all.
pub fn unseen(ledger: &Ledger) -> Verdict {
    let missing = ledger.nobodys();
    let limit = Bytes((ledger.total.0 / 100).clamp(64 << 20, 3 << 29));
    let is_missing = missing >= limit;
    Verdict {
        code: if is_missing { Code::Unseen } else { Code::None },
        reason: if is_missing { Reason::Hidden } else { Reason::BelowLimit },
        missing,
        limit,
        is_out_of_proportion: ledger.is_out_of_proportion(),
        evidence: Evidence { is_blind: true, ..Evidence::default() },
        suspects: Vec::new(),
    }
}

/// What the evidence says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// The answer.
    pub code: Code,
    /// Why.
    pub reason: Reason,
    /// What belongs to nobody ([`Ledger::nobodys`](crate::memory::ledger::Ledger::nobodys)).
    pub missing: Bytes,
    /// Below this nothing counts as missing: 1 % of the memory, at least 64 MiB, at most 1.5 GiB.
    pub limit: Bytes,
    /// So much is missing that something leaks.
    pub is_out_of_proportion: bool,
    /// What it stands on.
    pub evidence: Evidence,
    /// Descriptors that stand first in it, the heaviest first.
    pub suspects: Vec<Suspect>,
}

/// Whether sockets explain what is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// Nothing is missing.
    #[default]
    None,
    /// Measured: sockets have it.
    Explains,
    /// The bound reaches it; nothing measured it.
    Could,
    /// Sockets have, or can have, a part of it.
    Partly,
    /// Sockets have not got it.
    Cannot,
    /// Too little can be seen to tell.
    Unseen,
}

impl Code {
    /// `none`, `explains`, `could`, `partly`, `cannot` or `unseen`.
    pub fn name(self) -> &'static str {
        match self {
            Code::None => "none",
            Code::Explains => "explains",
            Code::Could => "could",
            Code::Partly => "partly",
            Code::Cannot => "cannot",
            Code::Unseen => "unseen",
        }
    }
}

/// What decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// What is missing is below the limit.
    #[default]
    BelowLimit,
    /// The queues were walked, and so much of it was found there.
    Walked(Bytes),
    /// The census found so much in blocks of a chunk's size, beyond what threads keep, and the bound
    /// covers it.
    Counted(Bytes),
    /// The bound alone: it reaches what is missing, or not.
    Bound(Bytes),
    /// The census found only so much in blocks of a chunk's size.
    NotInChunks(Bytes),
    /// Sockets or processes that may not be looked at could have it.
    Hidden,
    /// It lies on LRU lists, where no bound holds, and no queue was walked.
    HandedIn,
}

impl Reason {
    /// The reason's stable name, lower case, words joined by `_`.
    pub fn name(self) -> &'static str {
        match self {
            Reason::BelowLimit => "below_limit",
            Reason::Walked(_) => "walked",
            Reason::Counted(_) => "counted",
            Reason::Bound(_) => "bound",
            Reason::NotInChunks(_) => "not_in_chunks",
            Reason::Hidden => "hidden",
            Reason::HandedIn => "handed_in",
        }
    }

    /// The amount that decided, where one did.
    pub fn bytes(self) -> Option<Bytes> {
        match self {
            Reason::Walked(bytes)
            | Reason::Counted(bytes)
            | Reason::Bound(bytes)
            | Reason::NotInChunks(bytes) => Some(bytes),
            Reason::BelowLimit | Reason::Hidden | Reason::HandedIn => None,
        }
    }
}

/// The numbers that a verdict stands on. Of sockets: both sides of each, each once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// Unread payload, where it is known.
    pub unread: Payload,
    /// What the kernel charges, where it is known.
    pub charged: Truesize,
    /// What sockets can pin at worst; of the whole host where the number of its packets is known.
    pub worst: Option<Bytes>,
    /// Whether `worst` holds for all sockets of the host, seen or not.
    pub worst_of_all: bool,
    /// Pages of the network stack's own that the walked queues pin.
    pub walked_off_list: Option<Bytes>,
    /// Pages of removed files that the walked queues pin: on LRU lists, and nobody's.
    pub walked_ownerless: Option<Bytes>,
    /// Every socket was seen and every queue walked to its end.
    pub walked_all: bool,
    /// Blocks of a chunk's size on no list, in bytes.
    pub chunks: Option<Bytes>,
    /// Of these, what threads may keep for what they send next.
    pub threads_kept: Option<Bytes>,
    /// Processes or namespaces were not seen.
    pub is_blind: bool,
}

/// A descriptor that holds unread or unsent data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suspect {
    /// The process.
    pub pid: u32,
    /// Its descriptor.
    pub fd: u32,
    /// The process's name, as bytes.
    pub comm: Option<Vec<u8>>,
    /// Unread payload.
    pub unread: Option<Payload>,
    /// What the kernel charges.
    pub charged: Option<Truesize>,
    /// The pages that its queues pin, measured.
    pub pinned: Option<Bytes>,
    /// What they can pin at worst.
    pub worst: Option<Bytes>,
}
