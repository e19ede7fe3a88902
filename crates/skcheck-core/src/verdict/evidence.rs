//! The numbers that a verdict stands on.

use crate::model::units::{Bytes, Payload, Truesize};

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
    /// ([`Exact::elsewhere`](crate::exact::Exact::elsewhere)), both sides.
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
    /// Blocks of a chunk's size on no list, by the census; `None` where a chunk is one page (of 32 KiB or more), too:
    /// not only packets lie in single pages.
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
