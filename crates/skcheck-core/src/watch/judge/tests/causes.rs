//! Why one process does not read: every code that needs no other process, and what it stands on.

use std::time::Duration;

use crate::snapshot::entry::Holding;
use crate::watch::evidence::process::{
    Call, Interest, ProcessEvidence, Quota, Syscall, ThreadEvidence, Throttling,
};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::code::CauseCode::{
    AcceptFull, Blocked, EdgeNotRead, Frozen, NoEpollin, NobodyWaits, NotPolled, OneshotNotRearmed, Spinning,
    Stopped, StuckReading, Throttled, Unknown, Zombie,
};
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::tests::made::{Sock, of, process, runs, samples, set, sleeps};

const PID: u32 = 5;
const FD: u32 = 3;
const SET: u32 = 4;
const INODE: u64 = 1;
const IN: u32 = Interest::IN;
const OUT: u32 = Interest::OUT;
const EDGE: u32 = Interest::EDGE;
const ONESHOT: u32 = Interest::ONESHOT;
/// EPOLLERR and EPOLLHUP, which the kernel adds.
const ALWAYS: u32 = 0x18;

fn stalled() -> Sock {
    Sock::tcp(1).received(900).unread(900).held(PID, FD)
}

/// Why a reader stands still whose process was seen so before and now.
fn why(before: &ProcessEvidence, now: &ProcessEvidence) -> Cause {
    let mut both = samples(&[stalled()], &[stalled()], std::slice::from_ref(before));
    both.1.processes.insert(PID, now.clone());
    let judged = judge(&both.0, &both.1).sockets;
    assert_eq!((of(&judged, 1).reading, &of(&judged, 1).root), (Reading::Stalled, &None));
    of(&judged, 1).cause.clone().expect("a stalled reader has a cause")
}

fn check(now: &ProcessEvidence, code: CauseCode, first: Option<&Fact>) {
    let cause = why(now, now);
    assert_eq!((cause.code, cause.pid), (code, Some(PID)), "{now:?}");
    assert_eq!(cause.evidence.first(), first, "{now:?}");
}

/// An event loop that waits in its set, which the socket is in with these events.
fn event_loop(events: u32) -> ProcessEvidence {
    with(process(PID, sleeps(Call::EpollWait, SET)), |it| it.epolls = vec![set(SET, FD, INODE, events)])
}

fn with(mut process: ProcessEvidence, change: impl FnOnce(&mut ProcessEvidence)) -> ProcessEvidence {
    change(&mut process);
    process
}

fn add(process: ProcessEvidence, tid: u32, thread: ThreadEvidence) -> ProcessEvidence {
    with(process, |it| it.threads.push(ThreadEvidence { tid, ..thread }))
}

fn thread(tid: u32, state: u8, call: Call, fd: Option<u32>) -> Fact {
    Fact::Thread { tid, state, call: Some((call, fd)), wchan: None }
}

fn in_state(state: u8, thread: ThreadEvidence) -> ProcessEvidence {
    process(PID, ThreadEvidence { state: Some(state), ..thread })
}

#[test]
fn stopped() {
    let job = in_state(b'T', sleeps(Call::Read, FD));
    check(&job, Stopped, Some(&Fact::State(b'T')));
    let traced = with(in_state(b't', sleeps(Call::Sleep, 0)), |it| it.tracer = Some(77));
    assert_eq!(why(&traced, &traced).evidence, [Fact::State(b't'), Fact::TracedBy(77)]);
    // Nobody needs a privilege to see that.
    check(&with(job.clone(), |it| it.threads.clear()), Stopped, Some(&Fact::State(b'T')));
    // A tracer holds the main thread alone, and another reads.
    let others = add(traced, 6, sleeps(Call::Futex, 0));
    assert_ne!(why(&others, &others).code, Stopped);
}

