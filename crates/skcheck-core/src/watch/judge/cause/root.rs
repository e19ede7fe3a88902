//! Who keeps a socket waiting, over whom, and where that ends: plain data.

use crate::model::holder::Holder;
use crate::watch::judge::cause::fact::Cause;
use crate::watch::judge::cause::link::{Link, Pace, Pairing, Wait};
use crate::watch::judge::progress::arrival::NotArriving;

/// Who keeps a socket waiting, and over whom.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// The links from the socket's holder on: a writer that is blocked, and the reader that blocks it.
    pub links: Vec<Link>,
    /// Where they lead.
    pub end: End,
}

impl Root {
    /// A chain.
    pub(crate) fn new(links: Vec<Link>, end: End) -> Root {
        Root { links, end }
    }

    /// The reader at the end, whether it stands still or reads slowly; `None` where the chain ends elsewhere.
    pub fn reader(&self) -> Option<Holder> {
        match self.end {
            End::Stalled(reader, _) | End::Slow(reader, ..) => Some(reader),
            _ => None,
        }
    }

    /// Why the reader at the end stands still, or reads slowly; `None` where nothing shows that, and where
    /// there is none.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.end {
            End::Stalled(_, cause) | End::Slow(_, _, Some(cause)) => Some(cause),
            _ => None,
        }
    }

    /// Whether it is not known that it is this chain that keeps the socket waiting: its process has other
    /// readers that stand still.
    pub fn is_unsure(&self) -> bool {
        self.links.first().is_some_and(|link| link.pairing == Pairing::Unsure)
    }

    /// Whether the chain comes back to where it has been.
    pub fn is_circle(&self) -> bool {
        matches!(self.end, End::Circle(_))
    }

    /// What shows that its first process waits.
    pub(crate) fn begun(mut self, wait: Wait) -> Root {
        if let Some(first) = self.links.first_mut() {
            first.wait = wait;
        }
        self
    }

    /// The links from its first process on: one, or several where nothing tells which.
    pub(crate) fn begins(&self) -> impl Iterator<Item = &Link> {
        let several = if let End::OneOf(links) = &self.end { links.as_slice() } else { &[] };
        self.links.first().into_iter().chain(several.iter().filter(|_| self.links.is_empty()))
    }
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// At a reader that stands still and waits for no other, and why it does.
    Stalled(Holder, Box<Cause>),
    /// At a reader that reads, but no faster than this, and why, where its process shows that.
    Slow(Holder, Pace, Option<Box<Cause>>),
    /// At an address that no socket of this host has: every network namespace was looked at.
    OffHost,
    /// On this host, at a socket or a process that may not be seen.
    Hidden,
    /// At an address that no socket has that was looked at; not all could be.
    NotFound,
    /// At this process, which it has passed, or which others were found to come back to. Each process on the
    /// circle waits for its writing.
    Circle(u32),
    /// At a writer of which it is not the reader that keeps it waiting: what it has sent does not arrive
    /// there, or nothing comes back. The last link's `reader` is who has the other end, where that is on this
    /// host.
    NotArriving(NotArriving),
    /// It became too long to be followed.
    TooFar,
    /// Several writers of the last process may be the one that it waits for, and nothing singles one out: the
    /// link from each, the likeliest first.
    OneOf(Vec<Link>),
}
