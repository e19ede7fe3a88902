//! The answer, and what decided.

use crate::model::units::Bytes;

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
pub enum VerdictReason {
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

impl VerdictReason {
    /// `below_limit`, `walked`, `rings`, `counted`, `bound`, `room`, `hidden` or `handed_in`.
    pub fn name(self) -> &'static str {
        match self {
            VerdictReason::BelowLimit => "below_limit",
            VerdictReason::Walked(_) => "walked",
            VerdictReason::Rings(_) => "rings",
            VerdictReason::Counted(_) => "counted",
            VerdictReason::Bound(_) => "bound",
            VerdictReason::Room(_) => "room",
            VerdictReason::Hidden => "hidden",
            VerdictReason::HandedIn => "handed_in",
        }
    }

    /// How much of what is missing was found, or can be sockets'; `None` where nothing is known.
    pub fn bytes(self) -> Option<Bytes> {
        match self {
            VerdictReason::Walked(bytes)
            | VerdictReason::Rings(bytes)
            | VerdictReason::Counted(bytes)
            | VerdictReason::Bound(bytes)
            | VerdictReason::Room(bytes) => Some(bytes),
            VerdictReason::BelowLimit | VerdictReason::Hidden | VerdictReason::HandedIn => None,
        }
    }
}
