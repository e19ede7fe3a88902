//! Readers of streams: stalled, slow, draining and idle, and at which rate.

use nix::libc::SYS_clock_nanosleep;
use nix::sys::signal::Signal;
use rustix::net::SocketType;
use skcheck_core::watch::cause::CauseCode;
use skcheck_core::watch::progress::Reading;

use crate::kernel;
use crate::look::{LONG, SHORT, engine, here, watch, watch_by, watch_counting};
use crate::pairs::{Pair, read_empty};
use crate::role::Role;
use crate::roles::DATAGRAM;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::sockets::inode;

const MIB: usize = 1 << 20;
/// Bytes a second of who is fast, and of who is slow.
const FAST: u64 = 300_000;
const SLOW: u64 = 100_000;

#[test]
fn tcp_stalled() {
    if !in_own_netns("streams::tcp_stalled") {
        return;
    }
    let pair = Pair::tcp(8 * MIB, MIB);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let _holder = Role::start("sleep", vec![pair.reader]);
    let writer = Role::start(&format!("write {FAST}"), vec![pair.writer]);
    let seen = watch_counting(LONG, [&writer]);
    // Data arrives, so that it is not the writer who stands still.
    let judged = seen.socket(reader);
    seen.stalled_by(reader, CauseCode::Blocked);
    seen.is_rate(judged.arriving, judged, 0);
    // What was there at the beginning has waited since.
    assert!(judged.unread_age >= Some(LONG), "{judged:#?}");
}

#[test]
fn tcp_slow() {
    if !in_own_netns("streams::tcp_slow") {
        return;
    }
    let pair = Pair::tcp(8 * MIB, MIB);
    pair.write(200_000);
    let reader = inode(&pair.reader);
    let read = Role::start(&format!("read {SLOW}"), vec![pair.reader]);
    let writer = Role::start(&format!("write {FAST}"), vec![pair.writer]);
    let seen = watch_counting(LONG, [&read, &writer]);
    let judged = seen.socket(reader);
    assert_eq!(judged.reading, Reading::Slow, "{judged:#?}");
    seen.is_rate(judged.consumed, judged, 0);
    seen.is_rate(judged.arriving, judged, 1);
    // Its buffer takes 16 MiB, less what is in it. Packets that are merged take less than they did.
    let (consumed, arriving) = judged.consumed.zip(judged.arriving).expect("both are told");
    let until = judged.until.expect("its buffer will be full").as_secs_f64();
    let should = (16 * MIB) as f64 / (arriving - consumed) as f64;
    assert!((0.8 * should..=1.2 * should).contains(&until), "{until} s, {should} s: {judged:#?}");
    assert!(judged.cause.is_none(), "{judged:#?}");
}

#[test]
fn tcp_draining() {
    if !in_own_netns("streams::tcp_draining") {
        return;
    }
    let pair = Pair::tcp(8 * MIB, MIB);
    pair.write(2 * MIB);
    let reader = inode(&pair.reader);
    let read = Role::start(&format!("read {FAST}"), vec![pair.reader]);
    let writer = Role::start(&format!("write {SLOW}"), vec![pair.writer]);
    let seen = watch_counting(LONG, [&read, &writer]);
    let judged = seen.socket(reader);
    let report = &seen.now.snapshot.sockets[judged.now.expect("it is not empty yet")];
    let left = report.socket.recv_q.size().expect("it is told");
    assert_eq!(judged.reading, Reading::Draining, "{judged:#?}");
    seen.is_rate(judged.consumed, judged, 0);
    seen.is_rate(judged.arriving, judged, 1);
    let (consumed, arriving) = judged.consumed.zip(judged.arriving).expect("both are told");
    let until = judged.until.expect("it will be empty").as_secs_f64();
    let should = left as f64 / (consumed - arriving) as f64;
    assert!((until - should).abs() < 0.05 * should, "{until} s, {should} s: {judged:#?}");
}

#[test]
fn tcp_idle() {
    if !in_own_netns("streams::tcp_idle") {
        return;
    }
    let pair = Pair::tcp(MIB, MIB);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let seen = watch_by(engine(), &here(), || read_empty(&pair.reader));
    let judged = seen.socket(reader);
    assert_eq!((judged.reading, judged.now), (Reading::Idle, None), "{judged:#?}");
    assert!(judged.cause.is_none() && judged.root.is_none(), "{judged:#?}");
}

#[test]
fn unix_stalled() {
    if !in_own_netns("streams::unix_stalled") {
        return;
    }
    let pair = Pair::unix(SocketType::STREAM, MIB);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let _holder = Role::start("sleep", vec![pair.reader]);
    if engine().is_some() {
        watch(SHORT).stalled_by(reader, CauseCode::Blocked);
    }
    // Without the first packet: its holder has not run, whoever may not be looked at.
    let seen = watch_by(None, &here(), || std::thread::sleep(SHORT)).judged_with_all_seen(true);
    seen.stalled_by(reader, CauseCode::Blocked);
    assert_eq!(seen.judged_with_all_seen(false).reading(reader), Reading::Stalled);
}

