//! The rings of packet sockets: memory that they share with their programs, and that no queue and no
//! charge shows.

use crate::model::units::Bytes;

/// The rings of one packet socket (`PACKET_RX_RING`, `PACKET_TX_RING`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rings {
    /// For what is received.
    pub rx: Option<Ring>,
    /// For what is to be sent.
    pub tx: Option<Ring>,
    /// How full `rx` is; `None` where nothing tells: only an [`Engine`](crate::engine::Engine) can look.
    pub fill: Option<Fill>,
}

/// How full a receive ring is, by the status of its blocks (`TPACKET_V3`) or frames: the kernel hands them to
/// the program (`TP_STATUS_USER`), and the program gives them back when it has read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fill {
    /// What is handed over: blocks of many packets, or frames of one each.
    pub by: Unit,
    /// How many there are (`pg_vec_len`, `frame_max` + 1): a count.
    pub units: u32,
    /// How many the program has and has not given back: a count.
    pub full: u32,
    /// How many packets are in these: a count.
    pub packets: u64,
    /// The kernel has found no block to fill and waits for one (`prb_freeze_queue`); of frames that is so
    /// when all are full.
    pub is_frozen: bool,
    /// Packets that found no room since the program last asked for that number (`PACKET_STATISTICS`,
    /// `packet_sock.tp_drops`): a count.
    pub drops: Option<u32>,
    /// What tells the oldest that the program has from all others.
    pub oldest: Option<Oldest>,
}

/// The oldest block or frame that a program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oldest {
    /// Its address in the kernel: that of another one after each round.
    pub address: u64,
    /// The number of the block (`tpacket_hdr_v1.seq_num`), or the time of the frame.
    pub stamp: u64,
}

/// What a ring is handed over by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Blocks: `TPACKET_V3`.
    Block,
    /// Frames: `TPACKET_V1` and `V2`.
    Frame,
}

impl Unit {
    /// `block` or `frame`.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Block => "block",
            Unit::Frame => "frame",
        }
    }
}

impl Fill {
    /// One of so many units, none of which the program has.
    pub fn empty(by: Unit, units: u32) -> Fill {
        Fill { by, units, full: 0, packets: 0, is_frozen: false, drops: None, oldest: None }
    }

    /// Whether there is no room: what comes now is dropped.
    pub fn has_no_room(&self) -> bool {
        self.is_frozen || self.full >= self.units
    }
}

/// One ring, as it was laid out (`struct tpacket_req`). It takes all its memory from the beginning, whatever
/// is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ring {
    /// Size of a block, in bytes: whole pages.
    pub block_size: u32,
    /// How many blocks.
    pub blocks: u32,
    /// How many frames in all blocks together.
    pub frames: u32,
}

impl Ring {
    /// One of so many blocks of this many bytes, with so many frames.
    pub fn new(block_size: u32, blocks: u32, frames: u32) -> Ring {
        Ring { block_size, blocks, frames }
    }
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
        check(Rings { rx: Some(ring(4096, 10)), ..Rings::default() }, 40_960);
        check(Rings { rx: Some(ring(4096, 10)), tx: Some(ring(1 << 20, 3)), fill: None }, 40_960 + (3 << 20));
        check(Rings { tx: Some(ring(3 * 4096, 2)), ..Rings::default() }, 2 * 4 * 4096);
        check(Rings { rx: Some(ring(0, 7)), tx: Some(ring(7, 0)), fill: None }, 0);
        let largest = ring(u32::MAX, u32::MAX);
        check(Rings { rx: Some(largest), tx: Some(largest), fill: None }, u64::MAX);
    }
    #[test]
    fn a_full_ring() {
        let check = |full, is_frozen, expected| {
            let fill = Fill { full, is_frozen, ..Fill::empty(Unit::Block, 16) };
            assert_eq!(fill.has_no_room(), expected, "{fill:?}");
        };
        check(0, false, false);
        check(15, false, false);
        check(16, false, true);
        check(15, true, true);
    }
}
