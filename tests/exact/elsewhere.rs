//! Packets that a socket is charged for and that lie in no queue of its own: what was found there is not all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use rustix::net::sockopt;
use skcheck_core::Direction;
use skcheck_core::engine::Queue;
use skcheck_core::verdict::judge;
use skcheck_core::{
    Live, NetnsChoice, NotMeasured, PageSize, Payload, Query, SocketEntry, Truesize, memory, packets,
};

use crate::measure::{ALL_PACKETS, engine, exact, here, listed, listing, measured, scan, whole};
use crate::sockmap::Sockmap;
use crate::support::child::no_child_is_born;
use crate::support::loopback::send_each;
use crate::support::namespaces::{Named, connect, inside, run};
use crate::support::scan::{eventually, get, mine};
use crate::support::skip::{Skip, kernel, skip};
use crate::support::sockets::{inode, tcp_pair_with_window};
use crate::turn;

fn page_size() -> PageSize {
    PageSize(rustix::param::page_size() as u64)
}

fn charged(report: &SocketEntry) -> u64 {
    report.footprint.received.charged.expect("told").0
}

/// What a sockmap program has taken is charged to the socket and in none of its queues: nothing was measured,
/// the charge stands, and no verdict calls the socket walked.
#[test]
fn what_a_sockmap_has_taken() {
    if kernel() < [5, 13] {
        return skip(Skip::NeedsKernel([5, 13], "a sockmap that takes all it is given (BPF_SK_SKB_VERDICT)"));
    }
    let Some(_turn) = turn::alone("elsewhere::what_a_sockmap_has_taken") else { return };
    const SENT: usize = 8 << 20;
    let (mut taken, mut innocent) = (tcp_pair_with_window(64 << 20), tcp_pair_with_window(64 << 20));
    let map = Sockmap::new();
    map.take(&taken.server);
    innocent.send(100_000);
    taken.client.write_all(&vec![b'x'; SENT]).expect("the window is open");
    let before = eventually("all is charged", || {
        let listed = listed(&taken.server);
        (charged(&listed) >= SENT as u64 && listed_idle(&taken.client)).then_some(listed)
    });

    let snapshot = scan(&here(), &ALL_PACKETS);
    let report = get(&snapshot, inode(&taken.server));
    assert_eq!(report.exact, Err(NotMeasured::Elsewhere));
    assert_eq!(report.footprint.received.charged, before.footprint.received.charged);
    // The other socket's packets are all where they are looked for.
    let other = get(&snapshot, inode(&innocent.server));
    assert!(exact(other).is_whole(&other.socket), "{other:?}");

    // None of the sockets here is charged as much, and none is to be named before it.
    let memory = memory(&Live::new(), None).expect("/proc is mounted");
    let verdict = judge(&memory.ledger, None, &snapshot);
    assert_eq!(verdict.evidence.elsewhere.0, charged(report), "{:?}", verdict.evidence);
    assert!(!verdict.evidence.walked_seen, "{:?}", verdict.evidence);
    let suspect = verdict.suspects.first().expect("it is suspected");
    assert_eq!(suspect.holder, Some(mine(&taken.server)));
    assert_eq!((suspect.pinned, suspect.charged), (None, report.footprint.received.charged));

    // Packet by packet it is the same.
    let listing = listing(&taken.server);
    assert_eq!(listing.packets, []);
    let (sums, _) = listing.sums(page_size());
    assert_eq!(Some(sums.elsewhere(&listing.socket, Direction::Received)), report.footprint.received.charged);
    assert_eq!(sums.elsewhere(&listing.socket, Direction::Sent), Truesize(0));

    // It was all there: it can be read, and then nothing is elsewhere.
    let mut read = vec![0; SENT];
    taken.server.read_exact(&mut read).expect("it was sent");
    eventually("nothing is charged", || (charged(&listed(&taken.server)) == 0).then_some(()));
    let snapshot = scan(&here(), &ALL_PACKETS);
    assert_eq!(get(&snapshot, inode(&taken.server)).exact, Err(NotMeasured::Empty));
    assert_eq!(judge(&memory.ledger, None, &snapshot).evidence.elsewhere, Truesize(0));
}

/// Whether everything that was sent has been acknowledged.
fn listed_idle(client: &TcpStream) -> bool {
    listed(client).socket.send_q.size() == Some(0)
}