#[test]
fn frozen() {
    let frozen = with(event_loop(IN), |it| {
        (it.frozen, it.cgroup) = (Some(true), Some(b"/a".to_vec()));
    });
    check(&frozen, Frozen, Some(&Fact::FrozenCgroup(b"/a".to_vec())));
    for wchan in [&b"do_freezer_trap"[..], b"__refrigerator"] {
        let parked = in_state(b'D', ThreadEvidence { wchan: Some(wchan.to_vec()), ..sleeps(Call::Read, FD) });
        assert_eq!(why(&parked, &parked).code, Frozen);
    }
    check(&with(frozen, |it| it.frozen = Some(false)), Unknown, Some(&Fact::Epoll { set: SET, events: IN }));
}

#[test]
fn dead_children() {
    let main = add(in_state(b'Z', ThreadEvidence::default()), 6, sleeps(Call::Futex, 0));
    check(&main, Zombie, Some(&Fact::State(b'Z')));
    // Its main thread has ended, and another one serves.
    let serves = with(add(main, 7, sleeps(Call::EpollWait, SET)), |it| {
        it.epolls = vec![set(SET, FD, INODE, OUT)];
    });
    check(&serves, NoEpollin, Some(&Fact::Epoll { set: SET, events: OUT }));
    // A child that has ended is the cause only where it was seen with the socket.
    let parent = with(process(PID, sleeps(Call::Sleep, 0)), |it| it.dead_children = vec![8, 9]);
    let cause = why(&parent, &parent);
    let expected =
        [thread(PID, b'S', Call::Sleep, None), Fact::ZombieChild(8), Fact::ZombieChild(9)].to_vec();
    assert_eq!((cause.code, cause.evidence), (Blocked, expected));
    let both = samples(&[stalled().held(9, FD)], &[stalled()], std::slice::from_ref(&parent));
    let cause = of(&judge(&both.0, &both.1).sockets, 1).cause.clone().unwrap();
    assert_eq!((cause.code, cause.evidence), (Zombie, vec![Fact::ZombieChild(9), Fact::InNoEpoll(0)]));
    // The parent reads by itself.
    let reads = with(event_loop(EDGE | IN), |it| it.dead_children = vec![9]);
    assert_eq!(why(&reads, &reads).code, EdgeNotRead);
}

#[test]
fn throttled() {
    let quota = |periods, throttled, process| {
        let throttling = Throttling { periods, throttled, ..Throttling::default() };
        with(process, |it| it.quotas = vec![Quota { cgroup: b"/q".to_vec(), throttling }])
    };
    let running = || process(PID, runs());
    let cause = why(&quota(100, 50, running()), &quota(110, 59, running()));
    let fact = Fact::Throttled { throttled: 9, periods: 10, cgroup: b"/q".to_vec() };
    assert_eq!((cause.code, cause.evidence), (Throttled, vec![fact]));
    // Now and then; long ago; asleep for another reason.
    assert_ne!(why(&quota(100, 50, running()), &quota(110, 54, running())).code, Throttled);
    assert_ne!(why(&quota(100, 50, running()), &quota(110, 50, running())).code, Throttled);
    let asleep = || process(PID, sleeps(Call::Futex, 0));
    assert_eq!(why(&quota(100, 50, asleep()), &quota(110, 59, asleep())).code, Blocked);
}

