//! Sockets that several processes hold.

use crate::model::holder::Holder;
use crate::watch::evidence::process::{Call, Interest, ProcessEvidence, ThreadEvidence, UnreadablePart};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::code::CauseCode::{
    Blocked, EdgeNotRead, NoEpollin, NotPolled, Stopped, Unknown,
};
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::cause::link::Wait;
use crate::watch::judge::tests::made::{Sock, of, process, samples, set, sleeps};

fn check(processes: &[ProcessEvidence], code: CauseCode, pid: u32) -> Cause {
    let sock = Sock::tcp(1).received(900).unread(900);
    let sock = processes.iter().fold(sock, |sock, process| sock.held(process.pid, 3));
    let both = samples(std::slice::from_ref(&sock), std::slice::from_ref(&sock), processes);
    let cause = of(&judge(&both.0, &both.1).sockets, 1).cause.clone().unwrap();
    assert_eq!((cause.code, cause.pid), (code, Some(pid)), "{processes:?}");
    cause
}

fn stopped(pid: u32) -> ProcessEvidence {
    process(pid, ThreadEvidence { state: Some(b'T'), ..sleeps(Call::EpollWait, 4) })
}

fn with_set(process: ProcessEvidence, events: u32) -> ProcessEvidence {
    ProcessEvidence { epolls: vec![set(4, 3, 1, events)], ..process }
}

#[test]
fn the_one_that_reads_counts() {
    let parent = || process(5, sleeps(Call::Wait, 0));
    let worker = |pid| with_set(process(pid, sleeps(Call::EpollWait, 4)), Interest::OUT);
    check(&[parent(), worker(6)], NoEpollin, 6);
    // The parent has it in no set: the one that reads is stopped.
    check(&[parent(), with_set(stopped(6), Interest::IN)], Stopped, 6);
    check(&[stopped(5), worker(6)], NoEpollin, 6);
}

/// As long as another one could read, a stopped process is not the cause.
#[test]
fn all_must_be_stopped() {
    check(&[stopped(5), stopped(6)], Stopped, 5);
    let edge = || with_set(process(6, sleeps(Call::EpollWait, 4)), Interest::IN | Interest::EDGE);
    check(&[with_set(stopped(5), Interest::IN), edge()], EdgeNotRead, 6);
    check(&[stopped(5), process(6, sleeps(Call::Sleep, 0))], Blocked, 6);
}

/// Who may not be looked at may be the one that reads.
#[test]
fn one_is_unknown() {
    let hidden = ProcessEvidence {
        pid: 6,
        closely: true,
        missing: vec![UnreadablePart::Threads, UnreadablePart::Descriptors],
        ..Default::default()
    };
    check(&[process(5, sleeps(Call::Wait, 0)), hidden.clone()], Unknown, 6);
    let worker = with_set(process(5, sleeps(Call::EpollWait, 4)), Interest::OUT);
    check(&[worker, hidden], NoEpollin, 5);
}

fn named(process: ProcessEvidence, comm: &str, parent: u32) -> ProcessEvidence {
    ProcessEvidence { comm: Some(comm.as_bytes().to_vec()), parent: Some(parent), ..process }
}

