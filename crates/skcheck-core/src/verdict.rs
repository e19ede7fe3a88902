//! Do sockets explain the memory that is missing? The rule is written down, and argued for, in
//! `docs/verdict.md`. Pure: what it judges was read elsewhere.

mod evidence;
mod rule;

use crate::holders::Holder;
use crate::memory::census::Census;
use crate::memory::ledger::Ledger;
use crate::snapshot::{Holding, Snapshot};
use crate::units::{Bytes, Payload, Truesize};

pub use crate::verdict::evidence::unlisted;

/// What the evidence says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// The answer.
    pub code: Code,
    /// Why.
    pub reason: Reason,
    /// What belongs to nobody ([`Ledger::nobodys`]).
    pub missing: Bytes,
    /// Below this nothing counts as missing: 1 % of the memory, at least 64 MiB, at most 1.5 GiB.
    pub limit: Bytes,
    /// So much is missing that something leaks ([`Ledger::is_out_of_proportion`]).
    pub is_out_of_proportion: bool,
    /// What it stands on.
    pub evidence: Evidence,
    /// The sockets that stand first in it, the heaviest first; ten at most.
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
    /// So much of it is in rings of packet sockets, or was found in queues that were walked, the larger part
    /// in rings.
    Rings(Bytes),
    /// The census found so much of it in blocks of a chunk's size, beyond what has another owner.
    Counted(Bytes),
    /// The bound alone: so much of it can be sockets', at most.
    Bound(Bytes),
    /// The census: blocks such as packets lie in leave room for so much of it, at most.
    Room(Bytes),
    /// Sockets, processes or namespaces that may not be looked at could have it.
    Hidden,
    /// Most of it lies on LRU lists, where no bound holds, and not all queues were walked.
    HandedIn,
}

impl Reason {
    /// `below_limit`, `walked`, `rings`, `counted`, `bound`, `room`, `hidden` or `handed_in`.
    pub fn name(self) -> &'static str {
        match self {
            Reason::BelowLimit => "below_limit",
            Reason::Walked(_) => "walked",
            Reason::Rings(_) => "rings",
            Reason::Counted(_) => "counted",
            Reason::Bound(_) => "bound",
            Reason::Room(_) => "room",
            Reason::Hidden => "hidden",
            Reason::HandedIn => "handed_in",
        }
    }

    /// How much of what is missing was found, or can be sockets'; `None` where nothing is known.
    pub fn bytes(self) -> Option<Bytes> {
        match self {
            Reason::Walked(bytes)
            | Reason::Rings(bytes)
            | Reason::Counted(bytes)
            | Reason::Bound(bytes)
            | Reason::Room(bytes) => Some(bytes),
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
    /// What sockets can pin at worst, in chunks of the network stack's own; where queues were walked, what
    /// was found there instead of their bound. `None` where nothing bounds them.
    pub worst: Option<Bytes>,
    /// Whether `worst` holds for all sockets of the host, seen or not.
    pub worst_of_all: bool,
    /// Whether it is the number of packets in use on the host that `worst` comes from, and not what sockets
    /// are charged.
    pub worst_by_packets: bool,
    /// TCP memory that belongs to no socket that was seen, beyond what the kernel's counters can be off by: a
    /// part of what `worst` comes from. 0 where that is not known.
    pub unlisted: Truesize,
    /// Pages that the walked queues pin and that no counter owns: the network stack's own.
    pub walked_off_list: Option<Bytes>,
    /// Pages of removed files that the walked queues pin: on LRU lists, and nobody's.
    pub walked_ownerless: Option<Bytes>,
    /// Every queue of the sockets that were seen was walked to its end, and they are charged for no more than
    /// the 1 MiB that may always be on its way to a device.
    pub walked_seen: bool,
    /// What the walked sockets are charged for packets that were in no queue of theirs
    /// ([`Exact::elsewhere`](crate::Exact::elsewhere)), both sides.
    pub elsewhere: Truesize,
    /// There may be sockets that were not seen.
    pub is_blind: bool,
    /// What rings of packet sockets take: straight from the page allocator, and in no queue. `None` where
    /// nothing tells of some, or some namespace that was found could not be asked.
    pub rings: Option<Bytes>,
    /// What all packets of the host can pin of the blocks that the census found: each packet its largest
    /// number of pieces, each piece a block of its own, a chunk's size or smaller, the largest first.
    pub room: Option<Bytes>,
    /// What the census found that rings of packet sockets can be: pages that programs have mapped and that
    /// are on no LRU list, and all blocks on no list that are larger than a page.
    pub ring_like: Option<Bytes>,
    /// Blocks of a chunk's size on no list, by the census.
    pub chunks: Option<Bytes>,
    /// Of these at most so much is kept by threads for what they send next, sockets or not.
    pub threads_kept: Bytes,
    /// Of these at most so much is kmalloc's, which is in slab by /proc/meminfo's count.
    pub large_kmalloc: Bytes,
}

impl Evidence {
    /// Blocks of a chunk's size that neither threads nor kmalloc can have.
    pub fn chunks_beyond(&self) -> Option<Bytes> {
        let others = self.threads_kept.0.saturating_add(self.large_kmalloc.0);
        Some(Bytes(self.chunks?.0.saturating_sub(others)))
    }

    /// Every socket was seen, every queue walked to its end, and every ring is known.
    pub fn walked_all(&self) -> bool {
        self.walked_seen && !self.is_blind && self.rings.is_some()
    }

    /// The most that rings of packet sockets can be, in bytes.
    pub(crate) fn rings_at_most(&self) -> u64 {
        match self.rings {
            Some(rings) => rings.0,
            None => self.ring_like.map_or(u64::MAX, |bytes| bytes.0),
        }
    }

    /// What was measured in the queues, of both kinds.
    pub fn walked(&self) -> Option<Bytes> {
        Some(Bytes(self.walked_off_list?.0.saturating_add(self.walked_ownerless?.0)))
    }
}

/// A socket that holds unread or unsent data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suspect {
    /// A descriptor that holds it, the first where there are several; `None`: no process has one.
    pub holder: Option<Holder>,
    /// Who is behind it.
    pub holding: Holding,
    /// The process's name, as bytes.
    pub comm: Option<Vec<u8>>,
    /// Unread payload.
    pub unread: Option<Payload>,
    /// What the kernel charges, for both sides.
    pub charged: Option<Truesize>,
    /// The pages that both sides pin, measured.
    pub pinned: Option<Bytes>,
    /// Not all that it is charged was walked: it pins at least that.
    pub pinned_is_floor: bool,
    /// What both sides can pin at worst, but no more than the host's own numbers allow
    /// ([`Snapshot::capped`]).
    pub worst: Option<Bytes>,
    /// What its rings take, in no other number.
    pub rings: Option<Bytes>,
}

/// The verdict where no socket could be looked at at all.
pub fn unseen(ledger: &Ledger) -> Verdict {
    verdict(ledger, Evidence { is_blind: true, ..Evidence::default() }, Vec::new())
}

/// Judges: what belongs to nobody by this ledger, against the sockets of this snapshot. That must be of
/// everything: what a filter left out would be taken for absent.
pub fn judge(ledger: &Ledger, census: Option<&Census>, snapshot: &Snapshot) -> Verdict {
    verdict(ledger, Evidence::of(ledger, census, snapshot), evidence::suspects(snapshot))
}

fn verdict(ledger: &Ledger, evidence: Evidence, suspects: Vec<Suspect>) -> Verdict {
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
