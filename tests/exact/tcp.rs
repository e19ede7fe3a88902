//! Unread TCP segments, very many and very small.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, ipproto, sockopt};
use skcheck_core::engine::{Limits, Queue};
use skcheck_core::{Payload, RecvQueue};

use crate::measure::{ALL_PACKETS, exact, here, listed, listing, measured, scan, sequence, whole};
use crate::support::loopback::send_each;
use crate::support::namespaces::run;
use crate::support::scan::get;
use crate::support::sockets::{TcpPair, arrived, drain, inode, socket_of, tcp_pair_with_window, unread};
use crate::turn;

const SEGMENTS: usize = 50_000;

/// Makes each write to loopback a segment of its own, from the first on: a window for all of them, and each
/// acknowledged at once. Without that most wait for an acknowledgement, and are merged while they do.
fn send_at_once(client: &TcpStream) {
    client.set_nodelay(true).expect("a socket");
    // What others do to the congestion window depends on the time.
    sockopt::set_tcp_congestion(client, "reno").expect("every kernel has it");
}

fn open_windows() {
    let route = "local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1";
    let arguments = format!("route replace {route} initcwnd 65535 quickack 1");
    run("ip", &arguments.split(' ').collect::<Vec<_>>());
}

/// While this raw socket is not read it has a clone of every packet, and the kernel merges no packet that
/// has a clone (`skb_try_coalesce`).
fn keep_apart() -> OwnedFd {
    let raw = socket_of(AddressFamily::INET, SocketType::RAW, Some(ipproto::TCP));
    sockopt::set_socket_recv_buffer_size_force(&raw, 512 << 20).expect("root may");
    raw
}

/// A server that has not read so many writes of `size` bytes, each sent at once.
fn unread_segments(size: usize) -> TcpPair {
    open_windows();
    let pair = tcp_pair_with_window(256 << 20);
    send_at_once(&pair.client);
    let piece = vec![b'x'; size];
    // What has not gone out yet gets what is written next.
    send_each(0..SEGMENTS as u64, |_| (&pair.client).write_all(&piece).expect("the window is open"));
    arrived(&pair.server, SEGMENTS * size);
    assert_eq!(unread(&pair.server), (SEGMENTS * size) as u64);
    pair
}

/// Returns how many packets hold them.
fn every_byte_is_found(size: usize) -> u64 {
    let pair = unread_segments(size);
    let (listed, (report, exact)) = (listed(&pair.server), measured(&pair.server));
    let bytes = Payload((SEGMENTS * size) as u64);
    let receive = whole(&exact, Queue::Receive);
    assert_eq!((receive.bytes, exact.unread()), (bytes, bytes));
    assert_eq!((listed.socket.recv_q, exact.counters.recv_q), (RecvQueue::Payload(bytes), bytes.0));
    assert_eq!(unread(&pair.server), bytes.0);
    let charged = listed.socket.skmem.rmem_alloc.expect("told").into();
    assert_eq!((receive.truesize.0, exact.counters.rmem_alloc.0), (charged, charged));
    // The kernel may merge segments; it never splits them.
    assert!((1..=SEGMENTS as u64).contains(&receive.packets), "{receive:?}");
    assert!(receive.truesize.0 >= receive.packets * 576, "{receive:?}");
    assert_eq!(exact.queues.len(), 1, "only the receive queue holds anything: {:?}", exact.queues);
    assert_eq!((exact.send_pinned.0, exact.not_counted, &exact.handed_in[..]), (0, 0, &[][..]));
    // The payload lies somewhere, and no more is pinned than can be.
    assert!(exact.pinned.0 + exact.slab.0 >= bytes.0, "{exact:?}");
    let worst = report.footprint.received.worst.expect("known").bytes;
    assert!(exact.pinned <= worst, "{exact:?} is above {worst:?}");
    receive.packets
}

#[test]
fn segments_of_100_bytes() {
    let Some(_turn) = turn::alone("tcp::segments_of_100_bytes") else { return };
    every_byte_is_found(100);
}

#[test]
fn segments_of_one_byte() {
    let Some(_turn) = turn::alone("tcp::segments_of_one_byte") else { return };
    every_byte_is_found(1);
}

#[test]
fn segments_of_100_bytes_kept_apart() {
    let Some(_turn) = turn::alone("tcp::segments_of_100_bytes_kept_apart") else { return };
    let _raw = keep_apart();
    assert_eq!(every_byte_is_found(100), SEGMENTS as u64);
}

/// Each packet begins where the one before it ends: none is missing, none is there twice. And the walk
/// stops at the limit: what it found by then is a floor, and it says so.
#[test]
fn segments_of_one_byte_kept_apart() {
    let Some(_turn) = turn::alone("tcp::segments_of_one_byte_kept_apart") else { return };
    let _raw = keep_apart();
    let pair = unread_segments(1);
    let listing = listing(&pair.server);
    let packets: Vec<_> = listing.of_queue(Queue::Receive).filter(|packet| !packet.is_part).collect();
    for two in packets.windows(2) {
        let length = sequence(two[1]).wrapping_sub(sequence(two[0]));
        assert_eq!(u64::from(length), two[0].len.0, "{two:?}");
    }
    assert_eq!(packets.iter().map(|packet| packet.len.0).sum::<u64>(), SEGMENTS as u64);
    assert_eq!(packets.iter().map(|packet| packet.truesize.0).sum::<u64>(), listing.counters.rmem_alloc.0);

    let limits = Limits::default();
    let (all, floor) = (scan(&here(), &ALL_PACKETS), scan(&here(), &limits));
    let [all, cut] = [&all, &floor].map(|snapshot| exact(get(snapshot, inode(&pair.server))));
    let (all, receive) = (whole(all, Queue::Receive), cut.queue(Queue::Receive).expect("begun"));
    assert_eq!((all.packets, packets.len()), (SEGMENTS as u64, SEGMENTS));
    assert!(!cut.is_complete() && !receive.complete && !receive.approximate);
    assert_eq!(receive.packets, limits.packets.into());
    let first = packets.iter().take(limits.packets as usize);
    assert_eq!(receive.bytes.0, first.clone().map(|packet| packet.len.0).sum::<u64>());
    assert_eq!(receive.truesize.0, first.map(|packet| packet.truesize.0).sum::<u64>());
    assert!(receive.bytes < all.bytes && receive.truesize < all.truesize);
    // The payload is known from the table all the same.
    let report = get(&floor, inode(&pair.server));
    assert_eq!(report.footprint.received.payload, Some(Payload(SEGMENTS as u64)));
}

/// A reader that is in the middle of a packet: what it has read of it is not unread.
#[test]
fn a_packet_read_in_part() {
    let Some(_turn) = turn::beside_others("tcp::a_packet_read_in_part") else { return };
    let mut pair = tcp_pair_with_window(1 << 20);
    pair.send(30_000);
    pair.send(30_000);
    for read in [1, 9_999, 25_000] {
        drain(&pair.server, read);
        let (listed, (_, exact)) = (listed(&pair.server), measured(&pair.server));
        let receive = whole(&exact, Queue::Receive);
        assert_eq!(receive.bytes.0, unread(&pair.server));
        assert_eq!(listed.socket.recv_q, RecvQueue::Payload(receive.bytes));
        assert_eq!(receive.truesize.0, u64::from(listed.socket.skmem.rmem_alloc.expect("told")));
    }
    assert_eq!(unread(&pair.server), 25_000);
}
