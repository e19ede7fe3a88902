//! A watch looks at what it knows of descriptors first: where that is not so any more, it looks anew.

use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};

use skcheck_core::engine::Engine;
use skcheck_core::watch::Probe;
use skcheck_core::{Holder, Live, Query};

use crate::measure::engine;
use crate::support::sockets::tcp_pair;
use crate::turn;

/// Moves a socket to a descriptor that it never had.
fn moved(socket: OwnedFd) -> OwnedFd {
    let far = rustix::io::fcntl_dupfd_cloexec(&socket, socket.as_raw_fd() + 300).expect("a descriptor");
    drop(socket);
    far
}

fn holder(socket: &OwnedFd) -> Holder {
    Holder::new(std::process::id(), u32::try_from(socket.as_raw_fd()).expect("a number"))
}

fn follow(engine: Option<&dyn Engine>) {
    let host = Live::new();
    let mut pair = tcp_pair("127.0.0.1");
    pair.client.write_all(b"unread").expect("room");
    let (port, mut reader, mut writer) = (pair.port, OwnedFd::from(pair.server), OwnedFd::from(pair.client));
    let mut probe = Probe::new(&host, Query::default());
    let mut before = None;
    // Between two looks there is less than a look takes, mostly, so that the second knows what the first saw.
    for round in 0..6 {
        let now = probe.sample(engine, before.as_ref()).expect("a sample");
        let is_reader = |it: &&skcheck_core::SocketEntry| {
            it.socket.local.port() == Some(port) && it.socket.recv_q.holds_something()
        };
        let entry = now.snapshot.sockets.iter().find(is_reader).expect("the reader");
        assert_eq!(entry.holders, [holder(&reader)], "round {round}");
        assert_eq!(entry.peer_holders, [holder(&writer)], "round {round}");
        if round % 2 == 1 {
            (reader, writer) = (moved(reader), moved(writer));
        }
        before = Some(now);
    }
}

#[test]
fn descriptors_that_move_are_followed() {
    let Some(_turn) = turn::beside_others("known_holders::descriptors_that_move_are_followed") else {
        return;
    };
    follow(None);
    follow(Some(engine()));
}
