//! One socket of a watch, with all that is told of it.

use std::time::Duration;

use skcheck_core::watch::Judged;
use skcheck_core::watch::cause::{End, Link, Root};
use skcheck_core::{Direction, Holder, Holding, SocketEntry};

use crate::report::watch::blame::{alike, culprit, is_inferred};
use crate::report::watch::standing::{Standing, accept_queue};
use crate::report::weight::weight;

/// One socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WatchRow<'a> {
    pub(crate) judged: &'a Judged,
    pub(crate) socket: &'a SocketEntry,
    pub(crate) standing: Standing,
    /// Who is to read it, or to accept it: the one that the cause is about, or that was asked for.
    pub(crate) holder: Option<Holder>,
    /// For how long nobody has read, or accepted, as far as was watched.
    pub(crate) stalled_for: Option<Duration>,
    /// How long the oldest unread byte, or connection, has waited at least.
    pub(crate) age: Option<Duration>,
    /// Packets that were dropped since it was first seen; `None` where the kernel does not tell.
    pub(crate) drops: Option<u64>,
}

impl<'a> WatchRow<'a> {
    pub(super) fn weight(&self) -> u64 {
        if let Some((waiting, _)) = self.accept_queue() {
            return waiting.into();
        }
        let direction = match self.standing {
            Standing::WriterStalled | Standing::WriterSlow | Standing::WriterDraining => Direction::Sent,
            _ => Direction::Received,
        };
        weight(self.socket, direction)
    }

    /// How many connections wait at a listener, and how many may.
    pub(crate) fn accept_queue(&self) -> Option<(u32, Option<u32>)> {
        accept_queue(self.socket)
    }

    /// The reader at the end of its chain, where that is another's than its own process, and how it goes;
    /// none where it is not known that it is this one which it waits for.
    pub(crate) fn culprit(&self) -> Option<(Holder, &'a End)> {
        culprit(self.judged, self.holder)
    }

    /// The descriptor that it is at; `None` where it is in a message, or waits at a listener, whose
    /// descriptor that is.
    pub(crate) fn own_fd(&self) -> Option<u32> {
        let is_elsewhere =
            matches!(self.socket.holding, Holding::InFlight { .. } | Holding::AwaitingAccept { .. });
        self.holder.filter(|_| !is_elsewhere)?.number()
    }

    /// The links of its chain; none where nothing but its own process keeps it waiting.
    pub(crate) fn links(&self) -> &'a [Link] {
        self.judged.root.as_ref().map_or(&[], |root| &root.links)
    }

    /// Whether a process on its chain is an event loop, or has other threads: that its writing is what keeps
    /// it from reading is inferred then.
    pub(crate) fn is_inferred(&self) -> bool {
        is_inferred(self.judged)
    }

    /// The other processes that hold it and stand still for the same reason: none of them waits for another.
    pub(crate) fn alike(&self) -> Vec<u32> {
        alike(self.judged)
    }

    /// Whether it is this process that does not read it, or one that stands still as well.
    pub(crate) fn concerns(&self, pid: u32) -> bool {
        self.holder.is_none_or(|holder| holder.pid == pid) || self.alike().contains(&pid)
    }

    /// Those who wait for each other, each once, beginning with its own; empty where nobody does.
    pub(crate) fn circle(&self) -> Vec<u32> {
        if !self.judged.root.as_ref().is_some_and(Root::is_circle) {
            return Vec::new();
        }
        let links = self.links().iter();
        let around = links.flat_map(|link| [Some(link.writer.pid), link.reader.map(|reader| reader.pid)]);
        let mut pids: Vec<u32> = Vec::new();
        for pid in [self.holder.map(|holder| holder.pid)].into_iter().chain(around).flatten() {
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        pids
    }
}
