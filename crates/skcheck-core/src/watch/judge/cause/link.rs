//! One step of a chain: who waits, for whom, and what leads from the one to the other.

use std::hash::Hash;

use crate::model::holder::Holder;
use crate::model::units::Payload;

/// What shows that it is its writing that keeps a process from reading, or its waiting for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// All its threads are blocked in writing, one of them to this descriptor; or its one thread is in
    /// waiting for an answer or a connection at this one.
    Blocked,
    /// A thread of it is blocked in that at this descriptor. Others do something else, or it is not
    /// known what they do: one of them might read.
    OneThread,
    /// It is an event loop that does not ask for data, and this descriptor takes no more. That the one is
    /// for the other is inferred.
    EventLoop,
    /// It does not ask for the socket, and has sent descriptors over this one to a child that does not take
    /// them. That the socket is among them is inferred.
    Handed,
    /// Its one thread waits in poll for one descriptor, and this is the only one at which it has asked for
    /// something. That it is this one is inferred.
    Poll,
    /// Nothing: that it waits is not known.
    Unknown,
}

impl Wait {
    /// `blocked`, `one_thread`, `event_loop`, `handed`, `poll` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Wait::Blocked => "blocked",
            Wait::OneThread => "one_thread",
            Wait::EventLoop => "event_loop",
            Wait::Handed => "handed",
            Wait::Poll => "poll",
            Wait::Unknown => "unknown",
        }
    }
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The process's descriptor that cannot write.
    pub writer: Holder,
    /// What shows that its process waits for that.
    pub wait: Wait,
    /// What it has unsent; of a unix socket what its reader has not read, as far as that is known; at
    /// [`Over::Answer`] what is unread at the other end. `None` where the kernel does not tell, and where
    /// there is nothing.
    pub unsent: Option<Payload>,
    /// What the other end took of it, bytes a second; `None` where the kernel does not tell (all but TCP and
    /// MPTCP).
    pub taken: Option<u64>,
    /// How fast the reader at the other end reads; `None` where it stands still, and where there is none.
    pub pace: Option<Pace>,
    /// The descriptor that does not read it, or too slowly; `None` where that is not on this host, or where
    /// nobody on it is known to have it.
    pub reader: Option<Holder>,
    /// What it writes to.
    pub over: Over,
    /// What singles this writer out among those of its process.
    pub pairing: Pairing,
}

impl Link {
    /// A step of a chain, over which nothing goes.
    pub(crate) fn new(
        writer: Holder,
        wait: Wait,
        unsent: Option<Payload>,
        reader: Option<Holder>,
        over: Over,
    ) -> Link {
        Link { writer, wait, unsent, taken: None, pace: None, reader, over, pairing: Pairing::Only }
    }
}

/// What leads from one process of a chain to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Over {
    /// A connection: the place of the writer's socket among those of the later sample
    /// ([`Sample::snapshot`](crate::watch::evidence::sample::Sample::snapshot)).
    Socket(usize),
    /// A pipe, a FIFO or a terminal: its place in the later sample
    /// ([`Sample::conduits`](crate::watch::evidence::sample::Sample::conduits)).
    Conduit(usize),
    /// A connection at which the process waits for an answer: the place of the socket at its other end, where
    /// what it has asked is unread.
    Answer(usize),
    /// A connection that is not there yet: the place of the listener, whose accept queue is full.
    Connect(usize),
}

impl Over {
    /// Whether it is something that cannot be written to; otherwise its process waits without writing.
    pub fn is_written(self) -> bool {
        matches!(self, Over::Socket(_) | Over::Conduit(_))
    }
}

/// Why it is this writer of a process for which this reader of it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pairing {
    /// There is no other: no other writer that stands still, no other reader that might wait for it instead.
    Only,
    /// Reader and writer are one socket, and so they are everywhere in the process.
    SameConnection,
    /// As much is read as is taken: they alone move, or move as fast as each other.
    Rates,
    /// As much was read as was written since both were opened, and of no other.
    Totals,
    /// Every other writer goes with another reader, moves while the reader stands still or the other way
    /// round, or came to stand still after it.
    Left,
    /// A hint: it is one of several that it may be ([`End::OneOf`](crate::watch::judge::cause::root::End::OneOf)), and its
    /// descriptor is next to the reader's,
    /// as those are that a proxy opens one after the other.
    Neighbours,
    /// Nothing: other readers of the process stand still too, and which of them waits for it is not known.
    Unsure,
}

impl Pairing {
    /// `only`, `same_connection`, `rates`, `totals`, `left`, `neighbours` or `unsure`.
    pub fn name(self) -> &'static str {
        match self {
            Pairing::Only => "only",
            Pairing::SameConnection => "same_connection",
            Pairing::Rates => "rates",
            Pairing::Totals => "totals",
            Pairing::Left => "left",
            Pairing::Neighbours => "neighbours",
            Pairing::Unsure => "unsure",
        }
    }
}

/// How fast a reader reads that does not stand still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Bytes that it consumed, a second; `None` where that cannot be told.
    pub consumed: Option<u64>,
    /// It can have been more.
    pub at_least: bool,
}