#[test]
fn spinning() {
    let used = |ticks, process: ProcessEvidence| with(process, |it| it.threads[0].ticks = Some(ticks));
    let cause = why(&used(5, process(PID, runs())), &used(90, process(PID, runs())));
    assert_eq!(
        (cause.code, cause.evidence),
        (Spinning, vec![Fact::Spins { tid: PID, percent: 85, waits: 0 }])
    );
    assert_ne!(why(&used(5, process(PID, runs())), &used(80, process(PID, runs()))).code, Spinning);
    // The scheduler tells more: others want the processor, too, and a look can come late.
    let turns = |late, ran, waited| {
        with(process(PID, runs()), |it| {
            let ms = Duration::from_millis;
            let thread = &mut it.threads[0];
            (thread.read_after, thread.ran, thread.waited) = (ms(late), Some(ms(ran)), Some(ms(waited)));
        })
    };
    let cause = why(&turns(500, 50, 7000), &turns(200, 260, 7420));
    assert_eq!(cause.evidence, [Fact::Spins { tid: PID, percent: 30, waits: 60 }]);
    assert_ne!(why(&turns(200, 50, 7000), &turns(200, 260, 7420)).code, Spinning);
    // Another process had that pid.
    let reused = with(used(5, process(PID, runs())), |it| it.start_time = Some(6));
    assert_ne!(why(&reused, &used(90, process(PID, runs()))).code, Spinning);
    // One thread computes, another waits for events.
    let pool = |ticks| {
        let both = add(used(ticks, process(PID, runs())), 6, sleeps(Call::EpollWait, SET));
        with(both, |it| it.epolls = vec![set(SET, FD, INODE, OUT)])
    };
    assert_eq!(why(&pool(5), &pool(100)).code, NoEpollin);
}

#[test]
fn epoll() {
    let fact = |events| Fact::Epoll { set: SET, events };
    let cases = [
        (OUT | ALWAYS, NoEpollin),
        (ALWAYS, NoEpollin),
        // Somebody else's urgent data and hang-ups.
        (0x2000 | ALWAYS, NoEpollin),
        (ONESHOT | OUT | ALWAYS, NoEpollin),
        (IN | OUT | 0x2000 | EDGE | ALWAYS, EdgeNotRead),
        (Interest::RDNORM | EDGE | ALWAYS, EdgeNotRead),
        (ONESHOT, OneshotNotRearmed),
        (ONESHOT | EDGE, OneshotNotRearmed),
        // Its thread is about to be told.
        (IN | ALWAYS, Unknown),
        (IN | ONESHOT | ALWAYS, Unknown),
    ];
    for (events, code) in cases {
        check(&event_loop(events), code, Some(&fact(events)));
        // What a process asks for is seen whatever its threads do.
        let code = if code == Unknown { NobodyWaits } else { code };
        check(
            &with(event_loop(events), |it| it.threads[0] = ThreadEvidence { tid: PID, ..runs() }),
            code,
            Some(&fact(events)),
        );
    }
}

#[test]
fn nobody_waits() {
    let elsewhere = |thread| with(event_loop(IN), |it| it.threads = process(PID, thread).threads);
    let fact = Fact::Epoll { set: SET, events: IN };
    check(&elsewhere(sleeps(Call::EpollWait, 8)), NobodyWaits, Some(&fact));
    assert!(why(&elsewhere(sleeps(Call::Futex, 0)), &event_loop(IN)).code == Unknown);
    // That nobody waits there follows from where its threads are, whatever the events; one of several may
    // belong to another set.
    for events in [IN, IN | EDGE, OUT, ONESHOT] {
        let blocked =
            with(elsewhere(sleeps(Call::Futex, 0)), |it| it.epolls = vec![set(SET, FD, INODE, events)]);
        let cause = why(&blocked, &blocked);
        let sleeps = thread(PID, b'S', Call::Futex, None);
        assert_eq!((cause.code, cause.evidence), (Blocked, vec![sleeps, Fact::Epoll { set: SET, events }]));
    }
    let several = add(elsewhere(sleeps(Call::Futex, 0)), 6, sleeps(Call::EpollWait, 8));
    check(&several, NobodyWaits, Some(&fact));
    // A set in a set: its thread waits in the outer one.
    let nested = with(elsewhere(sleeps(Call::EpollWait, 8)), |it| it.epolls.push(set(8, SET, 99, IN)));
    let outer = |events| Fact::EpollInEpoll { set: 8, inner: SET, events };
    check(&nested, Unknown, Some(&outer(IN)));
    // It is told once, must ask again, or does not want to know.
    for (events, code) in [(IN | EDGE, EdgeNotRead), (ONESHOT, OneshotNotRearmed), (OUT, NoEpollin)] {
        let muted = with(nested.clone(), |it| it.epolls[1] = set(8, SET, 99, events));
        check(&muted, code, Some(&outer(events)));
    }
    // Two sets in each other, and nobody waits; that there is none is known of the inner one.
    let knot = with(nested, |it| {
        it.epolls = vec![set(SET, FD, INODE, IN), set(SET, 6, 98, IN), set(6, SET, 99, IN)];
    });
    assert_eq!(why(&knot, &knot).code, NobodyWaits);
}

