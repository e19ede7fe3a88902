//! Packets as drivers hand them up: heads and fragments in pieces of the stack's chunks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;

use rustix::net::sockopt;
use skcheck_core::engine::{Packet, PageKind, Piece, Queue};
use skcheck_core::{Exact, QueueExact};

use crate::measure::{listed, listing, measured, whole};
use crate::tap::{ADDRESS, Taking, Tap};
use crate::turn;

/// What a driver carves from too.
fn chunk() -> u64 {
    crate::stall::chunk() as u64
}

fn reader() -> (UdpSocket, u16) {
    let reader = UdpSocket::bind((std::net::Ipv4Addr::from(ADDRESS), 0)).expect("the address is there");
    sockopt::set_socket_recv_buffer_size_force(&reader, 64 << 20).expect("root may");
    let port = reader.local_addr().expect("bound").port();
    (reader, port)
}

/// What the walk found, and that it agrees with the table.
fn received(reader: &UdpSocket) -> (Exact, QueueExact, Vec<Packet>) {
    let (listed, (_, exact)) = (listed(reader), measured(reader));
    let receive = whole(&exact, Queue::Receive).clone();
    assert_eq!(receive.truesize.0, u64::from(listed.socket.skmem.rmem_alloc.expect("told")));
    assert_eq!(exact.not_counted, 0, "{exact:?}");
    (exact, receive, listing(reader).packets)
}

/// Pieces of chunks lie inside their blocks, and none lies over another.
fn assert_disjoint<'p>(pieces: impl Iterator<Item = &'p Piece>) -> BTreeSet<u64> {
    let mut blocks: BTreeMap<u64, Vec<(u32, u32)>> = BTreeMap::new();
    for piece in pieces {
        assert_eq!(piece.kind, PageKind::Stack, "{piece:?}");
        let block = rustix::param::page_size() as u64 * (1 << piece.order);
        assert!(u64::from(piece.offset) + u64::from(piece.len) <= block, "{piece:?}");
        blocks.entry(piece.block).or_default().push((piece.offset, piece.offset + piece.len));
    }
    for pieces in blocks.values_mut() {
        pieces.sort_unstable();
        assert!(pieces.windows(2).all(|two| two[0].1 <= two[1].0), "{pieces:?}");
    }
    blocks.into_keys().collect()
}

/// The least and the most chunks that pieces of so many bytes together can lie in, one behind the other: each
/// CPU has a chunk of its own, and no piece lies over the end of one.
fn chunks_of(bytes: u64, largest_piece: u64) -> std::ops::RangeInclusive<u64> {
    let cpus = std::thread::available_parallelism().expect("known").get() as u64;
    bytes.div_ceil(chunk())..=bytes.div_ceil(chunk() - largest_piece) + 2 * cpus
}

#[test]
fn in_fragments() {
    let Some(_turn) = turn::beside_others("drivers::in_fragments") else { return };
    const PACKETS: u64 = 300;
    let tap = Tap::open(Taking::InFragments);
    let (reader, port) = reader();
    let slice = [b'x'; 1000];
    let slices = [&slice[..], &slice[..700], &slice[..1], &slice[..900], &slice[..]];
    let bytes: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
    for _ in 0..PACKETS {
        tap.hand_up(port, &slices);
    }
    let (exact, receive, packets) = received(&reader);
    assert_eq!((receive.packets, receive.bytes.0), (PACKETS, PACKETS * bytes));
    assert_eq!(receive.fragments, PACKETS * slices.len() as u64);
    for packet in &packets {
        let lengths: Vec<usize> = packet.fragments.iter().map(|piece| piece.len as usize).collect();
        assert_eq!(lengths, slices.map(<[u8]>::len));
    }
    let fragments = assert_disjoint(packets.iter().flat_map(|packet| &packet.fragments));
    let expected = chunks_of(PACKETS * bytes, 1000);
    assert!(expected.contains(&(fragments.len() as u64)), "{} blocks, not {expected:?}", fragments.len());
    let heads: BTreeSet<u64> = packets
        .iter()
        .map(|packet| &packet.head_piece)
        .filter(|it| it.kind.pins())
        .map(|it| it.block)
        .collect();
    let blocks: u64 = receive.pages.iter().map(|blocks| blocks.blocks).sum();
    assert_eq!(blocks, fragments.union(&heads).count() as u64);
    assert!(exact.pinned.0 >= fragments.len() as u64 * chunk(), "{exact:?}");
}

#[test]
fn in_one_piece() {
    let Some(_turn) = turn::beside_others("drivers::in_one_piece") else { return };
    const PACKETS: u64 = 1000;
    let tap = Tap::open(Taking::InOnePiece);
    let (reader, port) = reader();
    for _ in 0..PACKETS {
        tap.hand_up(port, &[&[b'x'; 1000]]);
    }
    let (exact, receive, packets) = received(&reader);
    assert_eq!((receive.packets, receive.bytes.0, receive.fragments), (PACKETS, PACKETS * 1000, 0));
    assert_eq!(exact.slab.0, 0, "{exact:?}");
    let blocks = assert_disjoint(packets.iter().map(|packet| &packet.head_piece));
    // The block of a head follows from its address alone.
    for packet in &packets {
        let block = rustix::param::page_size() as u64 * (1 << packet.head_piece.order);
        assert_eq!(packet.head % block, packet.head_piece.offset.into(), "{packet:?}");
    }
    let by_address: BTreeSet<u64> = packets.iter().map(|packet| packet.head / chunk()).collect();
    assert_eq!(blocks.len(), by_address.len());
    let length = u64::from(packets[0].head_piece.len);
    let expected = chunks_of(PACKETS * length, length);
    assert!(expected.contains(&(blocks.len() as u64)), "{} blocks, not {expected:?}", blocks.len());
    assert_eq!(exact.pinned.0, blocks.len() as u64 * chunk(), "{exact:?}");
}
