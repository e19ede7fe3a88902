//! How long until a slow reader's buffer is full, and a draining one's queue is empty.

use std::time::{Duration, Instant};

use rustix::net::SocketType;
use skcheck_core::Inode;
use skcheck_core::watch::Judged;
use skcheck_core::watch::progress::Reading;

use crate::look::{LONG, engine, here, watch, watch_by};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::sockets::{arrived, inode};

const MIB: usize = 1 << 20;
const WINDOW: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(100);
/// What starting a look takes, and being late by some steps.
const LATE: Duration = Duration::from_millis(600);

/// Checks that a buffer is full no later than was said, and not very much earlier.
fn is_full_in_time(reader: Inode, is_full: fn(&Judged) -> bool) {
    let seen = watch(WINDOW);
    let said = Instant::now();
    let judged = seen.socket(reader);
    assert_eq!(judged.reading, Reading::Slow, "{judged:#?}");
    let within = judged.until.unwrap_or_else(|| panic!("its buffer will be full: {judged:#?}"));
    assert!(within > STEP, "{judged:#?}");
    while !is_full(watch_by(engine(), &here(), || std::thread::sleep(STEP)).socket(reader)) {
        assert!(said.elapsed() <= within + within / 10 + LATE, "not full after {within:?}");
    }
    let took = said.elapsed();
    assert!(took + LATE >= within / 2, "full after {took:?}, said: within {within:?}");
}

#[test]
fn tcp_full() {
    if !in_own_netns("until::tcp_full") {
        return;
    }
    let pair = Pair::tcp(2 * MIB, 64 << 10);
    let reader = inode(&pair.reader);
    let _reader = Role::start("read 100000", vec![pair.reader]);
    let _writer = Role::start("write 1100000", vec![pair.writer]);
    is_full_in_time(reader, |judged| judged.sender_is_full);
}

#[test]
fn udp_full() {
    if !in_own_netns("until::udp_full") || engine().is_none() {
        return;
    }
    let pair = Pair::udp(4 * MIB);
    pair.send(50, 1000);
    let reader = inode(&pair.reader);
    let _reader = Role::start("receive 100000", vec![pair.reader]);
    let _writer = Role::start("send 1100000", vec![pair.writer]);
    is_full_in_time(reader, |judged| judged.drops.is_some_and(|drops| drops > 0));
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