#[test]
fn sets_are_matched_by_inode() {
    // Added as 30, which is closed since; its own number is another file's there.
    let renamed = with(event_loop(0), |it| it.epolls = vec![set(SET, 30, INODE, OUT)]);
    check(&renamed, NoEpollin, Some(&Fact::Epoll { set: SET, events: OUT }));
    let other = with(event_loop(0), |it| it.epolls = vec![set(SET, FD, 99, OUT)]);
    check(&other, NotPolled, Some(&Fact::InNoEpoll(1)));
    let untold = with(event_loop(OUT), |it| it.epolls[0].interests[0].inode = None);
    check(&untold, NoEpollin, Some(&Fact::Epoll { set: SET, events: OUT }));
    // For writing in one set, for reading in another.
    let both = with(event_loop(OUT), |it| it.epolls.push(set(8, 30, INODE, IN | EDGE)));
    check(&both, EdgeNotRead, Some(&Fact::Epoll { set: 8, events: IN | EDGE }));
}

#[test]
fn blocked() {
    check(&process(PID, sleeps(Call::Sleep, 0)), Blocked, Some(&thread(PID, b'S', Call::Sleep, None)));
    check(&process(PID, sleeps(Call::Read, 9)), Blocked, Some(&thread(PID, b'S', Call::Read, Some(9))));
    let fault = ThreadEvidence { syscall: Some(Syscall::None), ..sleeps(Call::Other, 0) };
    assert_eq!(why(&process(PID, fault.clone()), &process(PID, fault)).code, Blocked);
    // Even an event loop, when it hangs in a disk; and nobody needs a privilege to see that.
    let hangs = with(event_loop(IN | EDGE), |it| it.threads[0].state = Some(b'D'));
    check(&hangs, Blocked, Some(&thread(PID, b'D', Call::EpollWait, Some(SET))));
    let dark = in_state(b'D', ThreadEvidence::default());
    assert_eq!(why(&dark, &dark).code, Blocked);
    // One runs.
    check(&add(process(PID, sleeps(Call::Futex, 0)), 6, runs()), NotPolled, Some(&Fact::InNoEpoll(0)));
    // Its own data waits, and it does not take it: it asks for more than there is.
    check(&process(PID, sleeps(Call::Read, FD)), Unknown, Some(&thread(PID, b'S', Call::Read, Some(FD))));
}

/// In the middle of reading the socket itself: for its memory, or for the lock that another has.
#[test]
fn stuck_reading() {
    let reads = |state, wchan: &[u8]| {
        let wchan = Some(wchan.to_vec());
        ThreadEvidence { state: Some(state), wchan, ..sleeps(Call::Read, FD) }
    };
    let code = |thread: ThreadEvidence| why(&process(PID, thread.clone()), &process(PID, thread)).code;
    assert_eq!(code(reads(b'S', b"handle_userfault")), StuckReading);
    assert_eq!(code(reads(b'D', b"request_wait_answer")), StuckReading);
    let both = add(process(PID, reads(b'S', b"handle_userfault")), 6, reads(b'D', b"__lock_sock"));
    assert_eq!(why(&both, &both).evidence.len(), 2);
    // It waits for more than is there.
    assert_eq!(code(reads(b'S', b"wait_woken")), Unknown);
    // Nothing tells what for.
    assert_eq!(code(sleeps(Call::Read, FD)), Unknown);
    // It came back in between.
    let again = process(PID, ThreadEvidence { runs: Some(101), ..reads(b'S', b"handle_userfault") });
    assert_eq!(why(&process(PID, reads(b'S', b"handle_userfault")), &again).code, Unknown);
    // It reads another.
    let other = ThreadEvidence { wchan: Some(b"handle_userfault".to_vec()), ..sleeps(Call::Read, 9) };
    assert_eq!(code(other), Blocked);
}

