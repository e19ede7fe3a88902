//! Processes that do not read, or slowly, because those who read what they write are slow.

use std::time::Duration;

use crate::model::holder::Holder;
use crate::watch::evidence::process::{Call, ProcessEvidence, Quota, ThreadEvidence, Throttling};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::code::CauseCode::{Backpressure, Blocked, Busy, Paging, Throttled};
use crate::watch::judge::cause::fact::Fact;
use crate::watch::judge::cause::link::Pace;
use crate::watch::judge::cause::root::{End, Root};
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::tests::chains::{At, asleep, check, stuck, writes};
use crate::watch::judge::tests::made::{Sock, of, process, samples, sleeps};

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
    let end = End::Slow(Holder::new(3, 4), pace, None);
    let all = judged(&before, &now, &processes);
    let told = of(&all, 2);
    assert_eq!(told.cause.as_ref().map(|cause| (cause.code, cause.pid)), Some((Backpressure, Some(2))));
    let root = told.root.clone().unwrap();
    assert_eq!((&root.end, root.reader(), root.cause()), (&end, Some(Holder::new(3, 4)), None));
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
    assert_eq!(end, Some(Holder::new(3, 4)));
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

/// How its threads spent a second: each ran and waited for a processor for so many milliseconds.
fn spent(pid: u32, times: &[(u64, u64)]) -> [ProcessEvidence; 2] {
    [false, true].map(|is_later| {
        let mut made = process(pid, sleeps(Call::Other, 0));
        made.threads =
            (0..).zip(times).map(|(at, (ran, waited))| at_work(pid + at, is_later, *ran, *waited)).collect();
        made
    })
}

fn at_work(tid: u32, is_later: bool, ran: u64, waited: u64) -> ThreadEvidence {
    let (ran, waited) = if is_later { (ran, waited) } else { (0, 0) };
    let time = |ms| Some(Duration::from_millis(ms));
    let runs = Some(100 + u64::from(ran > 0));
    ThreadEvidence { tid, ran: time(ran), waited: time(waited), runs, ..sleeps(Call::Other, 0) }
}

fn limited(mut both: [ProcessEvidence; 2], throttled: u64) -> [ProcessEvidence; 2] {
    for (process, (periods, throttled)) in both.iter_mut().zip([(50, 40), (60, 40 + throttled)]) {
        let throttling = Throttling { periods, throttled, ..Throttling::default() };
        process.quotas = vec![Quota { cgroup: b"/slow".to_vec(), throttling }];
    }
    both
}

/// Why a reader is slow that these processes hold.
fn why(holders: &[&[ProcessEvidence; 2]]) -> Option<(CauseCode, Vec<Fact>)> {
    let held = |sock: Sock| holders.iter().fold(sock, |sock, both| sock.held(both[0].pid, 4));
    let sock = |received, unread| held(Sock::tcp(1).received(received).unread(unread));
    let mut both = samples(&[sock(5000, 3000)], &[sock(9000, 5000)], &[]);
    for [before, now] in holders {
        both.0.processes.insert(before.pid, before.clone());
        both.1.processes.insert(now.pid, now.clone());
    }
    let judged = judge(&both.0, &both.1).sockets;
    assert_eq!(of(&judged, 1).reading, Reading::Slow);
    of(&judged, 1).cause.clone().map(|cause| (cause.code, cause.evidence))
}

#[test]
fn slow_readers_have_causes() {
    let spins = |percent, waits| Fact::Spins { tid: 5, percent, waits };
    let quota = |throttled| Fact::Throttled { throttled, periods: 10, cgroup: b"/slow".to_vec() };
    // One that works all the time, or would.
    assert_eq!(why(&[&spent(5, &[(980, 10)])]), Some((Busy, vec![spins(98, 1)])));
    assert_eq!(why(&[&spent(5, &[(300, 600)])]), Some((Busy, vec![spins(30, 60)])));
    // One that waits for its memory, and one that sleeps more often for something else.
    let paged = |faults: u64, runs: u64| {
        let mut both = spent(5, &[(30, 10)]);
        for (process, is_later) in both.iter_mut().zip([0, 1]) {
            process.swapped = Some(1 << 20);
            for thread in &mut process.threads {
                thread.major_faults = Some(7 + faults * is_later);
                thread.runs = Some(100 + runs * is_later);
            }
        }
        both
    };
    let facts = vec![Fact::MajorFaults { faults: 400, runs: 420 }, Fact::Swapped(1 << 20)];
    assert_eq!(why(&[&paged(400, 420)]), Some((Paging, facts)));
    assert_eq!(why(&[&paged(400, 600)]), None);
    assert_eq!(why(&[&paged(9, 9)]), None);
    // One that sleeps by itself.
    assert_eq!(why(&[&spent(5, &[(300, 0)])]), None);
    // Out of quota, and would run; or asleep, while others of the group used it up.
    assert_eq!(why(&[&limited(spent(5, &[(50, 900)]), 9)]), Some((Throttled, vec![quota(9)])));
    assert_eq!(why(&[&limited(spent(5, &[(50, 900)]), 4)]).map(|it| it.0), Some(Busy));
    assert_eq!(why(&[&limited(spent(5, &[(5, 10)]), 9)]), None);
    // Many threads that each want a little more.
    let crowd: Vec<(u64, u64)> = vec![(50, 200); 8];
    assert_eq!(why(&[&limited(spent(5, &crowd), 9)]).map(|it| it.0), Some(Throttled));
    assert_eq!(why(&[&spent(5, &crowd)]), None);
    // Of two threads only one ran: it reads. Of two that ran it is not known.
    assert_eq!(why(&[&spent(5, &[(980, 0), (0, 0)])]), Some((Busy, vec![spins(98, 0)])));
    let unsure = Some((Busy, vec![spins(98, 0), Fact::RanToo(1)]));
    assert_eq!(why(&[&spent(5, &[(980, 0), (10, 0)])]), unsure);
    // Of two holders the one that ran reads.
    let idle = spent(20, &[(0, 0)]);
    assert_eq!(why(&[&spent(5, &[(980, 10)]), &idle]).map(|it| it.0), Some(Busy));
    assert_eq!(why(&[&spent(5, &[(980, 10)]), &spent(20, &[(10, 0)])]), None);
    // Nobody was looked at.
    assert_eq!(why(&[]), None);
}

/// What is at the end of a chain has its own cause, whatever it waits for; what only might have it goes
/// after what its writing waits for.
#[test]
fn slow_readers_at_the_end_have_causes() {
    let first = stuck(1, (1, 3), (2, 4));
    let [before, now] = slow(3, (2, 5), (3, 4), 10_000);
    let end = |third: &[ProcessEvidence; 2], code: Option<CauseCode>| {
        let (before, now) = ([&first[..], &before].concat(), [&first[..], &now].concat());
        let mut both = samples(&before, &now, &[writes(1, 3), writes(2, 5)]);
        both.0.processes.insert(3, third[0].clone());
        both.1.processes.insert(3, third[1].clone());
        let all = judge(&both.0, &both.1).sockets;
        let root = of(&all, 2).root.clone().unwrap();
        assert!(matches!(root.end, End::Slow(reader, ..) if reader.pid == 3), "{root:?}");
        assert_eq!(root.cause().map(|cause| (cause.code, cause.pid)), code.map(|code| (code, Some(3))));
        assert_eq!(of(&all, 4).cause.as_ref().map(|cause| cause.code), code);
    };
    end(&spent(3, &[(980, 10)]), Some(Busy));
    end(&limited(spent(3, &[(50, 900)]), 9), Some(Throttled));
    end(&spent(3, &[(50, 10)]), None);
}
