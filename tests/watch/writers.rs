//! Writers whose peer takes nothing, too little, or enough.

use rustix::net::SocketType;
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::{Inode, SendQueue};

use crate::look::{LONG, SHORT, Seen, watch};
use crate::pairs::{Pair, fill_tcp, fill_unix};
use crate::role::Role;
use crate::support::netns::in_own_netns;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const FAST: u64 = 300_000;
const SLOW: u64 = 100_000;

#[test]
fn tcp_stalled() {
    if !in_own_netns("writers::tcp_stalled") {
        return;
    }
    let pair = Pair::tcp(64 * KIB, MIB);
    let (writer, reader) = pair.inodes();
    // The window is closed.
    let full = fill_tcp(pair.writer);
    let holder = Role::start("sleep", vec![pair.reader]);
    let _writer = Role::start("sleep", vec![full]);
    let seen = watch(SHORT);
    assert_eq!((seen.writing(writer), seen.reading(writer)), (Writing::Stalled, Reading::Idle));
    assert_eq!((seen.writing(reader), seen.reading(reader)), (Writing::Idle, Reading::Stalled));
    assert_eq!(peers(&seen, writer), [holder.pid()]);
    assert!(unsent(&seen, writer) > 100_000);
}

#[test]
fn tcp_slow() {
    if in_own_netns("writers::tcp_slow") {
        assert_eq!(tcp_at(SLOW, FAST, 500_000), Writing::Slow);
    }
}

#[test]
fn tcp_draining() {
    if in_own_netns("writers::tcp_draining") {
        assert_eq!(tcp_at(FAST, SLOW, 2 * MIB), Writing::Draining);
    }
}

/// How a writer goes that has so much unsent at first, behind a window that is always closed.
fn tcp_at(read: u64, written: u64, at_first: usize) -> Writing {
    let pair = Pair::tcp(32 * KIB, 8 * MIB);
    let (writer, _) = pair.inodes();
    let piece = vec![b'x'; at_first];
    let taken = rustix::io::write(&pair.writer, &piece).expect("its buffer takes it");
    assert_eq!(taken, at_first);
    let _reader = Role::start(&format!("read {read}"), vec![pair.reader]);
    let _writer = Role::start(&format!("write {written}"), vec![pair.writer]);
    let seen = watch(LONG);
    assert!(unsent(&seen, writer) > 100_000);
    seen.writing(writer)
}

#[test]
fn unix_stalled() {
    if !in_own_netns("writers::unix_stalled") {
        return;
    }
    let pair = Pair::unix(SocketType::STREAM, 64 * KIB);
    let (writer, _) = pair.inodes();
    fill_unix(&pair.writer);
    let holder = Role::start("sleep", vec![pair.reader]);
    let _writer = Role::start("sleep", vec![pair.writer]);
    let seen = watch(SHORT);
    // The memory is as much as before; whether it is the same memory, only the engine can tell.
    let may_be = match crate::look::engine() {
        Some(_) => [Writing::Stalled, Writing::Stalled],
        None => [Writing::Stalled, Writing::Unknown],
    };
    assert!(may_be.contains(&seen.writing(writer)), "{:#?}", seen.socket(writer));
    assert_eq!(peers(&seen, writer), [holder.pid()]);
}

/// The processes at the other end.
fn peers(seen: &Seen, writer: Inode) -> Vec<u32> {
    let now = seen.socket(writer).now.expect("it has unsent data");
    seen.now.snapshot.sockets[now].peer_holders.iter().map(|holder| holder.pid).collect()
}

fn unsent(seen: &Seen, writer: Inode) -> u64 {
    let now = seen.socket(writer).now.expect("it has unsent data");
    match seen.now.snapshot.sockets[now].socket.send_q {
        SendQueue::Payload(payload) => payload.0,
        other => panic!("no payload: {other:?}"),
    }
}
