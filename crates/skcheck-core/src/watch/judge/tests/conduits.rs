//! Processes that do not read because they cannot write to a pipe, a FIFO or a terminal.

use crate::model::holder::Holder;
use crate::watch::evidence::conduit::{Conduit, ConduitKind};
use crate::watch::evidence::process::{Call, Interest, ProcessEvidence, Syscall, ThreadEvidence};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::code::CauseCode::{Backpressure, Blocked, Spinning, Stopped};
use crate::watch::judge::cause::link::{Over, Pace, Wait};
use crate::watch::judge::cause::root::End;
use crate::watch::judge::judgement::Judged;
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::tests::chains::{At, asleep, check, stuck, writes};
use crate::watch::judge::tests::made::{Sock, of, process, runs, samples, set, sleeps};

fn conduit(kind: ConduitKind, inode: u64, writers: &[At], readers: &[At]) -> Conduit {
    let holders = |all: &[At]| all.iter().map(|(pid, fd)| Holder::new(*pid, *fd)).collect();
    let name = format!("pipe:[{inode}]").into_bytes();
    let mut conduit = Conduit::new(kind, name, Some(inode));
    (conduit.writers, conduit.readers) = (holders(writers), holders(readers));
    conduit
}

fn pipe(inode: u64, writer: At, reader: At) -> Conduit {
    conduit(ConduitKind::Pipe, inode, &[writer], &[reader])
}

fn stopped(pid: u32) -> ProcessEvidence {
    process(pid, ThreadEvidence { state: Some(b'T'), ..sleeps(Call::Read, 0) })
}

/// What becomes of the sockets when the processes were seen so in both samples.
fn judged(sockets: &[Sock], processes: &[ProcessEvidence], conduits: &[Conduit]) -> Vec<Judged> {
    let mut both = samples(sockets, sockets, processes);
    both.1.conduits = conduits.to_vec();
    judge(&both.0, &both.1).sockets
}

/// A server that sends, a client that writes what it reads to a pipe, and one that does not read the pipe.
fn download() -> [Sock; 2] {
    stuck(1, (10, 3), (20, 5))
}

#[test]
fn over_a_pipe() {
    let pipes = [pipe(70, (20, 1), (30, 0))];
    let all = judged(&download(), &[writes(10, 3), writes(20, 1), stopped(30)], &pipes);
    let link = ((20, 1), Some((30, 0)));
    check(of(&all, 2), (Backpressure, &[link], Some((30, Stopped))));
    let link = &of(&all, 2).root.as_ref().unwrap().links[0];
    assert_eq!((link.over, link.wait, link.unsent), (Over::Conduit(0), Wait::Blocked, None));
    // The same from the server on.
    let root = of(&all, 1).root.as_ref().unwrap();
    assert_eq!((root.links.len(), root.reader()), (2, Some(Holder::new(30, 0))));
}

#[test]
fn over_several() {
    let pipes = [pipe(71, (30, 1), (40, 0)), pipe(70, (20, 1), (30, 0))];
    let all = judged(&download(), &[writes(10, 3), writes(20, 1), writes(30, 1), asleep(40)], &pipes);
    let links = [((20, 1), Some((30, 0))), ((30, 1), Some((40, 0)))];
    check(of(&all, 2), (Backpressure, &links, Some((40, Blocked))));
    // And back into a socket.
    let sockets = [download(), stuck(3, (30, 1), (40, 4))].concat();
    let all = judged(&sockets, &[writes(10, 3), writes(20, 1), writes(30, 1), asleep(40)], &pipes[1..]);
    let links = [((20, 1), Some((30, 0))), ((30, 1), Some((40, 4)))];
    check(of(&all, 2), (Backpressure, &links, Some((40, Blocked))));
}

/// Both write to a pipe that the other one should read.
#[test]
fn in_a_circle() {
    let pipes = [pipe(70, (20, 1), (30, 0)), pipe(71, (30, 1), (20, 0))];
    let all = judged(&download(), &[writes(10, 3), writes(20, 1), writes(30, 1)], &pipes);
    assert_eq!(of(&all, 2).cause.as_ref().unwrap().code, CauseCode::Deadlock);
    assert_eq!(of(&all, 2).root.as_ref().unwrap().end, End::Circle(20));
}

