//! What has arrived behind a hole in a stream: charged, and in no Recv-Q.

use std::net::Ipv4Addr;

use skcheck_core::engine::{Limits, Queue};
use skcheck_core::{Direction, RecvQueue};

use crate::measure::{ALL_PACKETS, exact, here, listed, listing, measured, scan, sequence, whole};
use crate::support::loopback::send_each;
use crate::support::scan::{eventually, get};
use crate::support::sockets::{TcpPair, inode, tcp_pair_with_window};
use crate::support::tcp_packets::Wire;
use crate::turn;

/// A server with ten bytes to read, and behind a hole each these segments of so many bytes.
pub(crate) fn with_holes(segments: u32, bytes: u32) -> TcpPair {
    let wire = Wire::open();
    let mut pair = tcp_pair_with_window(64 << 20);
    pair.send(10);
    let client = pair.client.local_addr().expect("bound");
    assert_eq!(client.ip(), Ipv4Addr::LOCALHOST);
    let seen = wire.wait_for(client.port(), pair.port, 10);
    send_each(0..segments.into(), |at| {
        let at = u32::try_from(at).expect("of so many segments");
        wire.send_beyond(seen, 1 + at * (bytes + 1), bytes as usize);
    });
    pair
}

#[test]
fn segments_behind_holes() {
    let Some(_turn) = turn::beside_others("out_of_order::segments_behind_holes") else { return };
    let pair = with_holes(40, 100);
    let (listed, (_, exact)) = (listed(&pair.server), measured(&pair.server));
    assert_eq!(listed.socket.recv_q, RecvQueue::Payload(skcheck_core::Payload(10)));
    let (receive, beyond) = (whole(&exact, Queue::Receive), whole(&exact, Queue::OutOfOrder));
    assert_eq!((receive.packets, receive.bytes.0), (1, 10));
    assert_eq!((beyond.packets, beyond.bytes.0), (40, 4000));
    assert_eq!(exact.unread().0, 10);
    let charged: u64 = listed.socket.skmem.rmem_alloc.expect("told").into();
    assert_eq!(receive.truesize.0 + beyond.truesize.0, charged);
    assert_eq!(exact.truesize(Direction::Received).0, charged);
}

/// The tree of packets is walked in the order of the stream, each packet once, and to the limit.
#[test]
fn more_segments_than_the_limit() {
    let Some(_turn) = turn::alone("out_of_order::more_segments_than_the_limit") else { return };
    const SEGMENTS: u32 = 12_000;
    let pair = with_holes(SEGMENTS, 2);
    let all = eventually("all arrive", || {
        let snapshot = scan(&here(), &ALL_PACKETS);
        let beyond = whole(exact(get(&snapshot, inode(&pair.server))), Queue::OutOfOrder).clone();
        (beyond.packets == u64::from(SEGMENTS)).then_some(beyond)
    });
    assert_eq!(all.bytes.0, u64::from(SEGMENTS) * 2);
    let listing = listing(&pair.server);
    let listed: Vec<_> = listing.of_queue(Queue::OutOfOrder).collect();
    assert_eq!(listed.len(), SEGMENTS as usize);
    assert!(listed.windows(2).all(|two| sequence(two[1]).wrapping_sub(sequence(two[0])) == 3));

    let snapshot = scan(&here(), &Limits::default());
    let cut = exact(get(&snapshot, inode(&pair.server)));
    let (receive, beyond) = (whole(cut, Queue::Receive), cut.queue(Queue::OutOfOrder).expect("begun"));
    assert!(!beyond.complete && !cut.is_complete());
    assert_eq!(receive.packets + beyond.packets, Limits::PACKETS.into());
    assert!(beyond.truesize < all.truesize);
}