/// A namespace whose only device passes on next to nothing, and a sender there.
fn behind_a_slow_device() -> ([Named; 2], UdpSocket) {
    let near = Named::new("slow");
    let far = Named::new("far");
    connect((&near, "10.78.0.1"), (&far, "10.78.0.2"));
    let device = format!("l{}", std::process::id());
    let shaped = "tbf rate 8kbit burst 2000 limit 100000000";
    let mut arguments = vec!["-n", &near.name, "qdisc", "add", "dev", &device, "root"];
    arguments.extend(shaped.split(' '));
    run("tc", &arguments);
    let neighbour =
        ["-n", &near.name, "neigh", "add", "10.78.0.2", "lladdr", "02:00:00:00:00:02", "dev", &device];
    run("ip", &neighbour);
    let sender = inside(&near.file(), || UdpSocket::bind("0.0.0.0:0").expect("a free port"));
    sockopt::set_socket_send_buffer_size_force(&sender, 64 << 20).expect("root may");
    ([near, far], sender)
}

fn in_namespace(netns: &Named) -> Query {
    let mut query = here();
    query.netns = NetnsChoice::OfFile(netns.path());
    query
}

/// What UDP has sent waits in the queue of the device, charged to the sender.
#[test]
fn what_waits_for_a_device() {
    let Some(_turn) = turn::beside_others("elsewhere::what_waits_for_a_device") else { return };
    let ([near, _far], sender) = behind_a_slow_device();
    for _ in 0..500 {
        sender.send_to(&[b'x'; 1200], "10.78.0.2:9").expect("there is room");
    }
    let query = in_namespace(&near);
    let look = || get(&scan(&query, &ALL_PACKETS), inode(&sender)).clone();
    let report = look();
    let sent = report.footprint.sent.charged.expect("told");
    assert!(sent.0 > 490 * 1200, "{sent:?}");
    assert_eq!(report.exact, Err(NotMeasured::Elsewhere));
    assert_eq!(report.footprint.received.payload, Some(Payload(0)));

    // What it has received lies in a queue of its own: of that side nothing is elsewhere.
    let own = std::net::SocketAddr::from(([127, 0, 0, 1], sender.local_addr().expect("bound").port()));
    inside(&near.file(), || {
        send_each(0..10, |_| {
            UdpSocket::bind("127.0.0.1:0").expect("a port").send_to(&[b'x'; 100], own).expect("loopback");
        });
    });
    let report = look();
    let found = exact(&report);
    assert_eq!(whole(found, Queue::Receive).packets, 10);
    assert_eq!(report.footprint.received.payload, Some(Payload(1000)));
    assert_eq!(found.elsewhere(&report.socket, Direction::Received), Truesize(0));
    assert!(found.elsewhere(&report.socket, Direction::Sent).0 > 490 * 1200, "{report:?}");
    assert!(!found.is_whole(&report.socket));

    let _quiet = no_child_is_born();
    let listing = packets(&Live::new(), engine(), mine(&sender), &ALL_PACKETS).expect("it is there");
    assert_eq!(listing.of_queue(Queue::Receive).count(), 10);
    assert_eq!(listing.packets.len(), 10);
}

/// What has been sent over loopback is its receiver's, and the sender's no more.
#[test]
fn what_was_delivered_is_nowhere_else() {
    let Some(_turn) = turn::beside_others("elsewhere::what_was_delivered_is_nowhere_else") else { return };
    let [reader, sender] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a free port"));
    let to = reader.local_addr().expect("bound");
    send_each(0..50, |_| {
        sender.send_to(&[b'x'; 1200], to).expect("loopback takes it");
    });
    let (report, found) = measured(&reader);
    assert!(found.is_whole(&report.socket), "{report:?}");
    assert_eq!(whole(&found, Queue::Receive).packets, 50);
    assert_eq!(get(&scan(&here(), &ALL_PACKETS), inode(&sender)).exact, Err(NotMeasured::Empty));
}

/// A listener is charged for nothing of what waits there, and lacks nothing.
#[test]
fn a_listener_lacks_nothing() {
    let Some(_turn) = turn::beside_others("elsewhere::a_listener_lacks_nothing") else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    (&client).write_all(&[b'x'; 4000]).expect("the window is open");
    let listing = listing(&listener);
    assert!(listing.sums(page_size()).0.is_whole(&listing.socket));
}
