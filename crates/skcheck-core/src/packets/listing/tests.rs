use super::*;
use crate::engine::{PageKind, Piece};
use crate::exact::measured::Blocks;
use crate::model::protocol::{Family, Protocol};
use crate::model::state::State;
use crate::model::units::{Bytes, Payload, Truesize};

/// Packets as (id, unread bytes), each in a block of its own.
fn listing(packets: &[(u64, u64)]) -> Listing {
    let piece = |block, order, kind| Piece { block, order, kind, offset: 0, len: 1 };
    let packet = |&(id, len): &(u64, u64)| Packet {
        queue: Queue::Receive,
        is_part: false,
        in_options: false,
        id,
        stamp: id * 10,
        len: Payload(len),
        truesize: Truesize(768),
        head: 0,
        head_piece: piece(0, 0, PageKind::Slab),
        fragments: vec![piece(id, 3, PageKind::Stack)],
    };
    Listing {
        comm: None,
        socket: Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established),
        netns: NetnsId(1),
        packets: packets.iter().map(packet).collect(),
        queues: vec![QueueEnd { queue: Queue::Receive, complete: true, steady: true }],
        counters: Counters::default(),
    }
}

#[test]
fn packets_that_stay_are_told_from_those_that_went_and_came() {
    let before = listing(&[(1, 5), (2, 5), (3, 5), (4, 5)]);
    let after = listing(&[(2, 3), (3, 5), (4, 9), (5, 5), (6, 5)]);
    let change = after.change_since(&before);
    let expected = Change { before: 4, untouched: 1, grown: 1, begun: 1, gone: 1, arrived: 2 };
    assert_eq!(change, expected);
    assert!(!change.is_unread());
}

#[test]
fn what_arrives_is_no_reading() {
    let before = listing(&[(1, 5), (2, 5)]);
    let change = listing(&[(1, 5), (2, 50), (3, 5)]).change_since(&before);
    assert!(change.is_unread(), "{change:?}");
    assert!(before.change_since(&before).is_unread());
}

#[test]
fn a_buffer_that_is_used_again_is_another_packet() {
    let before = listing(&[(1, 5)]);
    let mut after = listing(&[(1, 5)]);
    after.packets[0].stamp = 99;
    assert_eq!((after.change_since(&before).gone, after.change_since(&before).arrived), (1, 1));
}

#[test]
fn a_packet_that_goes_from_one_queue_to_another_stays() {
    let mut before = listing(&[(1, 5)]);
    before.packets[0].queue = Queue::OutOfOrder;
    assert_eq!(listing(&[(1, 5)]).change_since(&before).untouched, 1);
}

#[test]
fn sums_are_those_of_a_walk() {
    let (exact, pages) = listing(&[(1, 5), (2, 6)]).sums(PageSize(4096));
    assert_eq!((exact.pinned, exact.unread()), (Bytes(65536), Payload(11)));
    assert_eq!(pages, [Blocks { order: 3, blocks: 2 }]);
    assert!(exact.is_complete());
    assert_eq!(listing(&[]).sums(PageSize(4096)).0.queues, []);
}
