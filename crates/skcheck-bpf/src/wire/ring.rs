//! What is told of the receive ring of a packet socket.

use skcheck_core::{Fill, Oldest, Unit};

use crate::wire::bytes::{numbers, records};

records! {
    /// How full it is.
    RingRecord is "ring_told" {
        /// The address of the oldest block or frame that the program has.
        oldest: u64,
        /// Its number or time.
        stamp: u64,
        /// How many packets are in all that the program has.
        packets: u64,
        flags: u32,
        units: u32,
        full: u32,
        drops: u32,
    }
}

numbers! {
    ring_flag: u32 { RING_TOLD = 1, BY_BLOCK = 2, FROZEN = 4, DROPS_TOLD = 8 }
}

impl RingRecord {
    /// `None`: there is no ring, or nothing tells.
    pub(crate) fn fill(&self) -> Option<Fill> {
        let has = |flag: u32| self.flags & flag != 0;
        let unit = if has(ring_flag::BY_BLOCK) { Unit::Block } else { Unit::Frame };
        let mut fill = Fill::empty(unit, self.units);
        fill.full = self.full;
        fill.packets = self.packets;
        fill.is_frozen = has(ring_flag::FROZEN);
        fill.drops = has(ring_flag::DROPS_TOLD).then_some(self.drops);
        fill.oldest = (self.full > 0).then_some(Oldest { address: self.oldest, stamp: self.stamp });
        has(ring_flag::RING_TOLD).then_some(fill)
    }
}
