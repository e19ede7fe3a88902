//! What packets are made of: each piece, and the block of pages that it lies in.

use std::net::UdpSocket;

use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::net::{SocketType, sockopt};
use skcheck_core::Bytes;
use skcheck_core::engine::{Limits, PageKind, Queue};

use crate::measure::{exact, here, listed, listing, measured, scan, whole};
use crate::support::loopback::send_each;
use crate::support::namespaces::run;
use crate::support::scan::get;
use crate::support::sockets::{arrived, inode, send_unix, tcp_pair_with_window, unix_pair};
use crate::turn;

/// A datagram that came in parts is one packet, whose parts hang on it, each with memory of its own.
#[test]
fn a_datagram_in_parts() {
    let Some(_turn) = turn::beside_others("pieces::a_datagram_in_parts") else { return };
    run("ip", &["link", "set", "lo", "mtu", "1500"]);
    let [reader, sender] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a free port"));
    const DATAGRAMS: u64 = 5;
    const LENGTH: usize = 20_000;
    // In a packet of 1500 bytes are 1480 of the datagram, whose header has 8.
    let parts = (LENGTH as u64 + 8).div_ceil(1480);
    send_each(0..DATAGRAMS, |_| {
        sender.send_to(&[b'x'; LENGTH], reader.local_addr().expect("bound")).expect("loopback takes it");
    });
    let (listed, (_, exact)) = (listed(&reader), measured(&reader));
    let receive = whole(&exact, Queue::Receive);
    assert_eq!((receive.packets, receive.bytes.0), (DATAGRAMS, DATAGRAMS * LENGTH as u64));
    assert_eq!(receive.truesize.0, u64::from(listed.socket.skmem.rmem_alloc.expect("told")));

    // The kernel may hang a part's data on the one before it, as a fragment.
    let packets = listing(&reader).packets;
    let hang = packets.iter().filter(|packet| packet.is_part).count() as u64;
    let pieces = packets.len() as u64 + receive.fragments;
    assert_eq!(packets.len() as u64 - hang, DATAGRAMS);
    assert!(pieces >= parts * DATAGRAMS, "{pieces} pieces of {parts} parts each: {receive:?}");
    // All of it lies somewhere.
    assert!(exact.slab.0 + exact.pinned.0 >= receive.bytes.0, "{exact:?}");
    let heads: u64 = packets.iter().map(|packet| u64::from(packet.head_piece.len)).sum();
    assert!(heads + exact.pinned.0 >= receive.bytes.0);
    assert!(packets.iter().all(|packet| packet.head_piece.kind == PageKind::Slab), "{packets:?}");
}

/// What is too large for a slab has pages of its own: as many as the kernel rounds up to.
#[test]
fn heads_too_large_for_a_slab() {
    let Some(_turn) = turn::beside_others("pieces::heads_too_large_for_a_slab") else { return };
    let (writer, reader) = unix_pair(SocketType::DGRAM);
    sockopt::set_socket_send_buffer_size_force(&writer, 4 << 20).expect("root may");
    for _ in 0..9 {
        send_unix(&writer, 10_000);
    }
    let (_, exact) = measured(&reader);
    let receive = whole(&exact, Queue::Receive);
    assert_eq!((receive.packets, receive.bytes.0, receive.fragments), (9, 90_000, 0));
    let block = 10_000_u64.next_power_of_two().max(rustix::param::page_size() as u64);
    assert_eq!((exact.pinned, exact.slab), (Bytes(9 * block), Bytes(0)), "{exact:?}");
    // The kernel charges those pages, and the packet's own structure.
    let charged = receive.truesize.0 - 9 * block;
    assert!((9 * 192..=9 * 512).contains(&charged), "{charged}");
    let packets = listing(&reader).packets;
    assert!(packets.iter().all(|packet| packet.head_piece.kind == PageKind::Large), "{packets:?}");
}

/// Small ones lie in slabs, and pin nothing of their own.
#[test]
fn small_heads() {
    let Some(_turn) = turn::beside_others("pieces::small_heads") else { return };
    let (writer, reader) = unix_pair(SocketType::DGRAM);
    for _ in 0..9 {
        send_unix(&writer, 100);
    }
    let (_, exact) = measured(&reader);
    let receive = whole(&exact, Queue::Receive);
    assert_eq!((exact.pinned, receive.fragments, &receive.pages[..]), (Bytes(0), 0, &[][..]));
    assert!((9 * 100..receive.truesize.0).contains(&exact.slab.0), "{exact:?}");
}

/// As many packets as are walked by default, each with as many fragments as it can have: they fit into the
/// walk's buffer.
#[test]
fn as_many_pieces_as_the_limit_allows() {
    let Some(_turn) = turn::alone("pieces::as_many_pieces_as_the_limit_allows") else { return };
    let page = rustix::param::page_size() as u64;
    const PAGES: u64 = 16;
    let file = memfd_create("skcheck-test", MemfdFlags::CLOEXEC).expect("this kernel has it");
    let content = vec![b'x'; usize::try_from(PAGES * page).expect("small")];
    assert_eq!(rustix::io::write(&file, &content).expect("there is memory"), content.len());
    let pair = tcp_pair_with_window(128 << 20);
    let bytes = 17 * 9_000;
    for at in 0..bytes {
        // No two bytes that follow each other lie in one page, so none share a fragment.
        let sent = sendfile(&pair.client, &file, Some(&mut (at % PAGES * page)), 1);
        assert_eq!(sent.expect("the window is open"), 1);
    }
    arrived(&pair.server, usize::try_from(bytes).expect("small"));
    let snapshot = scan(&here(), &Limits::default());
    let receive = whole(exact(get(&snapshot, inode(&pair.server))), Queue::Receive);
    assert_eq!((receive.bytes.0, receive.fragments), (bytes, bytes), "{receive:?}");
    assert!(receive.packets >= 9_000 && receive.packets <= u64::from(Limits::PACKETS), "{receive:?}");
    assert_eq!(receive.pages.iter().map(|blocks| blocks.blocks).sum::<u64>(), PAGES);
}
