//! Any bytes are a record or an error, and none is dropped without a word.

use proptest::collection::vec;
use proptest::prelude::*;
use skcheck_core::engine::Step;
use zerocopy::{FromBytes, IntoBytes};

use crate::records;
use crate::wire::find::{FoundRecord, found_flag, found_kind};
use crate::wire::walk::{
    AnewRecord, PacketRecord, PieceRecord, QueueEndRecord, SocketEndRecord, list, page_kind, walk_kind,
};
use crate::wire::{FindRecord, WalkRecord, ended_slot};

/// Words of a record: mostly small, as kinds, families and lengths are.
fn words(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![4 => 0..12u32, 1 => any::<u32>()], bytes.div_ceil(4))
        .prop_map(|words| words.as_bytes().to_vec())
}

fn record<T: FromBytes + std::fmt::Debug>() -> impl Strategy<Value = T> {
    words(size_of::<T>()).prop_map(|bytes| T::read_from_prefix(&bytes).unwrap().0)
}

fn piece() -> impl Strategy<Value = PieceRecord> {
    let in_range = (0..=u32::from(u8::MAX), 0..=page_kind::SLAB);
    (record::<PieceRecord>(), in_range).prop_map(|(piece, (order, kind))| PieceRecord {
        order,
        kind,
        ..piece
    })
}

/// A packet with as many pieces as it says.
fn packet() -> impl Strategy<Value = (PacketRecord, Vec<PieceRecord>)> {
    (record::<PacketRecord>(), 0..=list::RETRANSMIT, piece(), vec(piece(), 0..46)).prop_map(
        |(packet, queue, head_piece, pieces)| {
            let fragments = u32::try_from(pieces.len()).unwrap();
            (PacketRecord { kind: walk_kind::PACKET, queue, fragments, head_piece, ..packet }, pieces)
        },
    )
}

fn packet_bytes((packet, pieces): &(PacketRecord, Vec<PieceRecord>)) -> Vec<u8> {
    [packet.as_bytes(), pieces.as_bytes()].concat()
}

/// What the programs that walk queues hand out.
fn walked() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        packet().prop_map(|packet| packet_bytes(&packet)),
        (record::<QueueEndRecord>(), 0..=list::RETRANSMIT).prop_map(|(end, queue)| {
            QueueEndRecord { kind: walk_kind::QUEUE_END, queue, ..end }.as_bytes().to_vec()
        }),
        any::<u32>().prop_map(|slot| AnewRecord { kind: walk_kind::ANEW, slot }.as_bytes().to_vec()),
        record::<SocketEndRecord>()
            .prop_map(|end| SocketEndRecord { kind: walk_kind::SOCKET_END, ..end }.as_bytes().to_vec()),
    ]
}

/// What the programs that find sockets hand out.
fn found() -> impl Strategy<Value = FoundRecord> {
    let sockets = prop_oneof![Just((1, 1, 0)), Just((2, 1, 6)), Just((10, 2, 17)), Just((2, 2, 1))];
    let kinds = found_kind::SOCKET..=found_kind::HOLDER;
    let state = 1..12u32;
    (record::<FoundRecord>(), kinds, sockets, 1..=u64::from(u32::MAX), 0..=108u32, state).prop_map(
        |(found, kind, (family, socket_type, protocol), inode, name_length, state)| FoundRecord {
            kind,
            name_length,
            inode,
            family,
            socket_type,
            protocol,
            state,
            ..found
        },
    )
}

/// Any bytes, words that may be a record, and records that lack something at the end or have more.
fn any_bytes(whole: impl Strategy<Value = Vec<u8>> + 'static) -> impl Strategy<Value = Vec<u8>> {
    let resized = (whole.boxed(), 0..40usize, any::<bool>()).prop_map(|(mut record, by, is_cut)| {
        record.resize(if is_cut { record.len().saturating_sub(by) } else { record.len() + by }, 7);
        record
    });
    prop_oneof![vec(any::<u8>(), 0..500), (0..500usize).prop_flat_map(words), resized]
}

