//! What is missing makes a cause unknown, and is said.

use crate::model::holder::{Holder, Via};
use crate::snapshot::entry::Holding;
use crate::watch::evidence::process::{Call, Interest, ProcessEvidence, ThreadEvidence, UnreadablePart};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode::{Blocked, NoEpollin, NotPolled, Unknown};
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::tests::made::{Sock, of, process, runs, samples, set, sleeps};

fn why(sock: &Sock, processes: &[ProcessEvidence]) -> Cause {
    let both = samples(std::slice::from_ref(sock), std::slice::from_ref(sock), processes);
    of(&judge(&both.0, &both.1).sockets, 1).cause.clone().unwrap()
}

fn stalled() -> Sock {
    Sock::tcp(1).received(900).unread(900)
}

fn lacks(what: UnreadablePart, thread: ThreadEvidence) -> ProcessEvidence {
    ProcessEvidence { missing: vec![what], ..process(5, thread) }
}

/// What anybody sees of a thread.
fn dark() -> ThreadEvidence {
    ThreadEvidence { syscall: None, ..sleeps(Call::Other, 0) }
}

#[test]
fn privileges() {
    let missing = |what| Fact::Missing(what);
    let sock = stalled().held(5, 3);
    // Descriptors, but not what threads do.
    let threads = lacks(UnreadablePart::Threads, dark());
    let cause = why(&sock, std::slice::from_ref(&threads));
    assert_eq!(
        (cause.code, cause.evidence),
        (Unknown, vec![missing(UnreadablePart::Threads), Fact::InNoEpoll(0)])
    );
    let level = ProcessEvidence { epolls: vec![set(4, 3, 1, Interest::IN)], ..threads.clone() };
    let cause = why(&sock, &[level]);
    assert_eq!((cause.code, cause.evidence.last()), (Unknown, Some(&missing(UnreadablePart::Threads))));
    // That a process has stopped asking is seen in its set.
    let paused = ProcessEvidence { epolls: vec![set(4, 3, 1, Interest::OUT)], ..threads };
    assert_eq!(why(&sock, &[paused]).code, NoEpollin);
    // What threads do, but not descriptors.
    let waits = lacks(UnreadablePart::Descriptors, sleeps(Call::EpollWait, 4));
    let cause = why(&sock, &[waits]);
    assert_eq!((cause.code, cause.evidence), (Unknown, vec![missing(UnreadablePart::Descriptors)]));
    let asleep = lacks(UnreadablePart::Descriptors, sleeps(Call::Sleep, 0));
    assert_eq!(why(&sock, &[asleep]).code, Blocked);
    // Who spins may be the one that waits for events all the time.
    let busy = |ticks| {
        let mut process = lacks(UnreadablePart::Descriptors, ThreadEvidence { ticks: Some(ticks), ..runs() });
        process.threads.push(ThreadEvidence { tid: 6, ..sleeps(Call::EpollWait, 4) });
        process
    };
    let mut both = samples(std::slice::from_ref(&sock), std::slice::from_ref(&sock), &[busy(0)]);
    both.1.processes.insert(5, busy(100));
    assert_eq!(of(&judge(&both.0, &both.1).sockets, 1).cause.as_ref().unwrap().code, Unknown);
    // Neither.
    let neither = ProcessEvidence {
        pid: 5,
        closely: true,
        missing: vec![UnreadablePart::Threads, UnreadablePart::Descriptors],
        ..Default::default()
    };
    let cause = why(&sock, &[neither]);
    let expected = vec![missing(UnreadablePart::Threads), missing(UnreadablePart::Descriptors)];
    assert_eq!((cause.code, cause.evidence), (Unknown, expected));
    // It is gone; nobody has looked.
    let gone = ProcessEvidence {
        pid: 5,
        closely: true,
        missing: vec![UnreadablePart::Process],
        ..Default::default()
    };
    assert_eq!(why(&sock, std::slice::from_ref(&gone)).evidence, [missing(UnreadablePart::Process)]);
    // Where another holds it, it is that one.
    let other = process(6, sleeps(Call::Sleep, 0));
    let cause = why(&stalled().held(5, 3).held(6, 3), &[gone, other]);
    assert_eq!((cause.code, cause.pid), (Blocked, Some(6)));
    assert_eq!(why(&sock, &[]).evidence, [missing(UnreadablePart::NotLookedAt)]);
    // It did not answer: that says nothing of what may be looked at.
    let silent = ProcessEvidence {
        pid: 5,
        closely: true,
        missing: vec![UnreadablePart::NoAnswer],
        ..Default::default()
    };
    let cause = why(&sock, &[silent]);
    assert_eq!((cause.code, cause.evidence), (Unknown, vec![missing(UnreadablePart::NoAnswer)]));
    // There are more threads than were looked at.
    let many = ProcessEvidence { more_threads: true, ..process(5, sleeps(Call::Sleep, 0)) };
    let cause = why(&sock, &[many]);
    assert_eq!(cause.code, Unknown);
    assert!(cause.evidence.contains(&missing(UnreadablePart::MoreThreads)), "{cause:?}");
    assert!(!cause.evidence.contains(&missing(UnreadablePart::Threads)), "{cause:?}");
    // Not closely: that its calls are not known follows from that.
    let lightly = ProcessEvidence { closely: false, ..process(5, ThreadEvidence::default()) };
    assert_eq!(why(&sock, &[lightly]).evidence, [missing(UnreadablePart::NotLookedAt)]);
    // A cgroup that may not be read does not hide the rest.
    let cgroup = lacks(UnreadablePart::Cgroup, sleeps(Call::Poll, 0));
    assert_eq!(why(&sock, &[cgroup]).code, NotPolled);
}

#[test]
fn nobody_is_known_to_hold_it() {
    let cause = why(&stalled().holding(Holding::Hidden), &[]);
    assert_eq!((cause.code, cause.pid), (Unknown, None));
    assert_eq!(cause.evidence, [Fact::Missing(UnreadablePart::Descriptors)]);
    assert_eq!(why(&stalled().holding(Holding::Orphan), &[]).evidence, []);
    // It is in a message, and who has not received that; a guess names nobody.
    let in_flight = |ambiguous| stalled().holding(Holding::InFlight { ambiguous });
    let cause = why(&in_flight(false).held(6, 9), &[process(6, sleeps(Call::Read, 9))]);
    let at = Holder::new(6, 9).leading(Via::InFlight);
    assert_eq!((cause.code, cause.pid, cause.evidence), (Unknown, Some(6), vec![Fact::InFlight(at)]));
    let cause = why(&in_flight(true).held(6, 9), &[process(6, sleeps(Call::Read, 9))]);
    assert_eq!((cause.code, cause.pid, cause.evidence), (Unknown, None, vec![]));
    // A ring of io_uring has it, and no descriptor.
    let cause = why(&stalled().holding(Holding::IoUring).held(6, 8), &[process(6, sleeps(Call::Read, 8))]);
    assert_eq!((cause.code, cause.pid, cause.evidence), (Unknown, Some(6), vec![Fact::Ring(8)]));
    let rings = vec![(8, vec![stalled().socket.inode.unwrap()])];
    let ring = ProcessEvidence { rings, ..process(6, sleeps(Call::Other, 0)) };
    let cause = why(&stalled().holding(Holding::Kernel), &[ring]);
    assert_eq!((cause.code, cause.pid, cause.evidence), (Unknown, Some(6), vec![Fact::Ring(8)]));
}
