//! Sockets that come, go, and change hands.

use std::time::Duration;

use crate::model::holder::Holder;
use crate::snapshot::entry::Holding;
use crate::watch::evidence::sample::StillOpen;
use crate::watch::judge;
use crate::watch::judge::progress::state::{Reading, Writing};
use crate::watch::judge::tests::made::{Sock, of, sample, samples};

fn appeared(sock: &Sock) -> Reading {
    let (before, now) = samples(&[], std::slice::from_ref(sock), &[]);
    of(&judge(&before, &now).sockets, 1).reading
}

#[test]
fn appearing() {
    // Nothing was ever read of it, and it has waited for half of the window.
    assert_eq!(appeared(&Sock::tcp(1).received(900).unread(900).last(500)), Reading::Stalled);
    assert_eq!(appeared(&Sock::tcp(1).received(900).unread(900).last(499)), Reading::Unknown);
    assert_eq!(appeared(&Sock::tcp(1).received(901).unread(900).last(500)), Reading::Unknown);
    assert_eq!(appeared(&Sock::tcp(1).unread(900)), Reading::Unknown);
    assert_eq!(appeared(&Sock::udp(1).unread(900)), Reading::Unknown);
    assert_eq!(appeared(&Sock::tcp(1).unsent(900)), Reading::Idle);
    // It was there, and empty.
    let empty = Sock::tcp(1).received(5).unsent(9);
    for (last, reading) in [(500, Reading::Stalled), (20, Reading::Unknown)] {
        let (before, now) =
            samples(std::slice::from_ref(&empty), &[Sock::tcp(1).received(905).unread(900).last(last)], &[]);
        assert_eq!(of(&judge(&before, &now).sockets, 1).reading, reading);
    }
}

#[test]
fn going() {
    let sock = Sock::tcp(1).received(900).unread(500).unsent(7);
    for (state, reading, consumed, closed) in [
        (Some(StillOpen::Yes), Reading::Idle, Some(500), false),
        (Some(StillOpen::No), Reading::Unknown, None, true),
        (Some(StillOpen::Unknown), Reading::Unknown, None, false),
        (None, Reading::Unknown, None, false),
    ] {
        let (before, mut now) = samples(std::slice::from_ref(&sock), &[], &[]);
        now.drained.extend(state.map(|state| (sock.key(), state)));
        let judged = of(&judge(&before, &now).sockets, 1).clone();
        assert_eq!(
            (judged.reading, judged.consumed, judged.closed),
            (reading, consumed, closed),
            "{state:?}"
        );
        assert_eq!((judged.before, judged.now), (Some(0), None));
        assert_eq!(judged.writing == Writing::Idle, state == Some(StillOpen::Yes));
        assert_eq!(judged.consumed_at_least, consumed.is_some());
    }
}

#[test]
fn changing_hands() {
    let held_by = |before: Sock, now: Sock| {
        let both = samples(&[before], &[now], &[]);
        of(&judge(&both.0, &both.1).sockets, 1).held_by.clone()
    };
    let sock = || Sock::tcp(1).received(9).unread(9);
    let first = Holder::new(5, 3);
    assert_eq!(held_by(sock().held(5, 3), sock().held(5, 3)), []);
    assert_eq!(held_by(sock().held(5, 3), sock().held(6, 4)), [first]);
    assert_eq!(held_by(sock().held(5, 3), sock().held(5, 3).held(6, 3)), [first]);
    assert_eq!(held_by(sock().held(5, 3), sock().holding(Holding::Orphan)), [first]);
    assert_eq!(held_by(sock().held(5, 3), sock().holding(Holding::Hidden)), []);
    let waiting = sock().held(5, 3).holding(Holding::AwaitingAccept { ambiguous: false });
    assert_eq!(held_by(waiting, sock().held(6, 4)), []);
}

#[test]
fn keys() {
    // The number of an inode is used again: two sockets.
    let (old, new) = (Sock::tcp(1).unread(9), Sock::tcp(1).unread(9));
    let new = new.with(|socket| socket.cookie = Some(crate::model::socket::Cookie(2)));
    let (before, now) = samples(&[old], &[new], &[]);
    assert_eq!(judge(&before, &now).sockets.len(), 2);
    // Nothing tells which this is.
    let nameless = Sock::tcp(1).with(|socket| (socket.cookie, socket.inode) = (None, None));
    let (before, now) = samples(std::slice::from_ref(&nameless), std::slice::from_ref(&nameless), &[]);
    assert_eq!(judge(&before, &now).sockets.len(), 0);
}

/// The window is what lies between, whatever it is.
#[test]
fn windows() {
    let sock = |received, unread| Sock::tcp(1).received(received).unread(unread);
    let judgement = judge(&sample(10, &[sock(900, 900)]), &sample(14, &[sock(1700, 1300)]));
    assert_eq!(judgement.window, Duration::from_secs(4));
    let judged = &judgement.sockets[0];
    assert_eq!((judged.consumed, judged.arriving), (Some(100), Some(200)));
}
