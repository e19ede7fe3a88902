//! Readers of datagrams. The kernel tells of neither kind what was consumed: with the engine the first
//! packet in the queue tells whether anything was, and the whole of it how much is left.

use std::fs;

use rustix::net::SocketType;
use skcheck_core::watch::cause::CauseCode;
use skcheck_core::watch::progress::Reading;

use crate::look::{LONG, SHORT, engine, here, watch, watch_by, watch_counting};
use crate::pairs::{Pair, read_empty};
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::sockets::inode;

const MIB: usize = 1 << 20;
const FAST: u64 = 300_000;
const SLOW: u64 = 100_000;

fn udp() -> Pair {
    Pair::udp(16 * MIB)
}

fn unix() -> Pair {
    // In this namespace alone.
    fs::write("/proc/sys/net/unix/max_dgram_qlen", "4096").expect("root may");
    Pair::unix(SocketType::DGRAM, 16 * MIB)
}

/// Nobody reads.
fn stalls(pair: Pair) {
    pair.send(50, 1000);
    let reader = inode(&pair.reader);
    let _holder = Role::start("sleep", vec![pair.reader]);
    // Nothing moves; without the engine that could be reading at the rate of what comes, unless nobody who
    // can read has run.
    let seen = watch_by(None, &here(), || std::thread::sleep(SHORT)).judged_with_all_seen(true);
    assert_eq!(seen.reading(reader), Reading::Stalled);
    // Nor does it matter who may not be looked at.
    assert_eq!(seen.judged_with_all_seen(false).reading(reader), Reading::Stalled);
    if engine().is_none() {
        return;
    }
    watch(SHORT).stalled_by(reader, CauseCode::Blocked);
    // Data arrives, and still the first packet is the same.
    let _writer = Role::start(&format!("send {SLOW}"), vec![pair.writer]);
    watch(SHORT).stalled_by(reader, CauseCode::Blocked);
}

/// How a reader goes that receives and is sent to at these rates.
fn goes(pair: Pair, received: u64, sent: u64, at_first: usize) -> Reading {
    pair.send(at_first, 1000);
    let reader = inode(&pair.reader);
    let role = Role::start(&format!("receive {received}"), vec![pair.reader]);
    let writer = Role::start(&format!("send {sent}"), vec![pair.writer]);
    // A queue that moves whenever it is walked tells nothing at that look.
    let look = || watch_counting(LONG, [&role, &writer]);
    let mut seen = look();
    for _ in 0..if engine().is_some() { 4 } else { 0 } {
        if seen.reading(reader) == Reading::Unknown {
            seen = look();
        }
    }
    let judged = seen.socket(reader);
    seen.rates_are_right(judged);
    judged.reading
}

fn idles(pair: &Pair) {
    pair.send(50, 1000);
    let reader = inode(&pair.reader);
    let seen = watch_by(engine(), &here(), || read_empty(&pair.reader));
    assert_eq!(seen.reading(reader), Reading::Idle);
}

/// What the growth of a queue tells with the engine; without it nothing does.
fn with_engine(reading: Reading) -> Reading {
    if engine().is_some() { reading } else { Reading::Unknown }
}

#[test]
fn udp_stalled() {
    if in_own_netns("datagrams::udp_stalled") {
        stalls(udp());
    }
}

#[test]
fn udp_slow() {
    if in_own_netns("datagrams::udp_slow") {
        assert_eq!(goes(udp(), SLOW, FAST, 200), with_engine(Reading::Slow));
    }
}

/// A queue that shrinks is read, whoever looks.
#[test]
fn udp_draining() {
    if in_own_netns("datagrams::udp_draining") {
        assert_eq!(goes(udp(), FAST, SLOW, 2000), Reading::Draining);
    }
}

#[test]
fn udp_idle() {
    if in_own_netns("datagrams::udp_idle") {
        idles(&udp());
    }
}

/// What comes while the buffer is full is lost, and counted.
#[test]
fn udp_drops() {
    if !in_own_netns("datagrams::udp_drops") {
        return;
    }
    let pair = Pair::udp(20_000);
    pair.send(200, 1000);
    let seen = watch_by(engine(), &here(), || pair.send(37, 1000));
    let judged = seen.socket(inode(&pair.reader));
    assert_eq!(judged.drops, Some(37), "{judged:#?}");
}

#[test]
fn unix_stalled() {
    if in_own_netns("datagrams::unix_stalled") {
        stalls(unix());
    }
}

#[test]
fn unix_slow() {
    if in_own_netns("datagrams::unix_slow") {
        assert_eq!(goes(unix(), SLOW, FAST, 200), with_engine(Reading::Slow));
    }
}

/// The length of the first datagram is all that is told without the engine. With it the queue is walked
/// without a lock: when it never holds still meanwhile, that look tells nothing.
#[test]
fn unix_draining() {
    if in_own_netns("datagrams::unix_draining") {
        let looks = std::iter::repeat_with(|| goes(unix(), FAST, SLOW, 2000)).take(3);
        let told = looks.into_iter().find(|reading| *reading != Reading::Unknown);
        assert_eq!(told.unwrap_or(Reading::Unknown), with_engine(Reading::Draining));
    }
}

#[test]
fn unix_idle() {
    if in_own_netns("datagrams::unix_idle") {
        idles(&unix());
    }
}