/// It can write to a pipe whose reader is stopped, and does something else: that is why.
#[test]
fn who_does_not_write_does_not_wait() {
    let pipes = [pipe(70, (20, 1), (30, 0))];
    let all = judged(&download(), &[writes(10, 3), asleep(20), stopped(30)], &pipes);
    check(of(&all, 2), (Blocked, &[], None));
    // A thread that runs all the time, beside one that writes.
    let spin = ThreadEvidence { tid: 21, ..runs() };
    let mut both = writes(20, 1);
    both.threads.push(spin);
    let mut samples = samples(&download(), &download(), &[writes(10, 3), both, stopped(30)]);
    samples.1.conduits = pipes.to_vec();
    samples.1.processes.get_mut(&20).unwrap().threads[1].ticks = Some(105);
    check(of(&judge(&samples.0, &samples.1).sockets, 2), (Spinning, &[], None));
}

/// The thread that writes has run in between: somebody reads, however slowly.
#[test]
fn who_has_room_now_and_then_is_read() {
    let pipes = [pipe(70, (20, 1), (30, 0))];
    let mut both = samples(&download(), &download(), &[writes(10, 3), writes(20, 1), asleep(30)]);
    both.1.conduits = pipes.to_vec();
    both.1.processes.get_mut(&20).unwrap().threads[0].runs = Some(104);
    let all = judge(&both.0, &both.1).sockets;
    let root = of(&all, 2).root.as_ref().unwrap();
    assert_eq!(root.end, End::Slow(Holder::new(30, 0), Pace::default(), None));
}

#[test]
fn a_slow_reader() {
    let (before, now) =
        (download(), download().map(|sock| if sock.has_unread() { more(sock) } else { sock }));
    let mut both = samples(&before, &now, &[writes(20, 1), asleep(30)]);
    both.1.conduits = vec![pipe(70, (20, 1), (30, 0))];
    both.1.processes.get_mut(&20).unwrap().threads[0].runs = Some(104);
    let all = judge(&both.0, &both.1).sockets;
    let slow = of(&all, 2);
    assert_eq!(slow.reading, Reading::Slow);
    assert_eq!(slow.cause.as_ref().unwrap().code, Backpressure);
    assert_eq!(slow.root.as_ref().unwrap().end, End::Slow(Holder::new(30, 0), Pace::default(), None));
}

/// More has arrived than was read.
fn more(sock: Sock) -> Sock {
    sock.received(60_000).unread(50_000)
}

/// Of those that have the reading end, the writers have it by chance.
#[test]
fn who_writes_does_not_read() {
    let both_ends = conduit(ConduitKind::Pipe, 70, &[(20, 1)], &[(20, 4), (30, 0)]);
    let all = judged(&download(), &[writes(10, 3), writes(20, 1), stopped(30)], &[both_ends]);
    check(of(&all, 2), (Backpressure, &[((20, 1), Some((30, 0)))], Some((30, Stopped))));
    // Unless nobody else has it.
    let own = conduit(ConduitKind::Pipe, 70, &[(20, 1)], &[(20, 4)]);
    let all = judged(&download(), &[writes(10, 3), writes(20, 1)], &[own]);
    assert_eq!(of(&all, 2).root.as_ref().unwrap().end, End::Circle(20));
    // Nobody is seen to have it.
    let hidden = conduit(ConduitKind::Pipe, 70, &[(20, 1)], &[]);
    let all = judged(&download(), &[writes(10, 3), writes(20, 1)], &[hidden]);
    assert_eq!(of(&all, 2).root.as_ref().unwrap().end, End::Hidden);
}

/// A terminal whose user has held it up (Ctrl-S) looks like this: who has its other end is not to blame.
#[test]
fn who_waits_for_a_terminal() {
    let terminal = conduit(ConduitKind::Terminal, 90, &[(20, 1)], &[(30, 6)]);
    let waits = process(30, sleeps(Call::Poll, 0));
    let all = judged(&download(), &[writes(10, 3), writes(20, 1), waits], std::slice::from_ref(&terminal));
    let waits = of(&all, 2);
    assert_eq!((waits.cause.as_ref().map(|cause| cause.code), &waits.root), (Some(Blocked), &None));
    let all = judged(&download(), &[writes(10, 3), writes(20, 1), stopped(30)], &[terminal]);
    check(of(&all, 2), (Backpressure, &[((20, 1), Some((30, 6)))], Some((30, Stopped))));
}

