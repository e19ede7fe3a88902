//! The rings of packet sockets: memory that they share with their programs, and that no queue and no
//! charge shows.

use crate::units::Bytes;

/// The rings of one packet socket (`PACKET_RX_RING`, `PACKET_TX_RING`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rings {
    /// For what is received.
    pub rx: Option<Ring>,
    /// For what is to be sent.
    pub tx: Option<Ring>,
}

/// One ring, as it was laid out (`struct tpacket_req`). It takes all its memory from the beginning, whatever
/// is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// Size of a block, in bytes: whole pages.
    pub block_size: u32,
    /// How many blocks.
    pub blocks: u32,
    /// How many frames in all blocks together.
    pub frames: u32,
}

impl Rings {
    /// What both take.
    pub fn bytes(&self) -> Bytes {
        let all = [self.rx, self.tx].into_iter().flatten().map(|ring| ring.bytes().0);
        Bytes(all.fold(0, u64::saturating_add))
    }
}

impl Ring {
    /// What it takes: a block lies in pages of its own, whose number is a power of two
    /// (`alloc_one_pg_vec_page`).
    pub fn bytes(self) -> Bytes {
        let block = u64::from(self.block_size).next_power_of_two();
        Bytes(if self.block_size == 0 { 0 } else { block.saturating_mul(u64::from(self.blocks)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rings_take() {
        let ring = |block_size, blocks| Ring { block_size, blocks, frames: 1 };
        let check = |rings: Rings, bytes| assert_eq!(rings.bytes(), Bytes(bytes), "{rings:?}");
        check(Rings::default(), 0);
        check(Rings { rx: Some(ring(4096, 10)), tx: None }, 40_960);
        check(Rings { rx: Some(ring(4096, 10)), tx: Some(ring(1 << 20, 3)) }, 40_960 + (3 << 20));
        check(Rings { rx: None, tx: Some(ring(3 * 4096, 2)) }, 2 * 4 * 4096);
        check(Rings { rx: Some(ring(0, 7)), tx: Some(ring(7, 0)) }, 0);
        let largest = ring(u32::MAX, u32::MAX);
        check(Rings { rx: Some(largest), tx: Some(largest) }, u64::MAX);
    }
}
