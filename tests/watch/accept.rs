//! Connections that nobody accepts.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};

use rustix::net::{AddressFamily, SocketAddrV4, SocketType};
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::progress::Reading;
use skcheck_core::{Connections, Holding, RecvQueue, Report, SendQueue};

use crate::look::{SHORT, stands_on, watch};
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually, get};
use crate::support::sockets::{inode, socket_of};

/// The accept queue is full, the listener's holder is blocked, and what has come waits unread.
#[test]
fn full() {
    if !in_own_netns("accept::full") {
        return;
    }
    const PORT: u16 = 7001;
    let listener = socket_of(AddressFamily::INET, SocketType::STREAM, None);
    rustix::net::bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT)).expect("the port is free");
    rustix::net::listen(&listener, 1).expect("bound");
    let listening = inode(&listener);
    let holder = Role::start("sleep", vec![listener]);
    // One more than the limit fits in.
    let mut clients: Vec<TcpStream> =
        (0..2).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)).expect("it listens")).collect();
    clients[0].write_all(&[b'x'; 5000]).expect("the window is open");
    let from = clients[0].local_addr().expect("connected").port();
    let waits = |report: &Report| report.socket.inode.is_none() && report.socket.peer.port() == Some(from);
    eventually("the queue is full, with data", || {
        let snapshot = scan::run(&scan::port(PORT));
        let queue = get(&snapshot, listening);
        let is_full = queue.socket.recv_q == RecvQueue::Connections(Connections(2));
        let has_data = snapshot.sockets.iter().any(|it| waits(it) && it.socket.recv_q.size() == Some(5000));
        assert_eq!(queue.socket.send_q, SendQueue::BacklogLimit(Connections(1)));
        (is_full && has_data).then_some(())
    });

    let seen = watch(SHORT);
    let judged = seen.that(waits).expect("it has unread data");
    assert_eq!(judged.reading, Reading::Stalled, "{judged:#?}");
    let report = &seen.now.snapshot.sockets[judged.now.expect("it still has")];
    assert_eq!(report.holding, Holding::AwaitingAccept { ambiguous: false });
    let cause = judged.cause.as_ref().expect("nobody accepts it");
    assert_eq!(cause.code, CauseCode::AcceptFull, "{cause:#?}");
    stands_on(cause, holder.pid(), |fact| *fact == Fact::AcceptQueue { waiting: 2, limit: Some(1) });
}