/// An event loop that does not ask for what is in the pipe.
#[test]
fn an_event_loop() {
    let pipes = [pipe(70, (20, 1), (30, 0))];
    let waits = process(30, sleeps(Call::EpollWait, 7));
    let reader = ProcessEvidence { epolls: vec![set(7, 0, 70, Interest::OUT)], ..waits.clone() };
    let all = judged(&download(), &[writes(10, 3), writes(20, 1), reader], &pipes);
    let link = ((20, 1), Some((30, 0)));
    check(of(&all, 2), (Backpressure, &[link], Some((30, CauseCode::NoEpollin))));
}

/// An event loop that sleeps until it can write to the pipe, and does not ask for its socket.
fn polls(process: ProcessEvidence, events: u32) -> ProcessEvidence {
    ProcessEvidence { epolls: vec![set(7, 1, 70, events)], ..process }
}

#[test]
fn an_event_loop_that_waits_until_it_can_write() {
    let pipes = [pipe(70, (20, 1), (30, 0))];
    let waits = process(20, sleeps(Call::EpollWait, 7));
    let judged = |waits: ProcessEvidence| judged(&download(), &[writes(10, 3), waits, stopped(30)], &pipes);
    let link = ((20, 1), Some((30, 0)));
    for events in [Interest::OUT, Interest::OUT | Interest::IN] {
        let all = judged(polls(waits.clone(), events));
        check(of(&all, 2), (Backpressure, &[link], Some((30, Stopped))));
        assert_eq!(of(&all, 2).root.as_ref().unwrap().links[0].wait, Wait::EventLoop);
    }
    // It can be told once, and not again.
    for events in [Interest::IN, Interest::OUT | Interest::EDGE] {
        check(of(&judged(polls(waits.clone(), events)), 2), (CauseCode::NotPolled, &[], None));
    }
    // Its thread sleeps in another set.
    let elsewhere = process(20, sleeps(Call::EpollWait, 8));
    check(of(&judged(polls(elsewhere, Interest::OUT)), 2), (CauseCode::NotPolled, &[], None));
    // It asks for its socket, too.
    let mut asks = polls(waits.clone(), Interest::OUT);
    asks.epolls.extend([set(7, 5, 2, Interest::IN)]);
    assert_eq!(of(&judged(asks), 2).root, None);
    // Another reader of it stands still, too: for which of them it cannot write is not known.
    let sockets = [download(), stuck(3, (11, 3), (20, 6))].concat();
    let processes = [writes(10, 3), writes(11, 3), polls(waits, Interest::OUT), stopped(30)];
    let all = crate::watch::judge::tests::conduits::judged(&sockets, &processes, &pipes);
    assert_eq!(of(&all, 2).cause.as_ref().unwrap().code, CauseCode::NotPolled);
    assert!(of(&all, 2).root.as_ref().unwrap().is_unsure());
}

/// In select the highest descriptor is told, and no other.
#[test]
fn select_waits_until_it_can_write() {
    let pipes = [pipe(70, (20, 1), (30, 0))];
    let selects = |number: u64| {
        let syscall = Syscall::In { call: Call::Poll, number: 270, arguments: [number, 0, 1 << 40, 0, 0, 0] };
        process(20, ThreadEvidence { syscall: Some(syscall), ..sleeps(Call::Poll, 0) })
    };
    let judged = |number| judged(&download(), &[writes(10, 3), selects(number), stopped(30)], &pipes);
    let link = ((20, 1), Some((30, 0)));
    check(of(&judged(2), 2), (Backpressure, &[link], Some((30, Stopped))));
    for number in [0, 1, 3, 1 << 40] {
        check(of(&judged(number), 2), (CauseCode::NotPolled, &[], None));
    }
}

/// Who is told when there is room again may have written meanwhile: the reader must show that it stands
/// still.
#[test]
fn an_event_loop_whose_reader_may_read() {
    let pipes = [pipe(70, (20, 1), (30, 0))];
    let waits = polls(process(20, sleeps(Call::EpollWait, 7)), Interest::OUT);
    let reader = process(30, sleeps(Call::Read, 0));
    let all = judged(&download(), &[writes(10, 3), waits, reader], &pipes);
    assert_eq!(of(&all, 2).root.as_ref().unwrap().end, End::Slow(Holder::new(30, 0), Pace::default(), None));
}
