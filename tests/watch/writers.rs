//! Writers whose peer takes nothing, too little, or enough.

use rustix::net::SocketType;
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::{Inode, Protocols, SendQueue};

use crate::look::{LONG, SHORT, Seen, ends_at, engine, here, stands_on, watch, watch_by};
use crate::pairs::{Pair, fill_tcp, fill_unix};
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::sockets::inode;

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

/// A relay that cannot write over MPTCP does not read; the reader there is the one to blame, and not one
/// that reads.
#[test]
fn mptcp() {
    if !in_own_netns("writers::mptcp") {
        return;
    }
    let mut query = here();
    query.protocols |= Protocols::MPTCP;
    for (role, blamed) in [("sleep", true), ("read 1000000000", false)] {
        let Some(pair) = Pair::mptcp(64 * KIB) else { return };
        let (writer, reader) = pair.inodes();
        let client = Pair::tcp(64 * KIB, 64 * KIB);
        let from = inode(&client.reader);
        let full = fill_tcp(client.writer);
        let other = Role::start(role, vec![pair.reader]);
        let relay = Role::start("relay", vec![client.reader, pair.writer]);
        let _client = Role::start("pour", vec![full]);
        if !blamed {
            let seen = watch_by(engine(), &query, || std::thread::sleep(SHORT));
            let judged = seen.that(|report| report.socket.inode == Some(writer));
            assert!(judged.is_none_or(|judged| judged.writing != Writing::Stalled), "{judged:#?}");
            continue;
        }
        crate::kernel::sleeps_in(relay.pid(), &[nix::libc::SYS_write, nix::libc::SYS_sendto]);
        eventually("nothing moves any more", || {
            let seen = watch_by(engine(), &query, || std::thread::sleep(SHORT));
            let is_still = seen.writing(writer) == Writing::Stalled && seen.reading(from) == Reading::Stalled;
            is_still.then_some(())
        });
        let seen = watch_by(engine(), &query, || std::thread::sleep(SHORT));
        assert_eq!(seen.socket(writer).taken, Some(0));
        let cause = seen.stalled_by(from, CauseCode::Backpressure);
        stands_on(
            cause,
            relay.pid(),
            |fact| matches!(fact, Fact::UnsentAt(at, unsent) if *at == relay.holder(writer) && unsent.0 > 0),
        );
        ends_at(seen.root(from), other.holder(reader), CauseCode::Blocked);
    }
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
