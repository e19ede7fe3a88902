//! Processes that wait for an answer, or for a connection, before they read.

use crate::model::holder::Holder;
use crate::model::protocol::Protocol;
use crate::model::queues::queues;
use crate::model::socket::{Cookie, Inode};
use crate::model::state::State;
use crate::snapshot::entry::{Holding, Waiter};
use crate::watch::evidence::process::{Call, ProcessEvidence, Syscall, ThreadEvidence};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::code::CauseCode::{Blocked, Deadlock, NotPolled, Stopped};
use crate::watch::judge::cause::link::{Over, Wait};
use crate::watch::judge::cause::root::End;
use crate::watch::judge::judgement::Judged;
use crate::watch::judge::tests::chains::{asleep, check};
use crate::watch::judge::tests::made::{Sock, of, process, samples, sleeps};

fn judged(sockets: &[Sock], processes: &[ProcessEvidence]) -> Vec<Judged> {
    let both = samples(sockets, sockets, processes);
    judge(&both.0, &both.1).sockets
}

fn stopped(pid: u32) -> ProcessEvidence {
    process(pid, ThreadEvidence { state: Some(b'T'), ..sleeps(Call::Sleep, 0) })
}

/// Data that process 20 does not read.
fn unread() -> Sock {
    Sock::tcp(1).ports(80, 10_000).received(44_000).unread(44_000).held(20, 5)
}

/// What process 20 has asked process 30 over its descriptor 9: it is unread.
fn question() -> Sock {
    Sock::tcp(2).ports(90, 20_000).received(100).unread(100).held(30, 4).peer_held(20, 9)
}

/// The same at a listener, where nobody has accepted the connection.
fn waiting() -> [Sock; 2] {
    let question = question().with(|it| it.inode = None);
    let waits = vec![Waiter::Connection(Cookie(2))];
    let listener = Sock::listener(3, 1, 8).waiters(waits).held(30, 4);
    [question.holding(Holding::AwaitingAccept { ambiguous: false }), listener]
}

fn reads(pid: u32, fd: u32) -> ProcessEvidence {
    process(pid, sleeps(Call::Read, fd))
}

fn polls(pid: u32, descriptors: u64) -> ProcessEvidence {
    let syscall = Syscall::In { call: Call::Poll, number: 7, arguments: [77, descriptors, 0, 0, 0, 0] };
    process(pid, ThreadEvidence { syscall: Some(syscall), ..sleeps(Call::Poll, 0) })
}

#[test]
fn an_answer() {
    let all = judged(&[unread(), question()], &[reads(20, 9), stopped(30)]);
    check(of(&all, 1), (Blocked, &[((20, 9), Some((30, 4)))], Some((30, Stopped))));
    let link = &of(&all, 1).root.as_ref().unwrap().links[0];
    assert_eq!((link.over, link.wait), (Over::Answer(1), Wait::Blocked));
    assert_eq!(link.unsent.map(|unsent| unsent.0), Some(100));
    // It has read what was asked.
    let all = judged(&[unread()], &[reads(20, 9), stopped(30)]);
    check(of(&all, 1), (Blocked, &[], None));
    // It waits for somebody else.
    let all = judged(&[unread(), question()], &[reads(20, 8), stopped(30)]);
    check(of(&all, 1), (Blocked, &[], None));
    // Or for time to pass.
    let all = judged(&[unread(), question()], &[asleep(20), stopped(30)]);
    check(of(&all, 1), (Blocked, &[], None));
}

#[test]
fn a_connection_that_nobody_accepts() {
    let [question, listener] = waiting();
    let all = judged(&[unread(), question, listener], &[reads(20, 9), asleep(30)]);
    check(of(&all, 1), (Blocked, &[((20, 9), Some((30, 4)))], Some((30, Blocked))));
    // Over a unix socket it is in no table, and the listener names the client's.
    let waits = vec![Waiter::Client(Inode::new(77).unwrap())];
    let listener = Sock::listener(3, 1, 8).waiters(waits).held(30, 4);
    let mut client = reads(20, 9);
    client.threads[0].target = Some(b"socket:[77]".to_vec());
    let all = judged(&[unread(), listener.clone()], &[client.clone(), stopped(30)]);
    check(of(&all, 1), (Blocked, &[((20, 9), Some((30, 4)))], Some((30, Stopped))));
    assert_eq!(of(&all, 1).root.as_ref().unwrap().links[0].unsent, None);
    client.threads[0].target = Some(b"socket:[78]".to_vec());
    let all = judged(&[unread(), listener], &[client, stopped(30)]);
    check(of(&all, 1), (Blocked, &[], None));
}

