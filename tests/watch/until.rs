//! How long until a slow reader's buffer is full, and a draining one's queue is empty.

use std::time::Duration;

use rustix::net::SocketType;
use skcheck_core::Inode;
use skcheck_core::watch::Judged;
use skcheck_core::watch::progress::Reading;

use crate::look::{LONG, Moved, engine, here, watch, watch_by, watch_counting};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::sockets::{arrived, inode};

const MIB: usize = 1 << 20;
const WINDOW: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(100);

/// Checks that a buffer is full when not more has come than was said, and not very much less. `roles` read and
/// write.
fn is_full_as_was_said(reader: Inode, roles: [&Role; 2], is_full: fn(&Judged) -> bool) {
    let more = || roles[1].moved().cast_signed() - roles[0].moved().cast_signed();
    let seen = watch_counting(WINDOW, roles);
    let at_first = more();
    let judged = seen.socket(reader);
    assert_eq!(judged.reading, Reading::Slow, "{judged:#?}");
    let within = judged.until.unwrap_or_else(|| panic!("its buffer will be full: {judged:#?}"));
    assert!(within > STEP, "{judged:#?}");
    // How much more comes until then, where it goes on like this.
    let [least, most] = [Moved::least_more, Moved::most_more].map(|more| {
        let net = more(seen.moved(1), seen.moved(0));
        let window = seen.now.at - seen.before.at;
        net as f64 * within.as_secs_f64() / window.as_secs_f64()
    });
    // The last look at which it is not full yet, and the first at which it is.
    let mut not_yet = at_first;
    eventually("it is full", || {
        let before = more();
        let full = is_full(watch_by(engine(), &here(), || std::thread::sleep(STEP)).socket(reader));
        if !full {
            not_yet = before;
        }
        full.then_some(())
    });
    let (not_yet, by_now) = ((not_yet - at_first) as f64, (more() - at_first) as f64);
    assert!(not_yet <= most * 1.1, "not full after {not_yet} bytes more, said: {most}");
    assert!(by_now >= least / 2.0, "full after {by_now} bytes more, said: {least}");
}

#[test]
fn tcp_full() {
    if !in_own_netns("until::tcp_full") {
        return;
    }
    let pair = Pair::tcp(2 * MIB, 64 << 10);
    let reader = inode(&pair.reader);
    let reads = Role::start("read 100000", vec![pair.reader]);
    let writes = Role::start("write 1100000", vec![pair.writer]);
    is_full_as_was_said(reader, [&reads, &writes], |judged| judged.sender_is_full);
}

#[test]
fn udp_full() {
    if !in_own_netns("until::udp_full") || engine().is_none() {
        return;
    }
    let pair = Pair::udp(4 * MIB);
    pair.send(50, 1000);
    let reader = inode(&pair.reader);
    let reads = Role::start("receive 100000", vec![pair.reader]);
    let writes = Role::start("send 1100000", vec![pair.writer]);
    is_full_as_was_said(reader, [&reads, &writes], |judged| judged.drops.is_some_and(|drops| drops > 0));
}

/// A queue that shrinks, or stays, is not empty soon when its sender has more.
fn is_filled_in_again(pair: Pair) {
    let reader = inode(&pair.reader);
    let _writer = Role::start("pour", vec![pair.writer]);
    arrived(&pair.reader, 1);
    let _reader = Role::start("read 100000", vec![pair.reader]);
    let seen = watch(LONG);
    let judged = seen.socket(reader);
    assert!(matches!(judged.reading, Reading::Slow | Reading::Draining), "{judged:#?}");
    assert!(judged.sender_is_full && judged.until.is_none(), "{judged:#?}");
}

#[test]
fn tcp_filled_in_again() {
    if in_own_netns("until::tcp_filled_in_again") {
        is_filled_in_again(Pair::tcp(32 << 10, 32 << 10));
    }
}

#[test]
fn unix_filled_in_again() {
    if in_own_netns("until::unix_filled_in_again") && engine().is_some() {
        is_filled_in_again(Pair::unix(SocketType::STREAM, 64 << 10));
    }
}
