//! What was seen of a host at one time: plain data.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::model::units::Pages;
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::SocketEntry;
use crate::watch::evidence::conduit::Conduit;
use crate::watch::evidence::key::SocketKey;
use crate::watch::evidence::process::ProcessEvidence;

/// What was seen at one time.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sample {
    /// The time of day.
    pub taken_at: SystemTime,
    /// When its scan began, on a clock that never goes back: since the watch began. Each socket's numbers
    /// were read [`read_after`](SocketEntry::read_after) that.
    pub at: Duration,
    /// The sockets of the whole host that hold something, those that were asked for first: who keeps whom
    /// waiting can lead over any. Those that hold nothing are here only where they were asked for.
    pub snapshot: Snapshot,
    /// How many of them were asked for: they match the query of the probe.
    pub asked_for: usize,
    /// Sockets of the sample before that hold nothing now: whether a descriptor of their holder still
    /// refers to them. Those that are neither here nor in `snapshot` were not looked for.
    pub drained: BTreeMap<SocketKey, StillOpen>,
    /// The first packet in the receive queue of sockets whose record does not tell what was consumed (UDP,
    /// unix, and TCP that is closed and held), where an engine walked it; of a ring its oldest block or
    /// frame. The same in two samples: nobody has read.
    pub first_packets: BTreeMap<SocketKey, FirstPacket>,
    /// What processes were doing, by pid, the heaviest only. Closely: the holders of readers that have not
    /// moved since the sample before, and from them on, from process to process, those at the other end of
    /// what cannot be written. Not closely: the other holders of unread data.
    pub processes: BTreeMap<u32, ProcessEvidence>,
    /// Pipes, FIFOs and terminals that threads of `processes` are blocked in writing to; those that read
    /// them are looked at closely, too.
    pub conduits: Vec<Conduit>,
    /// Connections that hold nothing and that nobody has accepted, of those at which threads of `processes`
    /// wait for an answer.
    pub awaited: Vec<SocketEntry>,
    /// Memory of TCP on the whole host, and where the kernel begins to hold back.
    pub tcp_memory: Option<(Pages, Option<Pages>)>,
}

impl Sample {
    /// The sockets that were asked for.
    pub fn asked_for(&self) -> &[SocketEntry] {
        self.snapshot.sockets.get(..self.asked_for).unwrap_or(&self.snapshot.sockets)
    }

    /// The first packet of a socket of this sample, where it is known. A socket can have another key in the next
    /// one: its cookie may only have come then.
    pub(crate) fn first_packet(&self, entry: &SocketEntry) -> Option<FirstPacket> {
        self.first_packets.get(&SocketKey::of(entry)?).copied()
    }
}

/// Whether a socket that holds nothing any more is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StillOpen {
    /// Its descriptor still refers to it: it was read empty.
    Yes,
    /// Its descriptor refers to something else, or its process is gone.
    No,
    /// It had no descriptor, or that may not be looked at.
    Unknown,
}

/// What tells a packet from those that come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FirstPacket {
    /// Its address in the kernel: a number that another packet can have later.
    pub id: u64,
    /// Its time stamp; 0 where it has none.
    pub stamp: u64,
    /// What is left of it to read, in bytes, and its truesize.
    pub size: (u64, u64),
}
