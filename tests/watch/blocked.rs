//! Readers that do something else: their threads are blocked, or one runs and does not read.

use nix::libc::{SYS_clock_nanosleep, SYS_futex, SYS_read, SYS_recvfrom};
use skcheck_core::Inode;
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::evidence::Call;

use crate::kernel;
use crate::look::{SHORT, engine, stands_on, watch};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::eventually;
use crate::support::sockets::inode;

/// A role that has a socket with unread data.
fn with_unread(role: &str) -> (Role, Inode, Pair) {
    let pair = Pair::tcp(1 << 20, 1 << 20);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let theirs = pair.reader.try_clone().expect("a descriptor");
    (Role::start(role, vec![theirs]), reader, pair)
}

/// Its only thread sleeps in one call, which is named with its first argument where that is a descriptor.
fn is_blocked_in(role: &str, number: i64, call: Call) {
    let (role, reader, pair) = with_unread(role);
    drop(pair.reader);
    let first = kernel::sleeps_in(role.pid(), &[number]);
    assert_eq!(kernel::threads(role.pid()), [role.pid()]);
    let descriptor = (call == Call::Read).then(|| u32::try_from(first).expect("a descriptor"));
    let seen = watch(SHORT);
    let cause = seen.stalled_by(reader, CauseCode::Blocked);
    stands_on(cause, role.pid(), |fact| {
        matches!(fact, Fact::Thread { tid, state: b'S', call: is, .. }
            if *tid == role.pid() && *is == Some((call, descriptor)))
    });
}

#[test]
fn in_a_futex() {
    if in_own_netns("blocked::in_a_futex") {
        is_blocked_in("park", SYS_futex, Call::Futex);
    }
}

#[test]
fn in_a_sleep() {
    if in_own_netns("blocked::in_a_sleep") {
        is_blocked_in("sleep", SYS_clock_nanosleep, Call::Sleep);
    }
}

#[test]
fn in_a_pipe() {
    if in_own_netns("blocked::in_a_pipe") {
        is_blocked_in("await-pipe", SYS_read, Call::Read);
    }
}

/// In the middle of reading: into memory that nobody fills, with the socket locked, for which another waits.
/// One that waits for more than is there reads on when it comes.
#[test]
fn in_reading_it() {
    if !in_own_netns("blocked::in_reading_it") || engine().is_none() {
        return;
    }
    let (role, reader, pair) = with_unread("read-into-nothing");
    drop(pair.reader);
    kernel::sleeps_in(role.pid(), &[SYS_recvfrom]);
    eventually("another waits for the lock", || {
        let waits = |tid: &u32| kernel::thread_state(role.pid(), *tid) == b'D';
        kernel::threads(role.pid()).iter().any(waits).then_some(())
    });
    let seen = watch(SHORT);
    let cause = seen.stalled_by(reader, CauseCode::StuckReading);
    let in_call = |fact: &Fact| matches!(fact, Fact::Thread { call: Some((Call::Read, Some(_))), .. });
    assert_eq!(cause.evidence.iter().filter(|fact| in_call(fact)).count(), 2, "{cause:#?}");
    stands_on(cause, role.pid(), |fact| {
        matches!(fact, Fact::Thread { tid, wchan: Some(function), .. }
            if *tid == role.pid() && function.as_slice() == b"handle_userfault")
    });
    drop(role);

    let (role, reader, pair) = with_unread("wait-for-all");
    drop(pair.reader);
    kernel::sleeps_in(role.pid(), &[SYS_recvfrom]);
    let seen = watch(SHORT);
    let cause = seen.stalled_by(reader, CauseCode::Unknown);
    stands_on(cause, role.pid(), in_call);
}

#[test]
fn spinning() {
    if !in_own_netns("blocked::spinning") {
        return;
    }
    let (role, reader, pair) = with_unread("spin");
    drop(pair.reader);
    kernel::is_in_state(role.pid(), b'R');
    let seen = watch(SHORT);
    let cause = seen.stalled_by(reader, CauseCode::Spinning);
    // On two busy processors it gets its share of one.
    stands_on(
        cause,
        role.pid(),
        |fact| matches!(fact, Fact::Spins { tid, percent: 15..=110, .. } if *tid == role.pid()),
    );
}