/// Nothing was asked, and so the connection holds nothing.
#[test]
fn a_greeting() {
    let waits = vec![Waiter::Connection(Cookie(99))];
    let listener = |number, pid| Sock::listener(number, 1, 8).waiters(waits.clone()).held(pid, 4);
    let sockets = [unread(), listener(3, 30), listener(4, 40)];
    let mut client = reads(20, 9);
    client.threads[0].target = Some(b"socket:[77]".to_vec());
    let judged = |ends: &[u32]| {
        let mut both = samples(&sockets, &sockets, &[client.clone(), stopped(30), stopped(40)]);
        let ends = ends.iter().fold(Sock::tcp(77).held(20, 9), |sock, pid| sock.peer_held(*pid, 4));
        both.1.awaited = vec![ends.entry()];
        judge(&both.0, &both.1).sockets
    };
    check(of(&judged(&[40]), 1), (Blocked, &[((20, 9), Some((40, 4)))], Some((40, Stopped))));
    // Both listen at the address: which of them has it is not known.
    check(of(&judged(&[30, 40]), 1), (Blocked, &[], None));
    check(of(&judged(&[]), 1), (Blocked, &[], None));
}

/// In poll for one descriptor it is the only connection at which something was asked, or it cannot be told.
#[test]
fn an_answer_that_poll_waits_for() {
    let link = ((20, 9), Some((30, 4)));
    let all = judged(&[unread(), question()], &[polls(20, 1), stopped(30)]);
    check(of(&all, 1), (NotPolled, &[link], Some((30, Stopped))));
    assert_eq!(of(&all, 1).root.as_ref().unwrap().links[0].wait, Wait::Poll);
    let all = judged(&[unread(), question()], &[polls(20, 2), stopped(30)]);
    check(of(&all, 1), (NotPolled, &[], None));
    let other = Sock::tcp(4).ports(91, 20_001).received(9).unread(9).held(40, 4).peer_held(20, 10);
    let all = judged(&[unread(), question(), other], &[polls(20, 1), stopped(30), stopped(40)]);
    check(of(&all, 1), (NotPolled, &[], None));
}

/// Two processes ask each other, and wait for the answer.
#[test]
fn a_circle() {
    let other = Sock::tcp(4).ports(91, 20_001).received(9).unread(9).held(20, 6).peer_held(30, 8);
    let all = judged(&[unread(), question(), other], &[reads(20, 9), reads(30, 8)]);
    assert_eq!(of(&all, 1).cause.as_ref().unwrap().code, Deadlock);
    assert_eq!(of(&all, 1).root.as_ref().unwrap().end, End::Circle(20));
}

fn connects(wchan: &[u8]) -> ProcessEvidence {
    process(20, ThreadEvidence { wchan: Some(wchan.to_vec()), ..sleeps(Call::Connect, 9) })
}

/// A full unix listener with this number.
fn full(number: u32, pid: u32) -> Sock {
    let listener = Sock::stream(number).state(State::Listen).held(pid, 4);
    let waits = vec![Waiter::Client(Inode::new(number + 100).unwrap())];
    listener
        .with(|it| (it.recv_q, it.send_q) = queues(Protocol::UnixStream, State::Listen, 2, 1))
        .waiters(waits)
}

#[test]
fn a_unix_connection() {
    let waits = connects(b"unix_wait_for_peer");
    let all = judged(&[unread(), full(3, 30)], &[waits.clone(), stopped(30)]);
    check(of(&all, 1), (Blocked, &[((20, 9), Some((30, 4)))], Some((30, Stopped))));
    assert_eq!(of(&all, 1).root.as_ref().unwrap().links[0].over, Over::Connect(1));
    // To something else than a unix socket.
    let all = judged(&[unread(), full(3, 30)], &[connects(b"wait_woken"), stopped(30)]);
    check(of(&all, 1), (Blocked, &[], None));
    // A listener with room keeps nobody waiting.
    let room = full(3, 30).with(|it| it.send_q = queues(Protocol::UnixStream, State::Listen, 2, 9).1);
    let all = judged(&[unread(), room], &[waits.clone(), stopped(30)]);
    check(of(&all, 1), (Blocked, &[], None));
    // Two are full: which of them cannot be told.
    let all = judged(&[unread(), full(3, 30), full(4, 40)], &[waits, stopped(30), stopped(40)]);
    assert_eq!(of(&all, 1).cause.as_ref().unwrap().code, CauseCode::Blocked);
    let root = of(&all, 1).root.as_ref().unwrap();
    assert_eq!((root.reader(), root.links.len()), (None, 0));
    let End::OneOf(links) = &root.end else { panic!("{root:?}") };
    let readers: Vec<_> = links.iter().map(|link| link.reader).collect();
    assert_eq!(readers, [Some(Holder::new(30, 4)), Some(Holder::new(40, 4))]);
}

#[test]
fn a_tcp_connection() {
    let at = |number, port, pid| {
        let waits = vec![Waiter::Connection(Cookie(99))];
        Sock::listener(number, 3, 2).ports(port, 0).waiters(waits).held(pid, 4)
    };
    let asks = Sock::tcp(2).ports(20_000, 90).state(State::SynSent).unsent(1).acked(0).held(20, 9);
    let sockets = [unread(), asks, at(3, 91, 40), at(4, 90, 30)];
    let all = judged(&sockets, &[connects(b"wait_woken"), stopped(30), stopped(40)]);
    check(of(&all, 1), (Blocked, &[((20, 9), Some((30, 4)))], Some((30, Stopped))));
    let all = judged(&sockets[..3], &[connects(b"wait_woken"), stopped(40)]);
    check(of(&all, 1), (Blocked, &[], None));
}
