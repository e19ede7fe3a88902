//! Pages that several sockets pin: each socket's sum has them, the host's has them once.

use std::io::{Read, Write};

use skcheck_core::Protocols;
use skcheck_core::engine::Queue;

use crate::measure::{ALL_PACKETS, exact, here, pages, scan, whole, within_one_percent};
use crate::stall::chunk;
use crate::support::scan::get;
use crate::support::sockets::{arrived, inode, tcp_pair};
use crate::turn;

const CHUNKS: usize = 500;

/// One thread's chunk has a byte for each of two readers, and the rest is read at once.
#[test]
fn two_readers_of_the_same_chunks() {
    let Some(_turn) = turn::beside_others("shared::two_readers_of_the_same_chunks") else { return };
    let pairs = [tcp_pair("127.0.0.1"), tcp_pair("127.0.0.1"), tcp_pair("127.0.0.1")];
    let [one, two, drained] = &pairs;
    pairs.iter().for_each(|pair| pair.client.set_nodelay(true).expect("a socket"));
    let mut rest = vec![0; chunk() - 2];
    for _ in 0..CHUNKS {
        (&one.client).write_all(&[1]).expect("the window is open");
        (&two.client).write_all(&[2]).expect("the window is open");
        (&drained.client).write_all(&rest).expect("the window is open");
        (&drained.server).read_exact(&mut rest).expect("it comes");
    }
    [one, two].iter().for_each(|pair| arrived(&pair.server, CHUNKS));

    let mut query = here();
    // What scans every namespace at the same time has a netlink socket here.
    query.protocols -= Protocols::NETLINK;
    let snapshot = scan(&query, &ALL_PACKETS);
    let [one, two] = [one, two].map(|pair| exact(get(&snapshot, inode(&pair.server))));
    let made = (CHUNKS * chunk()) as u64;
    for of in [one, two] {
        assert_eq!(whole(of, Queue::Receive).bytes.0, CHUNKS as u64);
        assert!(within_one_percent(of.pinned.0, made), "{:?} is not {made}", of.pinned);
    }
    assert!(one.pinned_shared <= one.pinned && two.pinned_shared <= two.pinned);
    assert!(within_one_percent(one.pinned_shared.0, made), "{:?} is not {made}", one.pinned_shared);
    // Exactly two sockets pin anything here, so they share the same.
    assert_eq!(one.pinned_shared, two.pinned_shared);
    let host = snapshot.pinned(|_| true);
    assert_eq!(host.0, one.pinned.0 + two.pinned.0 - one.pinned_shared.0);
    assert_eq!(snapshot.totals().pinned, Some(host));
}

/// Within one socket a chunk counts once, however many pieces of it are unread.
#[test]
fn many_pieces_of_one_chunk() {
    let Some(_turn) = turn::beside_others("shared::many_pieces_of_one_chunk") else { return };
    let mut pair = tcp_pair("127.0.0.1");
    pair.client.set_nodelay(true).expect("a socket");
    for _ in 0..100 {
        (&pair.client).write_all(&[0; 100]).expect("the window is open");
    }
    pair.send(0);
    arrived(&pair.server, 10_000);
    let (_, exact) = crate::measure::measured(&pair.server);
    let receive = whole(&exact, Queue::Receive);
    assert_eq!(receive.bytes.0, 10_000);
    // 10,000 bytes are less than a chunk, and can lie across the border of two.
    assert!(exact.pinned.0 <= 2 * chunk() as u64, "{exact:?}");
    assert!(receive.fragments >= 1, "{receive:?}");
    assert_eq!(pages(receive), exact.pinned);
}
