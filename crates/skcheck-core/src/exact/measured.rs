//! What walking the queues of a socket found: sums over its packets.

use crate::engine::{Counters, PageKind, Queue};
use crate::model::direction::Direction;
use crate::model::units::{Bytes, PageSize, Payload, Truesize};

/// What the queues of one socket hold, packet by packet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exact {
    /// Each queue that has packets, and each whose walk was cut short.
    pub queues: Vec<QueueExact>,
    /// The distinct pages that the receiving side pins.
    pub pinned: Bytes,
    /// The distinct pages that the sending side pins.
    pub send_pinned: Bytes,
    /// Of the pages that the two sides pin together, those that another walked socket pins too.
    pub pinned_shared: Bytes,
    /// Pages that did not come from the network stack: handed in by sendfile, splice or MSG_ZEROCOPY.
    pub handed_in: Vec<HandedIn>,
    /// Heads that lie in slabs, in bytes: /proc/meminfo counts them in Slab. Both sides.
    pub slab: Bytes,
    /// Of these, those of the sending side.
    pub send_slab: Bytes,
    /// Pieces that are no pages (device memory), or that could not be understood: not in `pinned`.
    pub not_counted: u64,
    /// What the kernel said of the socket at the time of the walk.
    pub counters: Counters,
}

/// Pages of one kind that a program handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandedIn {
    /// Whose they are.
    pub kind: PageKind,
    /// The distinct pages of both sides.
    pub bytes: Bytes,
}

/// One queue of a socket, packet by packet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueExact {
    /// The queue.
    pub queue: Queue,
    /// How many packets.
    pub packets: u64,
    /// Their payload that has not been read.
    pub bytes: Payload,
    /// Their truesize.
    pub truesize: Truesize,
    /// Of that, what is charged to option memory instead of the queue ([`Packet::in_options`](crate::engine::Packet::in_options)).
    pub in_options: Truesize,
    /// Their fragments, heads not counted.
    pub fragments: u64,
    /// The distinct blocks of pages that they pin, by order.
    pub pages: Vec<Blocks>,
    /// Every packet was walked.
    pub complete: bool,
    /// The queue changed while it was walked, each time that it was tried.
    pub approximate: bool,
}

/// Blocks of pages of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocks {
    /// Each has two to the power of this many pages.
    pub order: u8,
    /// How many.
    pub blocks: u64,
}

impl Blocks {
    /// So many blocks of this order.
    pub fn new(order: u8, blocks: u64) -> Blocks {
        Blocks { order, blocks }
    }

    /// What they are together.
    pub fn bytes(self, page: PageSize) -> Bytes {
        Bytes(self.blocks.saturating_mul(block_bytes(self.order, page)))
    }
}

/// Why a socket's queues were not walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotMeasured {
    /// There is no engine that can.
    NoEngine,
    /// It was not asked for: of each queue the first packet alone was looked at.
    NotAsked,
    /// Heavier ones took all the time that there was.
    NoTime,
    /// The engine could not: the report's gaps say why.
    Refused,
    /// It holds nothing that can be walked.
    Empty,
    /// It was not there any more.
    Vanished,
    /// Nothing can walk its queues: those of an MPTCP socket are not like others, and one without a cookie is
    /// found through its descriptors alone.
    NotWalkable,
    /// Its queues were walked and are empty, and what it is charged lies elsewhere: it was sent and is on its
    /// way to a device, or a sockmap program has taken it.
    Elsewhere,
}

impl NotMeasured {
    /// `no_engine`, `not_asked`, `no_time`, `refused`, `empty`, `vanished`, `not_walkable` or `elsewhere`.
    pub fn name(self) -> &'static str {
        match self {
            NotMeasured::NoEngine => "no_engine",
            NotMeasured::NotAsked => "not_asked",
            NotMeasured::NoTime => "no_time",
            NotMeasured::Refused => "refused",
            NotMeasured::Empty => "empty",
            NotMeasured::Vanished => "vanished",
            NotMeasured::NotWalkable => "not_walkable",
            NotMeasured::Elsewhere => "elsewhere",
        }
    }
}

impl Exact {
    /// One queue's numbers; `None` where nothing is in it.
    pub fn queue(&self, queue: Queue) -> Option<&QueueExact> {
        self.queues.iter().find(|it| it.queue == queue)
    }

    /// Whether every packet of every queue was walked.
    pub fn is_complete(&self) -> bool {
        self.queues.iter().all(|queue| queue.complete)
    }

    /// Whether a queue changed while it was walked.
    pub fn is_approximate(&self) -> bool {
        self.queues.iter().any(|queue| queue.approximate)
    }

    /// Unread payload: what is in the receive queue.
    pub fn unread(&self) -> Payload {
        self.queue(Queue::Receive).map_or(Payload(0), |queue| queue.bytes)
    }

    /// The truesize of all packets of one side, as it is charged to that side.
    pub fn truesize(&self, direction: Direction) -> Truesize {
        let charged = self.side(direction).map(|queue| queue.truesize.0.saturating_sub(queue.in_options.0));
        Truesize(charged.fold(0, u64::saturating_add))
    }

    /// The distinct pages that one side pins.
    pub fn pinned_by(&self, direction: Direction) -> Bytes {
        match direction {
            Direction::Received => self.pinned,
            Direction::Sent => self.send_pinned,
        }
    }

    /// The heads of one side that lie in slabs.
    pub fn slab_of(&self, direction: Direction) -> Bytes {
        match direction {
            Direction::Received => Bytes(self.slab.0.saturating_sub(self.send_slab.0)),
            Direction::Sent => self.send_slab,
        }
    }

    /// The queues of one side.
    pub(super) fn side(&self, direction: Direction) -> impl Iterator<Item = &QueueExact> {
        self.queues.iter().filter(move |queue| queue.queue.direction() == direction)
    }
}

pub(super) fn block_bytes(order: u8, page: PageSize) -> u64 {
    page.0.checked_shl(u32::from(order)).unwrap_or(u64::MAX)
}
