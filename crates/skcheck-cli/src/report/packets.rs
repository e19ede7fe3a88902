//! The packets of one socket, summed up, and what became of them between two looks.

use std::time::Duration;

use skcheck_core::engine::{Limits, Queue};
use skcheck_core::packets::{Change, Listing};
use skcheck_core::{Blocks, Direction, Exact, Footprint, Holder, HostFacts, PageSize, QueueExact, Truesize};

/// One look at the packets of a socket.
#[derive(Debug)]
pub(crate) struct PacketsReport {
    pub(crate) holder: Holder,
    pub(crate) comm: Option<Vec<u8>>,
    pub(crate) listing: Listing,
    pub(crate) exact: Exact,
    /// What its queues hold, as a scan reports it.
    pub(crate) footprint: Footprint,
    /// The distinct blocks of pages of both sides, the largest part first.
    pub(crate) blocks: Vec<Blocks>,
    pub(crate) page_size: PageSize,
    /// No more than so many packets were asked for.
    pub(crate) is_limited: bool,
}

/// How sure the numbers of its queues are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WalkExtent {
    /// Every packet, and nothing changed meanwhile.
    Whole,
    /// Every packet, while they changed.
    Changing,
    /// There are more.
    InPart,
}

/// What became of the packets between two looks.
#[derive(Debug)]
pub(crate) struct RepeatedLook {
    pub(crate) time: Duration,
    pub(crate) change: Change,
    /// The same of the error queue.
    pub(crate) errors: Change,
    /// Bytes that the peer has acknowledged; `None` where nothing was sent, or nothing tells.
    pub(crate) taken: Option<u32>,
    /// How many looks were taken after the first.
    pub(crate) looks: usize,
    /// Whether the program has given back what it had of its ring; `None` where it had nothing, or nothing
    /// tells.
    pub(crate) ring_read: Option<bool>,
}

impl PacketsReport {
    /// Sums up a listing of no more packets than `limits` says.
    pub(crate) fn new(
        holder: Holder,
        listing: Listing,
        page_size: PageSize,
        limits: &Limits,
    ) -> PacketsReport {
        let (exact, mut blocks) = listing.sums(page_size);
        blocks.sort_by_key(|blocks| std::cmp::Reverse(blocks.bytes(page_size).0));
        let is_limited = limits.packets != u32::MAX;
        let footprint = listing.footprint(&exact, &HostFacts::assumed(page_size));
        let comm = listing.comm.clone();
        PacketsReport { holder, comm, listing, exact, footprint, blocks, page_size, is_limited }
    }

    /// How sure the numbers are.
    pub(crate) fn walked(&self) -> WalkExtent {
        match (self.exact.is_whole(&self.listing.socket), self.exact.is_approximate()) {
            (false, _) => WalkExtent::InPart,
            (true, true) => WalkExtent::Changing,
            (true, false) => WalkExtent::Whole,
        }
    }

    /// How many packets there are.
    pub(crate) fn packets(&self) -> u64 {
        self.exact.queues.iter().map(|queue| queue.packets).fold(0, u64::saturating_add)
    }

    /// What all of them take.
    pub(crate) fn truesize(&self) -> Truesize {
        Truesize(self.exact.queues.iter().map(|queue| queue.truesize.0).fold(0, u64::saturating_add))
    }

    /// The queues of one kind.
    pub(crate) fn queues(&self, is_of: fn(Queue) -> bool) -> impl Iterator<Item = &QueueExact> {
        self.exact.queues.iter().filter(move |queue| is_of(queue.queue))
    }

    /// What one side is charged for that lies in no queue of its own.
    pub(crate) fn elsewhere(&self, direction: Direction) -> Truesize {
        self.exact.elsewhere(&self.listing.socket, direction)
    }

    /// What a unix socket is charged for that waits in the queue of its peer.
    pub(crate) fn at_peer(&self) -> Option<Truesize> {
        let is_at_peer = self.listing.socket.protocol.charges_senders();
        self.footprint.sent.charged.filter(|charge| charge.0 > 0 && is_at_peer)
    }
}

impl RepeatedLook {
    /// Compares what was listed first with what is listed now, the last of so many looks.
    pub(crate) fn new(first: &Listing, now: &Listing, time: Duration, looks: usize) -> RepeatedLook {
        RepeatedLook {
            time,
            change: now.change_since(first),
            errors: now.errors_since(first),
            taken: now.taken_since(first),
            looks,
            ring_read: in_ring(first).map(|was| in_ring(now).is_none_or(|is| is.oldest != was.oldest)),
        }
    }
}

/// What a program has of a ring.
fn in_ring(listing: &Listing) -> Option<skcheck_core::Fill> {
    listing.counters.ring.filter(|fill| fill.full > 0)
}

/// Whether it shows by itself that a packet is the same as before: it has a time stamp, or lies in a ring.
pub(crate) fn is_told_apart(listing: &Listing) -> bool {
    let mut received = listing.packets.iter().filter(|packet| !packet.queue.is_sending());
    received.all(|packet| packet.stamp != 0) && !listing.packets.is_empty() || in_ring(listing).is_some()
}
