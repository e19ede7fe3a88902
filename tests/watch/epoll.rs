//! Readers that wait in epoll, and are not told, have not asked, or have been told before.

use nix::libc::{SYS_epoll_pwait, SYS_epoll_pwait2, SYS_epoll_wait};
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::evidence::Interest;

use crate::kernel;
use crate::look::{SHORT, Seen, stands_on, watch};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::sockets::inode;

/// EPOLLERR and EPOLLHUP, which are told to everybody, and EPOLLRDHUP.
const ERR_HUP: u32 = 0x18;
const RDHUP: u32 = 0x2000;

/// A role that has a socket with unread data and waits in an epoll set.
struct Waiting {
    role: Role,
    /// The socket's descriptor there.
    fd: u32,
    /// The set in which the role waits.
    waits_in: u32,
    seen: Seen,
    reader: skcheck_core::Inode,
}

impl Waiting {
    fn start(role: &str) -> Waiting {
        let pair = Pair::tcp(1 << 20, 1 << 20);
        pair.write(50_000);
        let reader = inode(&pair.reader);
        let role = Role::start(role, vec![pair.reader]);
        let calls = [SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2];
        let waits_in = u32::try_from(kernel::sleeps_in(role.pid(), &calls)).expect("a descriptor");
        let fd = role.holder(reader).fd;
        let seen = watch(SHORT);
        drop(pair.writer);
        Waiting { role, fd, waits_in, seen, reader }
    }

    /// The socket is in one set with these events, and that is the cause.
    fn is_stalled_by(&self, code: CauseCode, set: u32, events: u32) {
        assert_eq!(kernel::epoll_events(self.role.pid(), self.fd), [(set, events)]);
        let cause = self.seen.stalled_by(self.reader, code);
        stands_on(cause, self.role.pid(), |fact| *fact == Fact::Epoll { set, events });
    }
}

#[test]
fn in_no_set() {
    if !in_own_netns("epoll::in_no_set") {
        return;
    }
    let waiting = Waiting::start("watch-others");
    assert_eq!(kernel::epoll_events(waiting.role.pid(), waiting.fd), []);
    let cause = waiting.seen.stalled_by(waiting.reader, CauseCode::NotPolled);
    stands_on(cause, waiting.role.pid(), |fact| *fact == Fact::InNoEpoll(1));
}

#[test]
fn without_epollin() {
    if in_own_netns("epoll::without_epollin") {
        let waiting = Waiting::start("stop-asking");
        waiting.is_stalled_by(CauseCode::NoEpollin, waiting.waits_in, ERR_HUP | RDHUP);
    }
}

/// As nginx has its sockets: all events at once, and told once.
#[test]
fn edge_triggered() {
    if in_own_netns("epoll::edge_triggered") {
        let events = Interest::IN | Interest::OUT | Interest::EDGE | ERR_HUP | RDHUP;
        let waiting = Waiting::start("ignore-edge");
        waiting.is_stalled_by(CauseCode::EdgeNotRead, waiting.waits_in, events);
    }
}

/// Once told, the kernel keeps of the events only how they are told.
#[test]
fn one_shot() {
    if in_own_netns("epoll::one_shot") {
        let waiting = Waiting::start("not-rearm");
        waiting.is_stalled_by(CauseCode::OneshotNotRearmed, waiting.waits_in, Interest::ONESHOT);
    }
}

/// A set in a set: the outer one, in which the thread waits, tells once that the inner one has something.
#[test]
fn edge_triggered_from_outside() {
    if !in_own_netns("epoll::edge_triggered_from_outside") {
        return;
    }
    let waiting = Waiting::start("ignore-inner");
    let sets = kernel::epoll_events(waiting.role.pid(), waiting.fd);
    let [(inner, _)] = sets[..] else { panic!("{sets:?}") };
    let events = Interest::IN | Interest::EDGE | ERR_HUP;
    assert_eq!(kernel::epoll_events(waiting.role.pid(), inner), [(waiting.waits_in, events)]);
    let cause = waiting.seen.stalled_by(waiting.reader, CauseCode::EdgeNotRead);
    let fact = Fact::EpollInEpoll { set: waiting.waits_in, inner, events };
    stands_on(cause, waiting.role.pid(), |it| *it == fact);
}

#[test]
fn nobody_waits() {
    if !in_own_netns("epoll::nobody_waits") {
        return;
    }
    let waiting = Waiting::start("wait-elsewhere");
    let sets = kernel::epoll_events(waiting.role.pid(), waiting.fd);
    let [(set, _)] = sets[..] else { panic!("{sets:?}") };
    assert_ne!(set, waiting.waits_in);
    waiting.is_stalled_by(CauseCode::NobodyWaits, set, Interest::IN | ERR_HUP);
}
