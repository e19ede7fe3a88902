//! What waits at the sender: not sent yet, and not acknowledged.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};

use rustix::net::sockopt;
use skcheck_core::engine::Queue;
use skcheck_core::{Direction, Exact, NetnsChoice, Protocols, Query, SendQueue, SocketEntry};

use crate::measure::{ALL_PACKETS, exact, listed, measured, scan, whole};
use crate::support;
use crate::support::namespaces::{Named, connect, inside, run};
use crate::support::scan::{eventually, get};
use crate::support::sockets::{self, inode, tcp_pair};
use crate::turn;

fn send_q(report: &SocketEntry) -> u64 {
    match report.socket.send_q {
        SendQueue::Payload(bytes) => bytes.0,
        other => panic!("{other:?}"),
    }
}

/// All that is sent and not acknowledged lies in two queues, and all that is charged too.
fn assert_explained(listed: &SocketEntry, exact: &Exact) {
    let sending = exact.queues.iter().filter(|queue| queue.queue.is_sending());
    assert!(sending.clone().all(|queue| queue.complete && !queue.approximate), "{:?}", exact.queues);
    let bytes: u64 = sending.map(|queue| queue.bytes.0).sum();
    assert_eq!((bytes, exact.counters.send_q), (send_q(listed), send_q(listed)));
    let queued = u64::from(listed.socket.skmem.wmem_queued.expect("told"));
    assert_eq!((exact.truesize(Direction::Sent).0, exact.counters.wmem_queued.0), (queued, queued));
    assert!(exact.send_pinned.0 + exact.slab.0 >= bytes, "{exact:?}");
    assert!(exact.send_pinned <= listed.footprint.sent.worst.expect("known").bytes);
}

#[test]
fn the_peer_does_not_read() {
    let Some(_turn) = turn::beside_others("sending::the_peer_does_not_read") else { return };
    let pair = tcp_pair("127.0.0.1");
    let written = sockets::fill(&pair.client);
    let (listed, (_, sent)) = (listed(&pair.client), measured(&pair.client));
    let unsent = whole(&sent, Queue::Write);
    assert!(unsent.bytes.0 > 0 && unsent.packets > 0, "{sent:?}");
    assert_explained(&listed, &sent);
    assert_eq!(send_q(&listed) + sockets::unread(&pair.server), written);
    let (_, received) = measured(&pair.server);
    assert_eq!(whole(&received, Queue::Receive).bytes.0, sockets::unread(&pair.server));
    assert_eq!(received.truesize(Direction::Sent).0, 0);
}

/// A connection between two namespaces, one of which has lost its address: `bytes` are sent, and none is
/// taken.
pub(crate) fn cut_off(label: &str, bytes: usize) -> ([Named; 2], TcpStream, TcpStream) {
    let here = Named::new(&format!("{label}-a"));
    let there = Named::new(&format!("{label}-b"));
    connect((&here, "10.77.0.1"), (&there, "10.77.0.2"));
    let listener = inside(&there.file(), || TcpListener::bind("10.77.0.2:0").expect("the address is there"));
    let to = listener.local_addr().expect("bound");
    let client = inside(&here.file(), || TcpStream::connect(to).expect("it listens"));
    let (server, _) = listener.accept().expect("the client waits");
    // `connect` calls the ends `l` and `r` with the number of this process.
    run("ip", &["-n", &there.name, "addr", "flush", "dev", &format!("r{}", std::process::id())]);
    sockopt::set_socket_send_buffer_size_force(&client, 4 << 20).expect("root may");
    client.set_nonblocking(true).expect("a socket");
    let mut left = bytes;
    while left > 0 {
        match (&client).write(&vec![b'x'; left]) {
            Ok(written) => left -= written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("{left} B do not fit"),
            Err(error) => panic!("{error}"),
        }
    }
    ([here, there], client, server)
}

/// What is lost is sent again from time to time, and split up for it: until the table says the same before
/// and after the walk. Nothing else is looked at: a slow machine has to come through between two times, and
/// each pause between two is twice as long as the one before.
pub(crate) fn measured_at(stream: &TcpStream, netns: &Named) -> (SocketEntry, Exact) {
    let mut query = Query::of(Protocols::TCP);
    query.ipv6 = false;
    query.pids = vec![std::process::id()];
    query.netns = NetnsChoice::OfFile(netns.path());
    let listed = || get(&support::scan::run(&query), inode(stream)).clone();
    eventually("nothing is sent again meanwhile", || {
        let before = listed();
        let exact = exact(get(&scan(&query, &ALL_PACKETS), inode(stream))).clone();
        // What is on its way again is charged for that too: `wmem_alloc`, which is not compared.
        let queued = |report: &SocketEntry| (send_q(report), report.socket.skmem.wmem_queued);
        (queued(&before) == queued(&listed())).then_some((before, exact))
    })
}

/// As much as may be in flight: nothing is left to be sent.
#[test]
fn nothing_is_acknowledged() {
    let Some(_turn) = turn::beside_others("sending::nothing_is_acknowledged") else { return };
    let ([here, _there], client, _server) = cut_off("few", 5000);
    let (listed, exact) = eventually("all is sent", || {
        let (listed, exact) = measured_at(&client, &here);
        exact.queue(Queue::Write).is_none().then_some((listed, exact))
    });
    assert_eq!(whole(&exact, Queue::Retransmit).bytes.0, 5000);
    assert_eq!(send_q(&listed), 5000);
    assert_explained(&listed, &exact);
}

/// More than that: some is in flight, the rest waits.
#[test]
fn some_in_flight_and_the_rest_unsent() {
    let Some(_turn) = turn::beside_others("sending::some_in_flight_and_the_rest_unsent") else { return };
    let ([here, _there], client, server) = cut_off("much", 1_000_000);
    let (listed, exact) = measured_at(&client, &here);
    let (unsent, in_flight) = (whole(&exact, Queue::Write), whole(&exact, Queue::Retransmit));
    assert!(unsent.bytes.0 > in_flight.bytes.0, "{exact:?}");
    assert_eq!(send_q(&listed), 1_000_000);
    assert_explained(&listed, &exact);
    assert_eq!(sockets::unread(&server), 0);
}
