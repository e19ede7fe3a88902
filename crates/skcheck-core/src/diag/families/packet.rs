//! Packet sockets: linux/packet_diag.h.

use netlink_packet_core::NLM_F_DUMP;

use crate::diag::attributes::{attributes, cookie, decoded, u16_at, u32_at};
use crate::diag::message::{NO_COOKIE, message};
use crate::diag::record::Record;
use crate::model::endpoint::Endpoint;
use crate::model::protocol::{Family, Protocol};
use crate::model::ring::{Ring, Rings};
use crate::model::skmem::SkMem;
use crate::model::socket::{Inode, Socket};
use crate::model::state::State;

/// `AF_PACKET`.
pub(super) const FAMILY: u8 = 17;

const PACKET_DIAG_INFO: u16 = 0;
const PACKET_DIAG_RX_RING: u16 = 2;
const PACKET_DIAG_TX_RING: u16 = 3;
const PACKET_DIAG_UID: u16 = 5;
const PACKET_DIAG_MEMINFO: u16 = 6;

/// A request for every packet socket (`struct packet_diag_req`).
pub(super) fn dump(sequence: u32) -> Vec<u8> {
    const PACKET_SHOW_INFO: u32 = 1;
    const PACKET_SHOW_RING_CFG: u32 = 4;
    const PACKET_SHOW_MEMINFO: u32 = 0x10;
    let mut body = vec![FAMILY, 0, 0, 0];
    body.extend(0u32.to_ne_bytes()); // of any inode
    body.extend((PACKET_SHOW_INFO | PACKET_SHOW_RING_CFG | PACKET_SHOW_MEMINFO).to_ne_bytes());
    body.extend(NO_COOKIE);
    message(&body, NLM_F_DUMP, sequence)
}

/// `struct packet_diag_msg` and its attributes.
pub(super) fn record<'a>(payload: &'a [u8], bad_attributes: &mut u64) -> Option<Record<'a>> {
    const HEADER: usize = 16;
    let attributes = attributes(payload.get(HEADER..)?, bad_attributes);
    let mut socket = Socket::unknown(Family::Packet, Protocol::Packet, State::Close);
    socket.local = Endpoint::Packet { protocol: u16_at(payload, 2)? };
    socket.inode = Inode::new(u32_at(payload, 4)?);
    socket.cookie = cookie(payload.get(8..)?);
    let mut rings = Rings::default();
    let (mut cut, mut cut_rings) = (0, 0);
    for (kind, value) in attributes {
        match kind {
            // `pdi_index`
            PACKET_DIAG_INFO => {
                socket.interface = decoded(u32_at(value, 0), &mut cut).filter(|index| *index != 0);
            }
            PACKET_DIAG_RX_RING => rings.rx = decoded(ring(value), &mut cut_rings),
            PACKET_DIAG_TX_RING => rings.tx = decoded(ring(value), &mut cut_rings),
            PACKET_DIAG_UID => socket.uid = decoded(u32_at(value, 0), &mut cut),
            PACKET_DIAG_MEMINFO => socket.skmem = SkMem::from_bytes(value),
            _ => {}
        }
    }
    // Rings that cannot be read are not none.
    socket.rings = (cut_rings == 0).then_some(rings);
    *bad_attributes += cut + cut_rings;
    Some(Record::of(socket.with_charges_queued()))
}

/// `struct packet_diag_ring`.
fn ring(value: &[u8]) -> Option<Ring> {
    Some(Ring { block_size: u32_at(value, 0)?, blocks: u32_at(value, 4)?, frames: u32_at(value, 12)? })
}