/// How long a record must be that these bytes begin.
fn length(record: &[u8], walks: bool) -> Option<usize> {
    if !walks {
        return Some(size_of::<FoundRecord>());
    }
    let (kind, _) = u32::read_from_prefix(record).ok()?;
    Some(match kind {
        walk_kind::PACKET => {
            let (packet, _) = PacketRecord::read_from_prefix(record).ok()?;
            size_of::<PacketRecord>() + packet.fragments as usize * size_of::<PieceRecord>()
        }
        walk_kind::QUEUE_END => size_of::<QueueEndRecord>(),
        walk_kind::ANEW => size_of::<AnewRecord>(),
        walk_kind::SOCKET_END => size_of::<SocketEndRecord>(),
        _ => return None,
    })
}

proptest! {
    #[test]
    fn any_bytes_are_one_whole_record_or_none(walk in any_bytes(walked()), find in any_bytes(
        found().prop_map(|found| found.as_bytes().to_vec()),
    )) {
        if let Some((slot, decoded)) = WalkRecord::decode(&walk) {
            prop_assert_eq!(length(&walk, true), Some(walk.len()));
            prop_assert_eq!(Some(slot), u32::read_from_prefix(&walk[4..]).ok().map(|(slot, _)| slot));
            let is_end = matches!(decoded, WalkRecord::SocketEnd(_));
            prop_assert_eq!(ended_slot(&walk), is_end.then_some(slot));
        }
        if FindRecord::decode(&find).is_some() {
            prop_assert_eq!(length(&find, false), Some(find.len()));
        }
    }

    #[test]
    fn what_is_handed_out_is_understood_wherever_it_lies(record in walked(), shift in 0..8usize) {
        let shifted = [&[0; 8][..shift], &record].concat();
        let decoded = WalkRecord::decode(&shifted[shift..]);
        prop_assert!(decoded.is_some());
        prop_assert_eq!(decoded, WalkRecord::decode(&record));
    }

    #[test]
    fn no_piece_of_a_packet_is_lost(packet in packet()) {
        let Some((slot, WalkRecord::Packet(decoded))) = WalkRecord::decode(&packet_bytes(&packet)) else {
            panic!("it is a packet");
        };
        let (packet, pieces) = packet;
        prop_assert_eq!((slot, decoded.id, decoded.stamp, decoded.head), (packet.slot, packet.packet, packet.stamp, packet.head));
        prop_assert_eq!((decoded.len.0, decoded.truesize.0), (packet.length.into(), packet.truesize.into()));
        let told: Vec<_> = decoded.fragments.iter().map(|it| (it.block, u32::from(it.order), it.offset, it.len)).collect();
        let given: Vec<_> = pieces.iter().map(|it| (it.page, it.order, it.offset, it.length)).collect();
        prop_assert_eq!(told, given);
    }

    #[test]
    fn what_is_found_is_told(found in found()) {
        match FindRecord::decode(found.as_bytes()).unwrap() {
            FindRecord::Socket(told) => {
                prop_assert_eq!(told.socket.inode.map(|inode| u64::from(inode.get())), Some(found.inode));
                prop_assert_eq!(told.socket.cookie.map_or(0, |cookie| cookie.0), found.cookie);
                prop_assert_eq!(told.netns.0, u64::from(found.netns));
                prop_assert_eq!(told.holder.map_or(0, |holder| holder.pid), found.pid);
            }
            FindRecord::NamespaceFile(holder) => prop_assert_eq!(holder.pid, found.pid),
            FindRecord::Holder(inode, holder) => {
                prop_assert_eq!(u64::from(inode.get()), found.inode);
                let is_in_flight = found.flags & found_flag::IN_FLIGHT != 0;
                prop_assert_eq!(holder.via == skcheck_core::Via::InFlight, is_in_flight);
            }
        }
    }

    #[test]
    fn records_told_and_records_not_understood_are_all(walk in vec(any_bytes(walked()), 0..20)) {
        let mut told = 0;
        let walked = records::walk(&mut |_, _: Step<'_>| told += 1, |on_record| {
            walk.iter().for_each(|record| on_record(record));
            Ok(())
        });
        let lost = walk.len() - told;
        let said = walked.err().map(|error| error.to_string());
        prop_assert_eq!(said, (lost > 0).then(|| format!("unexpected: {lost} records were not understood")));
    }
}