/// A master has accepted a connection, and sent it to its worker over a channel that this does not read.
#[test]
fn handed_to_a_worker() {
    let judged = |worker: ProcessEvidence, to_receive: u32| {
        let sock = Sock::tcp(1).received(900).unread(900).held(5, 20);
        let near = Sock::stream(2).peer(3).held(5, 19).peer_held(6, 3);
        let far = Sock::stream(3).peer(2).unread(132).held(6, 3).peer_held(5, 19);
        let sockets = [sock, near, far];
        let channels = (to_receive > 0).then_some((3, to_receive));
        // It need not be a child of the one that has accepted.
        let worker = ProcessEvidence { channels: channels.into_iter().collect(), ..worker };
        let loops = with_set(process(5, sleeps(Call::EpollWait, 4)), Interest::IN);
        let master = ProcessEvidence { epolls: vec![set(4, 9, 9, Interest::IN)], ..loops };
        let both = samples(&sockets, &sockets, &[master, worker]);
        of(&judge(&both.0, &both.1).sockets, 1).clone()
    };
    let asleep = || process(6, sleeps(Call::Sleep, 0));
    let of_worker = judged(asleep(), 1);
    let root = of_worker.root.as_ref().unwrap();
    assert_eq!((root.reader(), root.links[0].wait), (Some(Holder::new(6, 3)), Wait::Handed), "{root:?}");
    assert_eq!(root.links[0].writer, Holder::new(5, 19));
    assert_eq!(of_worker.cause.as_ref().map(|cause| cause.code), Some(NotPolled));
    // What waits there is no descriptor; or the worker waits for more to do.
    assert_eq!(judged(asleep(), 0).root, None);
    let waits = ProcessEvidence {
        epolls: vec![set(4, 3, 3, Interest::IN)],
        ..process(6, sleeps(Call::EpollWait, 4))
    };
    assert_eq!(judged(waits, 1).root, None);
}

/// Masters leave the socket to their workers, who are the answer together.
#[test]
fn masters_and_workers() {
    let also = |pid, code| Fact::AlsoHeld { pid, code };
    let master = || named(process(5, sleeps(Call::Poll, 0)), "gunicorn", 1);
    let worker = |pid| named(process(pid, sleeps(Call::Sleep, 0)), "gunicorn", 5);
    let cause = check(&[master(), worker(6), worker(7)], Blocked, 6);
    assert_eq!(cause.evidence.last(), Some(&also(7, Blocked)));
    // A grandchild: its own parent sleeps as well, and may be no master.
    let grandchild = named(stopped(7), "gunicorn", 6);
    let cause = check(&[master(), worker(6), grandchild], Blocked, 6);
    assert_eq!(cause.evidence.last(), Some(&also(7, Stopped)));
    // One that waits for a child is.
    let waits = named(process(6, sleeps(Call::Wait, 0)), "gunicorn", 5);
    let cause = check(&[master(), waits, named(stopped(7), "gunicorn", 6)], Stopped, 7);
    assert!(!cause.evidence.iter().any(|fact| matches!(fact, Fact::AlsoHeld { .. })), "{cause:?}");
    // A helper that waits for work at a pipe has merely inherited what its stopped parent had.
    let helper = || named(process(6, sleeps(Call::Read, 9)), "python3", 5);
    let cause = check(&[named(stopped(5), "python3", 1), helper()], Stopped, 5);
    assert_eq!(cause.evidence.last(), Some(&also(6, Blocked)));
    // Both sleep: which of them reads is not known, and both are named.
    let sleeps_too = named(process(5, sleeps(Call::Sleep, 0)), "python3", 1);
    let cause = check(&[sleeps_too, helper()], Blocked, 5);
    assert_eq!(cause.evidence.last(), Some(&also(6, Blocked)));
    // Another program of its own that merely has the descriptor is no worker.
    let helper = named(process(6, sleeps(Call::Sleep, 0)), "sleep", 5);
    let cause = check(&[master(), helper.clone()], NotPolled, 5);
    assert_eq!(cause.evidence.last(), Some(&also(6, Blocked)));
    // One that does read is, whatever its name.
    let reads = with_set(process(6, sleeps(Call::EpollWait, 4)), Interest::OUT);
    check(&[master(), named(reads, "python", 5)], NoEpollin, 6);
    // A master that reads itself is to blame, and not what it has started.
    let polls = with_set(process(5, sleeps(Call::EpollWait, 4)), Interest::OUT);
    check(&[named(polls, "gunicorn", 1), worker(6)], NoEpollin, 5);
    // They are their own parents: it ends.
    check(
        &[
            named(process(5, sleeps(Call::Sleep, 0)), "a", 6),
            named(process(6, sleeps(Call::Sleep, 0)), "b", 5),
        ],
        Blocked,
        5,
    );
}
