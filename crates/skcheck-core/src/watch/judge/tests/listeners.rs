//! Listeners: whether the connections that wait there are accepted.

use crate::model::socket::Cookie;
use crate::snapshot::entry::{Holding, Waiter};
use crate::watch::evidence::process::Call;
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::progress::state::Reading::{Draining, Idle, Slow, Stalled, Unknown};
use crate::watch::judge::tests::made::{Sock, WINDOW, of, one, process, runs, samples, sleeps};

/// A queue of three, with the cookies of those that wait.
fn listener(waiting: u32, cookies: &[u64]) -> Sock {
    let waiters = cookies.iter().map(|cookie| Waiter::Connection(Cookie(*cookie)));
    Sock::listener(1, waiting, 3).waiters(waiters.collect())
}

#[test]
fn who_waits_in_both_was_not_accepted() {
    let check = |before: (u32, &[u64]), now: (u32, &[u64]), expected: (Reading, Option<u64>)| {
        let judged = one(&listener(before.0, before.1), &listener(now.0, now.1));
        assert_eq!((judged.reading, judged.accepted), expected, "{before:?} {now:?}");
        assert_eq!(judged.unread_age, (judged.reading == Stalled).then_some(WINDOW));
    };
    check((4, &[1, 2, 3, 4]), (4, &[1, 2, 3, 4]), (Stalled, Some(0)));
    // More came; full or not.
    check((1, &[1]), (2, &[1, 2]), (Stalled, Some(0)));
    // All of them changed, as many as fit; one of them; some and none came.
    check((4, &[1, 2, 3, 4]), (4, &[5, 6, 7, 8]), (Slow, Some(4)));
    check((4, &[1, 2, 3, 4]), (4, &[2, 3, 4, 5]), (Slow, Some(1)));
    check((4, &[1, 2, 3, 4]), (1, &[4]), (Draining, Some(3)));
    check((1, &[1]), (2, &[2, 3]), (Slow, Some(1)));
    check((1, &[1]), (1, &[2]), (Draining, Some(1)));
    check((4, &[1, 2, 3, 4]), (0, &[]), (Idle, None));
    // Two clients have reset their connections: these wait on, and have no name.
    check((4, &[1, 2, 3, 4]), (4, &[3, 4]), (Stalled, Some(0)));
    check((4, &[3, 4]), (4, &[3, 4]), (Stalled, Some(0)));
    check((4, &[1, 2, 3, 4]), (4, &[4, 5]), (Slow, Some(1)));
    // Nobody has a name: only fewer tell.
    check((4, &[]), (4, &[]), (Unknown, None));
    check((4, &[]), (2, &[]), (Draining, Some(2)));
    check((0, &[]), (4, &[1, 2, 3, 4]), (Unknown, None));
}

#[test]
fn a_holder_that_has_not_run_has_accepted_nobody() {
    let sock = [listener(4, &[]).held(5, 3)];
    let both = |thread| samples(&sock, &sock, &[process(5, thread)]);
    let asleep = both(sleeps(Call::Sleep, 0));
    let judged = judge(&asleep.0, &asleep.1).sockets;
    assert_eq!((of(&judged, 1).reading, of(&judged, 1).accepted), (Stalled, Some(0)));
    assert_eq!(of(&judged, 1).cause.as_ref().map(|cause| cause.code), Some(CauseCode::Blocked));
    let busy = both(runs());
    assert_eq!(of(&judge(&busy.0, &busy.1).sockets, 1).reading, Unknown);
}

#[test]
fn nobody_holds_it() {
    let sock = [listener(4, &[1]).holding(Holding::Hidden)];
    let both = samples(&sock, &sock, &[]);
    let judged = judge(&both.0, &both.1).sockets;
    let cause = of(&judged, 1).cause.as_ref().unwrap();
    assert_eq!((cause.code, cause.pid, cause.evidence.len()), (CauseCode::AcceptFull, None, 2));
}

/// A connection with data that waits at a listener which accepts others stands in a line that moves.
#[test]
fn waiting_for_its_turn() {
    let connection = || {
        let sock = Sock::tcp(2).received(900).unread(900).held(5, 3).with(|it| it.inode = None);
        sock.holding(Holding::AwaitingAccept { ambiguous: false })
    };
    let check = |now: &[u64], expected| {
        let before = [listener(4, &[1, 2, 3, 4]).held(5, 3), connection()];
        let now = [listener(4, now).held(5, 3), connection()];
        let both = samples(&before, &now, &[process(5, runs())]);
        assert_eq!(of(&judge(&both.0, &both.1).sockets, 2).reading, expected);
    };
    check(&[2, 3, 4, 5], Slow);
    check(&[1, 2, 3, 4], Stalled);
}
