//! Unix connections that nobody has accepted.

use std::os::fd::OwnedFd;

use rustix::net::{SocketAddrUnix, SocketType};
use rustix::process::{Resource, Rlimit};
use skcheck_core::{
    Certainty, Connections, Endpoint, Missing, NetnsChoice, Query, RecvQueue, Snapshot, State, Truesize,
};

use crate::support::child::Sleeper;
use crate::support::netns::in_own_netns;
use crate::support::scan::{self, at_listener, get, mine};
use crate::support::sockets::{abstract_name, inode, send_unix, unix_socket};
use crate::support::ss;

fn listener(address: &SocketAddrUnix, backlog: i32) -> OwnedFd {
    let socket = unix_socket(SocketType::STREAM);
    rustix::net::bind(&socket, address).expect("the name is free");
    rustix::net::listen(&socket, backlog).expect("bound");
    socket
}

fn client(address: &SocketAddrUnix) -> OwnedFd {
    let socket = unix_socket(SocketType::STREAM);
    rustix::net::connect(&socket, address).expect("it listens");
    socket
}

fn pending_gap(snapshot: &Snapshot) -> Option<u64> {
    snapshot.gaps.iter().find(|gap| gap.what == Missing::PendingConnections).and_then(|gap| gap.count)
}

#[test]
fn what_they_have_sent_is_carried_by_the_listener() {
    let (name, address) = abstract_name("pending");
    let socket = listener(&address, 10);
    let reader = inode(&socket);
    let clients = [client(&address), client(&address)];
    send_unix(&clients[0], 100);
    send_unix(&clients[1], 50_000);
    let sleeper = Sleeper::holding(socket);
    let there = skcheck_core::Holder::new(sleeper.pid(), Sleeper::FD).leading(skcheck_core::Via::AcceptQueue);

    let snapshot = scan::run(&Query::default());
    let charges = clients.each_ref().map(|client| {
        let report = get(&snapshot, inode(client));
        assert_eq!(report.socket.state, State::Established);
        assert_eq!(report.peer_holders, [there]);
        assert_eq!(report.holders, [mine(client)]);
        ss::assert_agrees(report);
        u64::from(report.socket.skmem.wmem_alloc.expect("told"))
    });
    assert!(charges[1] > 50_000, "{charges:?}");
    let report = get(&snapshot, reader);
    assert_eq!(report.socket.recv_q, RecvQueue::Connections(Connections(2)));
    assert_eq!(report.footprint.received.charged, Some(Truesize(charges.iter().sum())));
    assert_eq!(report.footprint.received.payload, None, "how much of it is payload, nobody tells");
    assert_eq!(report.footprint.certainty, Certainty::Floor);
    assert_eq!(report.holders, [there.descriptor()]);
    assert_eq!(report.socket.local, Endpoint::Abstract(name));
    ss::assert_agrees(report);
}

/// So many that the kernel's list of them does not fit a datagram. The listener drops out of that
/// answer, and so do all that the kernel would have listed behind it: the order is by hash.
#[test]
fn very_many() {
    if !in_own_netns("unix_pending::very_many") {
        return;
    }
    const MANY: u32 = 9000;
    std::fs::write("/proc/sys/net/core/somaxconn", "20000").expect("the namespace is ours");
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(Resource::Nofile, wanted).expect("up to the hard limit");
    let (_, small) = abstract_name("few");
    let few = listener(&small, 10);
    let waiting = client(&small);
    send_unix(&waiting, 10);
    let (_, address) = abstract_name("many");
    let many = listener(&address, 20_000);
    let clients: Vec<OwnedFd> = (0..MANY).map(|_| client(&address)).collect();
    send_unix(&clients[0], 10);

    let mut here = Query::default();
    here.netns = NetnsChoice::Current;
    let snapshot = scan::run(&here);
    let report = get(&snapshot, inode(&many));
    assert_eq!(report.socket.recv_q, RecvQueue::Connections(Connections(MANY)));
    assert_eq!(report.footprint.received.charged, None, "its senders are not named");
    assert_eq!(report.holders, [mine(&many)]);
    let (unnamed, charged) = match get(&snapshot, inode(&waiting)).peer_holders[..] {
        [] => (MANY + 1, None),
        [holder] => {
            assert_eq!(holder, at_listener(&few));
            (MANY, get(&snapshot, inode(&waiting)).footprint.sent.charged)
        }
        ref holders => panic!("{holders:?}"),
    };
    assert_eq!(pending_gap(&snapshot), Some(unnamed.into()));
    assert_eq!(get(&snapshot, inode(&few)).footprint.received.charged, charged);
}
