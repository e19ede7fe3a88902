//! Readers whose process, or a part of it, has ended.

use std::os::fd::OwnedFd;

use nix::libc::SYS_clock_nanosleep;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skcheck_core::watch::Probe;
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::evidence::Call;
use skcheck_core::watch::progress::Reading;
use skcheck_core::{Inode, Live};

use crate::kernel;
use crate::look::{SHORT, engine, here, stands_on, watch, watch_by};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::sockets::inode;

fn child_of(pid: u32) -> u32 {
    eventually("it has a child", || {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        children.trim().parse().ok()
    })
}

/// A child has ended that never had the socket: its parent does something else, and that is the cause.
#[test]
fn a_child() {
    if !in_own_netns("dead_children::a_child") {
        return;
    }
    let pair = Pair::tcp(1 << 20, 1 << 20);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let role = Role::start("lose-child", vec![pair.reader]);
    let child = child_of(role.pid());
    kernel::is_in_state(child, b'Z');
    let seen = watch(SHORT);
    let cause = seen.stalled_by(reader, CauseCode::Blocked);
    assert!(matches!(cause.evidence[0], Fact::Thread { call: Some((Call::Sleep, None)), .. }), "{cause:#?}");
    stands_on(cause, role.pid(), |fact| *fact == Fact::ZombieChild(child));
}

/// The worker that had the socket ends; its parent does not notice, and still holds it.
#[test]
fn a_worker() {
    if !in_own_netns("dead_children::a_worker") {
        return;
    }
    let pair = Pair::tcp(1 << 20, 1 << 20);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let role = Role::start("lose-worker", vec![pair.reader]);
    let worker = child_of(role.pid());
    assert_eq!(kernel::descriptor(worker, reader), 0);
    let seen = watch_by(engine(), &here(), || {
        kill(Pid::from_raw(worker.cast_signed()), Signal::SIGKILL).expect("it runs");
        kernel::is_in_state(worker, b'Z');
        std::thread::sleep(SHORT);
    });
    let cause = seen.stalled_by(reader, CauseCode::Zombie);
    stands_on(cause, role.pid(), |fact| *fact == Fact::ZombieChild(worker));
}

/// A reader with 50,000 bytes whose process has lost its main thread, and what keeps its writer open.
fn without_main_thread() -> (Inode, Role, OwnedFd) {
    let pair = Pair::tcp(1 << 20, 1 << 20);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let role = Role::start("lose-main", vec![pair.reader]);
    kernel::is_in_state(role.pid(), b'Z');
    (reader, role, pair.writer)
}

/// The main thread has ended; the process lives on in another, which holds the socket.
#[test]
fn a_main_thread() {
    if !in_own_netns("dead_children::a_main_thread") {
        return;
    }
    let (reader, role, _writer) = without_main_thread();
    let [_, other] = kernel::threads(role.pid())[..] else { panic!("it has two threads") };
    kernel::sleeps_in_thread(role.pid(), other, &[SYS_clock_nanosleep]);
    // The main thread's table of descriptors went with it; the other's is the same table, still there.
    assert!(kernel::descriptors(role.pid()).is_empty());
    let link = format!("socket:[{}]", reader.get());
    let table = std::fs::read_dir(format!("/proc/{}/task/{other}/fd", role.pid())).expect("root may");
    let mut links = table.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    assert!(links.any(|target| target.to_str() == Some(&link)));

    let seen = watch(SHORT);
    if engine().is_none() {
        // /proc/PID/fd alone is looked at, so that nobody seems to hold it.
        assert_eq!(seen.reading(reader), Reading::Stalled);
        return;
    }
    let cause = seen.stalled_by(reader, CauseCode::Zombie);
    stands_on(cause, role.pid(), |fact| *fact == Fact::State(b'Z'));
}

/// Who holds it is told at each sample, and where nothing but /proc tells it.
#[test]
fn a_main_thread_whose_descriptors_another_shows() {
    if !in_own_netns("dead_children::a_main_thread_whose_descriptors_another_shows") {
        return;
    }
    let (reader, role, _writer) = without_main_thread();
    let host = Live::new();
    for engine in [None, engine()] {
        let mut probe = Probe::new(&host, here());
        let mut before = None;
        for look in 0..3 {
            let now = probe.sample(engine, before.as_ref()).expect("the host can be sampled");
            let entry = now.snapshot.sockets.iter().find(|entry| entry.socket.inode == Some(reader));
            let pids: Vec<u32> = entry.expect("it holds 50,000 bytes").pids().collect();
            assert_eq!(pids, [role.pid()], "look {look}");
            before = Some(now);
        }
    }
}