/// One message is enough where its reader sleeps or is stopped, whoever may not be looked at.
#[test]
fn unix_one_message() {
    if !in_own_netns("streams::unix_one_message") {
        return;
    }
    for kind in [SocketType::STREAM, SocketType::SEQPACKET, SocketType::DGRAM] {
        let pair = Pair::unix(kind, MIB);
        pair.send(1, 10);
        let reader = inode(&pair.reader);
        let holder = Role::start("sleep", vec![pair.reader]);
        kernel::sleeps_in(holder.pid(), &[SYS_clock_nanosleep]);
        for (engine, code) in [(engine(), CauseCode::Blocked), (None, CauseCode::Blocked)] {
            let seen = watch_by(engine, &here(), || std::thread::sleep(SHORT)).judged_with_all_seen(false);
            seen.stalled_by(reader, code);
        }
        holder.signal(Signal::SIGSTOP);
        kernel::is_in_state(holder.pid(), b'T');
        watch(SHORT).judged_with_all_seen(false).stalled_by(reader, CauseCode::Stopped);
    }
}

/// One message that is another each time, in a queue that looks the same whenever one looks: its reader runs.
#[test]
fn unix_one_message_after_another() {
    if !in_own_netns("streams::unix_one_message_after_another") {
        return;
    }
    let pair = Pair::unix(SocketType::SEQPACKET, MIB);
    pair.send(1, DATAGRAM);
    let reader = inode(&pair.reader);
    let _reader = Role::start(&format!("receive {SLOW}"), vec![pair.reader]);
    let _writer = Role::start(&format!("send {SLOW}"), vec![pair.writer]);
    for _ in 0..3 {
        let seen = watch(SHORT).judged_with_all_seen(false);
        let judged = seen.that(|report| report.socket.inode == Some(reader));
        assert!(judged.is_none_or(|judged| judged.reading != Reading::Stalled), "{judged:#?}");
    }
}

/// Its length alone does not tell whether what was read was replaced by as much.
#[test]
fn unix_unknown() {
    if !in_own_netns("streams::unix_unknown") {
        return;
    }
    let pair = Pair::unix(SocketType::STREAM, MIB);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let spins = Role::start("spin", vec![pair.reader]);
    kernel::is_in_state(spins.pid(), b'R');
    let seen = watch_by(None, &here(), || std::thread::sleep(SHORT)).judged_with_all_seen(true);
    assert_eq!(seen.reading(reader), Reading::Unknown);
}

#[test]
fn unix_slow() {
    if !in_own_netns("streams::unix_slow") {
        return;
    }
    let reading = unix_at(SLOW, FAST, 200_000);
    assert_eq!(reading, if engine().is_some() { Reading::Slow } else { Reading::Unknown });
}

#[test]
fn unix_draining() {
    if !in_own_netns("streams::unix_draining") {
        return;
    }
    // That it gets less was read, whoever looks.
    assert_eq!(unix_at(FAST, SLOW, 2 * MIB), Reading::Draining);
}

/// How a reader goes that reads and is written to at these rates.
fn unix_at(read: u64, written: u64, at_first: usize) -> Reading {
    let pair = Pair::unix(SocketType::STREAM, 16 * MIB);
    pair.write(at_first);
    let reader = inode(&pair.reader);
    let role = Role::start(&format!("read {read}"), vec![pair.reader]);
    let writer = Role::start(&format!("write {written}"), vec![pair.writer]);
    let seen = watch_counting(LONG, [&role, &writer]);
    let judged = seen.socket(reader);
    seen.rates_are_right(judged);
    judged.reading
}

#[test]
fn unix_idle() {
    if !in_own_netns("streams::unix_idle") {
        return;
    }
    let pair = Pair::unix(SocketType::STREAM, MIB);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let seen = watch_by(engine(), &here(), || read_empty(&pair.reader));
    assert_eq!(seen.reading(reader), Reading::Idle);
}

/// A socket that is closed, and whose number another gets, is not the same.
#[test]
fn a_socket_that_is_gone() {
    if !in_own_netns("streams::a_socket_that_is_gone") {
        return;
    }
    let pair = Pair::tcp(MIB, MIB);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let role = Role::start("sleep", vec![pair.reader]);
    let seen = watch_by(engine(), &here(), || {
        let pid = role.pid();
        drop(role);
        eventually("it ends", || (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(()));
    });
    let judged = seen.that(|report| report.socket.inode == Some(reader));
    // Nobody has read it.
    let reading = judged.map(|judged| judged.reading);
    assert!(matches!(reading, None | Some(Reading::Unknown)), "{judged:#?}");
}
