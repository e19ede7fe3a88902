//! Processes that do not read, or slowly, because those who read what they write are slow.

use super::chains::{At, asleep, check, stuck, writes};
use super::made::{Sock, of, samples, sleeps};
use crate::holders::Holder;
use crate::watch::cause::CauseCode::{Backpressure, Blocked};
use crate::watch::cause::{End, Pace, Root};
use crate::watch::evidence::{Call, ProcessEvidence, ThreadEvidence};
use crate::watch::judge;
use crate::watch::progress::Reading;

/// A connection that goes on, slowly: in a second so much goes out of its queue, and so much comes in again.
fn slow(number: u32, writer: At, reader: At, bytes: u32) -> [Vec<Sock>; 2] {
    [0, bytes].map(|moved| {
        let [out, into] = stuck(number, writer, reader);
        vec![out.acked((77 + moved).into()), into.received((44_000 + moved).into())]
    })
}

/// A reader at the end of a chain that reads, but slowly.
#[test]
fn slow_readers_at_the_end() {
    let first = stuck(1, (1, 3), (2, 4));
    let [before, now] = slow(3, (2, 5), (3, 4), 10_000);
    let processes = [writes(1, 3), writes(2, 5), asleep(3)];
    let judged = |before: &[Sock], now: &[Sock], processes: &[ProcessEvidence]| {
        let (before, now) = ([&first[..], before].concat(), [&first[..], now].concat());
        let both = samples(&before, &now, processes);
        judge(&both.0, &both.1).sockets
    };
    let pace = Pace { consumed: Some(10_000), at_least: false };
    let end = End::Slow(Holder { pid: 3, fd: 4 }, pace);
    let all = judged(&before, &now, &processes);
    let told = of(&all, 2);
    assert_eq!(told.cause.as_ref().map(|cause| (cause.code, cause.pid)), Some((Backpressure, Some(2))));
    let root = told.root.clone().unwrap();
    assert_eq!((&root.end, root.reader(), root.cause()), (&end, Some(Holder { pid: 3, fd: 4 }), None));
    assert_eq!((root.links.len(), root.links[0].taken), (1, Some(10_000)));
    // From the client's writer on, and from the relay's.
    assert_eq!(of(&all, 1).root.as_ref().map(|root| (root.links.len(), &root.end)), Some((2, &end)));
    assert_eq!(of(&all, 3).root.as_ref().map(|root| (root.links.len(), &root.end)), Some((1, &end)));
    // The reader itself waits for no other, and what it takes is filled in again.
    let reader = of(&all, 4);
    assert_eq!((reader.reading, &reader.cause, &reader.root), (Reading::Draining, &None, &None));
    assert!(reader.sender_is_full && reader.until.is_none());
    // Where the window did not open in between, although it reads.
    let still = [now[0].clone().acked(77), now[1].clone().received(44_000).unread(34_000)];
    let all = judged(&before, &still, &processes);
    assert_eq!(of(&all, 2).root.as_ref().map(|root| &root.end), Some(&end));
    // Or where nothing was left at that moment.
    let empty = [now[0].clone(), now[1].clone().received(44_000).unread(34_000)];
    let (before, empty) = (
        [before[0].clone(), before[1].clone().unread(10_000)],
        [empty[0].clone(), empty[1].clone().unread(0)],
    );
    let all = judged(&before, &empty, &processes);
    assert_eq!(of(&all, 4).reading, Reading::Idle);
    assert_eq!(of(&all, 2).root.as_ref().map(|root| &root.end), Some(&end));
    // A relay that is not seen writing sleeps by itself.
    let all = judged(&before, &now, &[writes(1, 3), asleep(2), asleep(3)]);
    check(of(&all, 2), (Blocked, &[], None));
}

/// One that reads slowly because it writes slowly: the slow one is at the end.
#[test]
fn slow_readers_on_the_way() {
    let ends = [slow(1, (1, 3), (2, 4), 10_000), slow(3, (2, 5), (3, 4), 10_000)];
    let [before, now] = [0, 1].map(|at| [ends[0][at].clone(), ends[1][at].clone()].concat());
    let judged = |second: ProcessEvidence, now: &[Sock]| {
        let both = samples(&before, now, &[writes(1, 3), second, asleep(3)]);
        judge(&both.0, &both.1).sockets
    };
    let all = judged(writes(2, 5), &now);
    let told = of(&all, 2);
    assert_eq!(told.reading, Reading::Draining);
    assert_eq!(told.cause.as_ref().map(|cause| cause.code), Some(Backpressure));
    let end = told.root.as_ref().and_then(Root::reader);
    assert_eq!(end, Some(Holder { pid: 3, fd: 4 }));
    assert_eq!(of(&all, 1).root.as_ref().map(|root| root.links.len()), Some(2));
    // Of two threads the other may be the one that reads.
    let mut two = writes(2, 5);
    two.threads.push(ThreadEvidence { tid: 77, ..sleeps(Call::Sleep, 0) });
    let all = judged(two, &now);
    assert_eq!((&of(&all, 2).cause, &of(&all, 2).root), (&None, &None));
    // Two that write to each other, and read: each is as slow as the other, and that is no deadlock.
    let ends = [slow(1, (1, 3), (2, 4), 10_000), slow(3, (2, 5), (1, 4), 10_000)];
    let [before, now] = [0, 1].map(|at| [ends[0][at].clone(), ends[1][at].clone()].concat());
    let both = samples(&before, &now, &[writes(1, 3), writes(2, 5)]);
    let all = judge(&both.0, &both.1).sockets;
    for (reader, other) in [(2, 1), (4, 2)] {
        let root = of(&all, reader).root.as_ref().unwrap();
        assert_eq!((root.reader().map(|holder| holder.pid), root.is_circle()), (Some(other), false));
        assert_eq!(of(&all, reader).cause.as_ref().map(|cause| cause.code), Some(Backpressure));
    }
}

/// An address off this host that takes data, slowly.
#[test]
fn slow_off_this_host() {
    let away = |acked| {
        let sock = Sock::tcp(3).unsent(2_800_000).acked(acked).off_host().held(2, 5);
        sock.send_memory(2_900_000, 3_000_000)
    };
    let sockets = |acked| [&stuck(1, (1, 3), (2, 4))[..], &[away(acked)]].concat();
    let both = samples(&sockets(77), &sockets(5077), &[writes(1, 3), writes(2, 5)]);
    let all = judge(&both.0, &both.1).sockets;
    check(of(&all, 2), (Backpressure, &[((2, 5), None)], None));
    let root = of(&all, 2).root.as_ref().unwrap();
    assert_eq!((&root.end, root.links[0].taken), (&End::OffHost, Some(5000)));
    assert_eq!(of(&all, 3).taken, Some(5000));
}