#[test]
fn not_polled() {
    let fact = Fact::InNoEpoll(1);
    let waits = with(event_loop(0), |it| it.epolls[0].interests.clear());
    check(&waits, NotPolled, Some(&fact));
    // Poll would tell at once, if it were asked.
    check(&process(PID, sleeps(Call::Poll, 0)), NotPolled, Some(&Fact::InNoEpoll(0)));
    let ring = with(process(PID, sleeps(Call::Other, 0)), |it| {
        it.threads[0].syscall = Some(Syscall::In { call: Call::Other, number: 426, arguments: [8; 6] });
    });
    check(&ring, NotPolled, Some(&Fact::InNoEpoll(0)));
    let registered = with(ring, |it| it.rings = vec![(8, vec![stalled().socket.inode.unwrap()])]);
    check(&registered, Unknown, Some(&Fact::Ring(8)));
}

/// The queue of a listener, and a connection that waits there with data in its own.
#[test]
fn accept_full() {
    let connection = || {
        let sock = Sock::tcp(1).received(900).unread(900).held(PID, 8).with(|it| it.inode = None);
        sock.holding(Holding::AwaitingAccept { ambiguous: false })
    };
    let check = |waiting, holder: &ProcessEvidence, code| {
        let socks = [connection(), Sock::listener(2, waiting, 5).held(PID, 8)];
        let both = samples(&socks, &socks, std::slice::from_ref(holder));
        let judged = judge(&both.0, &both.1).sockets;
        let fact = Fact::AcceptQueue { waiting, limit: Some(5) };
        for number in [1, 2] {
            let of = of(&judged, number);
            let cause = of.cause.clone().unwrap();
            let found = (of.reading, cause.code, cause.evidence.contains(&fact));
            assert_eq!(found, (Reading::Stalled, code, true), "{number}: {holder:?}");
        }
    };
    let accepts = |events| {
        with(process(PID, sleeps(Call::EpollWait, SET)), |it| it.epolls = vec![set(SET, 8, 2, events)])
    };
    let asleep = process(PID, sleeps(Call::Sleep, 0));
    // That it is full follows from these.
    check(6, &asleep, Blocked);
    check(5, &accepts(OUT), NoEpollin);
    check(5, &accepts(IN), AcceptFull);
    check(6, &process(PID, sleeps(Call::Accept, 8)), AcceptFull);
    check(2, &asleep, Blocked);
    check(2, &accepts(OUT), NoEpollin);
    check(2, &accepts(IN), Unknown);
    let stopped = in_state(b'T', sleeps(Call::Accept, 8));
    check(6, &stopped, Stopped);
    check(2, &stopped, Stopped);
    check(2, &process(PID, sleeps(Call::Accept, 8)), Unknown);
}

/// The same descriptor is meant whichever way it is written.
#[test]
fn the_upper_half_of_a_register_is_anything() {
    let wide = with(process(PID, sleeps(Call::Read, FD)), |it| {
        let arguments = [u64::from(FD) | 7 << 32, 0, 0, 0, 0, 0];
        it.threads[0].syscall = Some(Syscall::In { call: Call::Read, number: 0, arguments });
    });
    check(&wide, Unknown, Some(&thread(PID, b'S', Call::Read, Some(FD))));
}
