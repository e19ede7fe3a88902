//! Errors and timestamps that a program asks for and does not fetch: charged, and in no Recv-Q.

use std::io::Write;

use nix::sys::socket::{TimestampingFlag, setsockopt, sockopt};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use skcheck_core::engine::Queue;
use skcheck_core::{Direction, Payload, RecvQueue};

use crate::measure::{listed, measured, whole};
use crate::support::loopback::send_each;
use crate::support::scan::eventually;
use crate::support::sockets::{drain, tcp_pair};
use crate::turn;

#[test]
fn timestamps_that_are_never_read() {
    let Some(_turn) = turn::beside_others("error_queue::timestamps_that_are_never_read") else { return };
    let pair = tcp_pair("127.0.0.1");
    pair.client.set_nodelay(true).expect("a socket");
    let wanted = TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    setsockopt(&pair.client, sockopt::Timestamping, &wanted).expect("it is a socket");
    // The queue takes no more than can be received.
    set_socket_recv_buffer_size_force(&pair.client, 4 << 20).expect("root may");
    const WRITES: usize = 1000;
    for _ in 0..WRITES {
        (&pair.client).write_all(&[b'x'; 100]).expect("the window is open");
        drain(&pair.server, 100);
    }

    let listed = eventually("all is acknowledged", || {
        let listed = listed(&pair.client);
        (listed.socket.send_q.size() == Some(0)).then_some(listed)
    });
    let (_, exact) = measured(&pair.client);
    assert_eq!(listed.socket.recv_q, RecvQueue::Payload(Payload(0)));
    assert_eq!(exact.unread(), Payload(0));
    let errors = whole(&exact, Queue::Error);
    // What a slow machine has to send again is noted once more.
    let writes = WRITES as u64;
    assert!((writes..writes + writes / 10).contains(&errors.packets), "{}", errors.packets);
    let charged = u64::from(listed.socket.skmem.rmem_alloc.expect("told"));
    assert!(charged >= errors.packets * 576, "{charged}");
    assert_eq!((errors.truesize.0, exact.truesize(Direction::Received).0), (charged, charged));
    assert_eq!(exact.queues.len(), 1, "{:?}", exact.queues);
}

/// The answer to a datagram that nobody takes.
#[test]
fn errors_of_udp_that_are_never_read() {
    let Some(_turn) = turn::beside_others("error_queue::errors_of_udp_that_are_never_read") else { return };
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    setsockopt(&socket, sockopt::Ipv4RecvErr, &true).expect("a socket");
    // Not connected: an error is for the queue alone, and sending goes on. The kernel answers not more
    // often than it likes (`net.ipv4.icmp_ratelimit`), but a few times at once.
    send_each(0..3, |_| {
        socket.send_to(&[b'x'; 500], "127.0.0.1:9").ok();
    });
    let (listed, (_, exact)) = (listed(&socket), measured(&socket));
    let errors = whole(&exact, Queue::Error);
    assert!((1..=3).contains(&errors.packets), "{errors:?}");
    assert_eq!(exact.queue(Queue::Receive), None);
    assert_eq!(exact.unread(), Payload(0));
    assert_eq!(errors.truesize, exact.counters.rmem_alloc);
    assert_eq!(listed.socket.recv_q.size(), Some(errors.truesize.0));
}
