//! The rings of a packet socket.

use serde::Serialize;
use skcheck_core::{Fill, Ring, Rings};

#[derive(Serialize)]
pub(super) struct RingsJson {
    rx: Option<RingJson>,
    tx: Option<RingJson>,
}

#[derive(Serialize)]
struct RingJson {
    block_size: u32,
    blocks: u32,
    frames: u32,
    bytes: u64,
    fill: Option<FillJson>,
}

#[derive(Serialize)]
pub(super) struct FillJson {
    by: &'static str,
    units: u32,
    full: u32,
    packets: u64,
    no_room: bool,
    drops: Option<u32>,
}

impl RingsJson {
    pub(super) fn new(rings: Rings) -> RingsJson {
        let ring = |ring: Ring, fill: Option<Fill>| RingJson {
            block_size: ring.block_size,
            blocks: ring.blocks,
            frames: ring.frames,
            bytes: ring.bytes().0,
            fill: fill.map(FillJson::new),
        };
        RingsJson { rx: rings.rx.map(|it| ring(it, rings.fill)), tx: rings.tx.map(|it| ring(it, None)) }
    }
}

impl FillJson {
    pub(super) fn new(fill: Fill) -> FillJson {
        FillJson {
            by: fill.by.name(),
            units: fill.units,
            full: fill.full,
            packets: fill.packets,
            no_room: fill.has_no_room(),
            drops: fill.drops,
        }
    }
}
