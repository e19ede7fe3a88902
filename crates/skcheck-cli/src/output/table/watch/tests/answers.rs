use std::time::Duration;

use skcheck_core::watch::Judged;
use skcheck_core::watch::cause::{Cause, CauseCode, End, Fact, Over, Pace, Pairing, Wait};
use skcheck_core::watch::evidence::Call;
use skcheck_core::watch::progress::{NotArriving, Reading, Writing};
use skcheck_core::{Gap, Holder, Holding, Missing, Payload, Place, Protocol, SkMem, testing};

use super::{PIPE, answer, names};
use crate::output::table::watch::{summary, why, write_block};
use crate::report::scan::Owner;
use crate::report::watch::History;
use crate::report::watch::tests::{World, chain};

#[test]
fn the_answer_for_a_reader_of_its_own_accord() {
    let mut world = World::new(5);
    world.named(2210, "app");
    let judged = world.stalled((2210, 7), 4096, CauseCode::Stopped, vec![Fact::State(b'T')]);
    judged.unread_age = Some(Duration::from_millis(41_700));
    assert_eq!(
        answer(&world),
        [
            "app (2210) has read nothing for 5 s; 4 KiB waits at fd 7, the oldest byte for at least 41 s.",
            "Because: it is stopped (SIGSTOP, or job control).",
        ]
    );
}

#[test]
fn the_answer_names_the_root_of_a_chain_first() {
    let world = chain();
    assert_eq!(
        answer(&world),
        [
            "app (20) holds up nginx (10): nginx has read nothing for 5 s; 2.9 MiB waits at fd 11, the \
             oldest byte for at least 41 s.",
            "Because: nginx is blocked writing to 10.0.0.20:9000 (fd 14, 2.8 MiB unsent), whose reader app \
             (20), fd 7, has read nothing either, because it is stopped (SIGSTOP, or job control). Root: app \
             (20).",
            "1 more reader stands still.",
        ]
    );
}

/// Where a process cannot write to several, nobody is accused.
#[test]
fn one_of_several_is_behind_it() {
    let mut world = chain();
    world.named(30, "curl");
    let root = world.judgement.sockets[0].root.clone().unwrap();
    let mut first = root.links[0].clone();
    (first.wait, first.pairing) = (Wait::EventLoop, Pairing::Neighbours);
    let reader = Holder::new(30, 5);
    let second = testing::link(
        Holder::new(10, 19),
        Wait::EventLoop,
        Some(Payload(4096)),
        Some(reader),
        Over::Socket(99),
    );
    let both = vec![first, second];
    world.judgement.sockets[0].root = Some(testing::root(Vec::new(), End::OneOf(both)));
    let [state, because, _] = &answer(&world)[..] else { panic!("{:?}", answer(&world)) };
    assert_eq!(
        state,
        "nginx (10) has read nothing for 5 s; 2.9 MiB waits at fd 11, the oldest byte for at least 41 s."
    );
    assert_eq!(
        because,
        "Because: nginx has stopped reading, probably because it cannot write to one of several, and which of \
         these cannot be told: 10.0.0.20:9000 (fd 14, 2.8 MiB unsent; its number makes it the likelier), whose \
         reader app (20), fd 7, has read nothing; fd 19 (4 KiB unsent), whose reader curl (30), fd 5, has read \
         nothing."
    );
    assert_eq!(world.report().held_up_by(20), (vec![], false));
    // One writer alone, and another reader beside this one.
    let mut root = root;
    (root.links[0].wait, root.links[0].pairing) = (Wait::EventLoop, Pairing::Unsure);
    let judged = &mut world.judgement.sockets[0];
    judged.root = Some(root);
    judged.cause = Some(Cause::new(CauseCode::NoEpollin, Some(10), vec![]));
    assert_eq!(
        answer(&world)[1],
        "Because: it has stopped asking for data: the socket is in epoll without EPOLLIN. nginx cannot write to \
         10.0.0.20:9000 (fd 14, 2.8 MiB unsent), whose reader app (20), fd 7, has read nothing either, because \
         it is stopped (SIGSTOP, or job control); whether this descriptor waits for that, or another that is \
         not read, cannot be told."
    );
    assert_eq!(world.report().held_up_by(20), (vec![], false));
}

/// Who watches the client alone learns as well who is at the end, and why.
#[test]
fn a_writer_names_the_root_of_its_chain() {
    let mut world = chain();
    world.named(5, "client");
    let mut root = world.judgement.sockets[0].root.clone().unwrap();
    root.links
        .insert(0, testing::link(Holder::new(5, 3), Wait::Blocked, Some(Payload(1)), None, Over::Socket(1)));
    let judged = world.socket(5, 3, 0, 4096);
    (judged.writing, judged.root) = (Writing::Stalled, Some(root));
    world.judgement.sockets.iter_mut().take(3).for_each(|judged| judged.asked_for = false);
    let told = "client (5) has 4 KiB unsent at fd 3, of which 10.0.0.20:9000 takes nothing.";
    let why = "eld up by app (20), fd 7: it is stopped (SIGSTOP, or job control).";
    assert_eq!(answer(&world), [format!("{told} H{why}")]);
    world.judgement.sockets[3].root.as_mut().unwrap().links[1].wait = Wait::EventLoop;
    assert_eq!(answer(&world), [format!("{told} Probably h{why}")]);
}

/// What is read of a queue that is filled in again is at least what it shrank by.
#[test]
fn what_is_a_floor_is_marked() {
    let mut world = World::new(2);
    world.named(2, "app");
    let judged = world.socket(2, 7, 4096, 0);
    (judged.reading, judged.consumed, judged.consumed_at_least) = (Reading::Draining, Some(1024), true);
    assert_eq!(answer(&world), ["Nobody stands still. app (2) reads at least 1 KiB/s at fd 7; 4 KiB waits."]);
    let mut block = Vec::new();
    write_block(&world.report(), &[], None, PIPE, &mut block).unwrap();
    assert!(String::from_utf8(block).unwrap().contains(" >=1 KiB "));
    let mut history = History::default();
    history.note(&world.before, &world.now, &world.judgement);
    assert_eq!(
        summary::summary(&history, PIPE.charset)[1],
        "Where it can be told, at least 1 KiB/s were read; no packet is known to have been dropped."
    );
    // Where nothing is known, nothing is said.
    let judged = &mut world.judgement.sockets[0];
    (judged.reading, judged.consumed, judged.drops) = (Reading::Slow, None, Some(9));
    assert_eq!(answer(&world), ["app (2) reads more slowly than data arrives at fd 7; 4 KiB waits."]);
    let mut history = History::default();
    history.note(&world.before, &world.now, &world.judgement);
    let told = "What arrived and was read cannot be told; 9 packets were dropped (4/s).";
    assert_eq!(summary::summary(&history, PIPE.charset)[1], told);
}

/// A buffer that is full, and what is dropped: in the answer and in the row.
#[test]
fn what_has_no_room_is_dropped() {
    let mut world = World::new(2);
    world.named(2, "app");
    let judged = world.socket(2, 7, 4096, 0);
    (judged.reading, judged.drops, judged.drops_per_second) = (Reading::Stalled, Some(0), Some(0));
    let socket = &mut world.now.snapshot.sockets[0].socket;
    socket.protocol = Protocol::Udp;
    let skmem = &mut socket.skmem;
    (skmem.rmem_alloc, skmem.rcvbuf, skmem.drops) = (Some(8 << 20), Some(8 << 20), Some(5447));
    let full = "Its buffer is full (8 MiB of 8 MiB), and ";
    let first = answer(&world).remove(0);
    assert!(first.ends_with(&format!(" {full}5447 packets were dropped so far.")), "{first}");
    world.judgement.sockets[0].drops_per_second = Some(120);
    let first = answer(&world).remove(0);
    assert!(first.ends_with(&format!(" {full}120 packets are dropped a second (5447 so far).")), "{first}");
    let mut block = Vec::new();
    write_block(&world.report(), &[], None, PIPE, &mut block).unwrap();
    let block = String::from_utf8(block).unwrap();
    assert!(block.contains(" DROPS/s ") && block.contains(" buffer full (8 MiB of 8 MiB)"), "{block}");
    // One with room that dropped nothing.
    world.now.snapshot.sockets[0].socket.skmem = SkMem::default();
    world.judgement.sockets[0].drops_per_second = Some(0);
    let told = format!("{:?}", answer(&world));
    assert!(!told.contains("full") && !told.contains("dropped"), "{told}");
}

/// Who had it before is somebody who does not have it now.
#[test]
fn changed_hands() {
    let mut world = World::new(1);
    let holder = |pid| Holder::new(pid, 7);
    world.stalled((2, 7), 4096, CauseCode::Stopped, vec![]).held_by = vec![holder(2), holder(3)];
    let row = |world: &World| {
        let mut block = Vec::new();
        write_block(&world.report(), &[], None, PIPE, &mut block).unwrap();
        String::from_utf8(block).unwrap().lines().find(|line| line.contains("  stopped")).unwrap().to_owned()
    };
    assert!(row(&world).ends_with("stopped, was also process 3's"), "{}", row(&world));
    world.judgement.sockets[0].held_by = vec![holder(4)];
    assert!(row(&world).ends_with("stopped, was process 4's"), "{}", row(&world));
    // Under another number.
    world.judgement.sockets[0].held_by = vec![Holder::new(2, 9)];
    assert!(row(&world).ends_with("  stopped"), "{}", row(&world));
}

/// A socket of a process that may not be looked at can match.
#[test]
fn what_cannot_be_seen_is_not_denied() {
    let mut world = World::new(1);
    world.now.snapshot.gaps.push(Gap::counted(Missing::Processes, Place::Host, 3, "run as root"));
    let told = &answer(&world)[0];
    assert!(
        told.starts_with("Nobody is known to stand still: no socket that can be seen to match"),
        "{told}"
    );
}

/// That an event loop reads nothing because it cannot write is inferred, and said so.
#[test]
fn what_is_inferred_is_probable() {
    let mut world = chain();
    world.judgement.sockets[0].root.as_mut().unwrap().links[0].wait = Wait::EventLoop;
    let told = answer(&world);
    assert!(told[0].starts_with("app (20) probably holds up nginx (10): nginx has read nothing"), "{told:?}");
    let because = "Because: nginx has stopped reading, probably because it cannot write to 10.0.0.20:9000 (fd \
                   14, 2.8 MiB unsent), whose reader app (20), fd 7, has read nothing either, because it is \
                   stopped";
    assert!(told[1].starts_with(because), "{told:?}");
    let mut block = Vec::new();
    write_block(&world.report(), &[], None, PIPE, &mut block).unwrap();
    assert!(String::from_utf8(block).unwrap().contains("probably held up by app 20: stopped"));
}

/// A chain can end at a connection that nobody has accepted.
#[test]
fn what_was_not_accepted_is_not_unread() {
    let mut world = chain();
    let queue = Fact::AcceptQueue { waiting: 2, limit: Some(1) };
    let full = Cause::new(CauseCode::AcceptFull, Some(20), vec![queue]);
    world.judgement.sockets[0].root.as_mut().unwrap().end = End::Stalled(Holder::new(20, 7), Box::new(full));
    let told = answer(&world);
    assert!(told[1].contains("app (20), fd 7, has not accepted the connection, because "), "{told:?}");
}

#[test]
fn the_thread_that_writes_is_named() {
    let mut world = chain();
    let call = Some((Call::Write, Some(14)));
    let thread = Fact::Thread { tid: 11, state: b'S', call, wchan: None };
    world.judgement.sockets[0].cause.as_mut().unwrap().evidence.push(thread);
    let because = &answer(&world)[1];
    assert!(
        because.starts_with("Because: nginx's thread 11 is blocked writing to 10.0.0.20:9000"),
        "{because}"
    );
}

#[test]
fn a_root_says_whom_it_holds_up() {
    let mut world = chain();
    // The root's own reader weighs more.
    world.now.snapshot.sockets.swap(0, 2);
    world.judgement.sockets.swap(0, 2);
    world.judgement.sockets[0].now = Some(0);
    world.judgement.sockets[2].now = Some(2);
    let heavy = world.now.snapshot.sockets[2].footprint;
    world.now.snapshot.sockets[0].footprint = heavy;
    world.now.snapshot.sockets[2].footprint.received.charged = None;
    world.now.snapshot.sockets[2].footprint.received.payload = Some(Payload(1));
    let answer = answer(&world);
    assert!(answer[0].starts_with("app (20) has read nothing for 5 s; 2.9 MiB waits at fd 7."), "{answer:?}");
    assert!(answer[0].ends_with(" It holds up nginx (10)."), "{answer:?}");
}

#[test]
fn a_deadlock_names_both() {
    let mut world = World::new(2);
    world.named(1, "left");
    world.named(2, "right");
    let (left, right) = (Holder::new(1, 3), Holder::new(2, 4));
    let links = vec![
        testing::link(left, Wait::Blocked, Some(Payload(1 << 20)), Some(right), Over::Socket(9)),
        testing::link(right, Wait::Blocked, Some(Payload(1 << 20)), Some(left), Over::Socket(9)),
    ];
    world.stalled((1, 3), 4096, CauseCode::Deadlock, vec![]).root =
        Some(testing::root(links, End::Circle(1)));
    let told = answer(&world);
    let first =
        "left (1) and right (2) wait for each other to read, a deadlock: left has read nothing for 2 s;";
    assert!(told[0].starts_with(first), "{told:?}");
    assert!(told[1].contains("left is blocked writing to fd 3 (1 MiB unsent), whose reader right (2), fd 4"));
    assert!(
        told[1].ends_with("whose reader left (1), fd 3, does not read: it waits in this circle."),
        "{told:?}"
    );
    let mut block = Vec::new();
    write_block(&world.report(), &[], None, PIPE, &mut block).unwrap();
    assert!(String::from_utf8(block).unwrap().contains("deadlock with right 2"));
}

#[test]
fn a_chain_can_leave_this_host() {
    let mut world = chain();
    let root = world.judgement.sockets[0].root.as_mut().unwrap();
    root.links[0].reader = None;
    let mut shown = NotArriving::default();
    shown.retransmits = Some(2);
    let lost = "(fd 14, 2.8 MiB unsent), and what was sent does not arrive there, or no answer comes back: it was sent \
                again 2 times without an answer.";
    let root = world.judgement.sockets[0].root.as_mut().unwrap();
    root.end = End::NotArriving(shown);
    let told = answer(&world);
    assert!(told[1].ends_with(lost) && !told[0].contains("holds up"), "{told:?}");
    let root = world.judgement.sockets[0].root.as_mut().unwrap();
    (root.links[0].reader, shown.reader_is_empty) = (Some(Holder::new(20, 7)), true);
    root.end = End::NotArriving(shown);
    let told = answer(&world);
    assert!(told[1].contains(", and what was sent does not arrive at app (20), fd 7: it was"), "{told:?}");
    let root = world.judgement.sockets[0].root.as_mut().unwrap();
    root.links[0].reader = None;
    let mut check = |end: End, taken: Option<u64>, expected: &str| {
        let root = world.judgement.sockets[0].root.as_mut().unwrap();
        (root.end, root.links[0].taken) = (end, taken);
        let told = answer(&world);
        assert!(told[0].starts_with("nginx (10) has read nothing"), "{told:?}");
        assert!(
            told[1].ends_with(&format!("(fd 14, 2.8 MiB unsent), and the other end, {expected}.")),
            "{told:?}"
        );
    };
    check(End::OffHost, None, "which is not on this host, takes nothing");
    check(End::OffHost, Some(10 << 10), "which is not on this host, takes only 10 KiB/s");
    check(End::Hidden, Some(0), "which is on this host and may not be looked at, takes nothing");
    check(
        End::NotFound,
        Some(0),
        "which was not found among the sockets that could be looked at, takes nothing",
    );
}

#[test]
fn answers_when_nobody_stands_still() {
    let check = |make: fn(&mut World) -> &mut Judged, expected: &str| {
        let mut world = World::new(1);
        world.named(2, "app");
        make(&mut world);
        assert_eq!(answer(&world), [expected]);
    };
    check(
        |world| {
            let judged = world.socket(2, 7, 4096, 0);
            judged.reading = Reading::Slow;
            (judged.consumed, judged.arriving) = (Some(1024), Some(3072));
            judged.until = Some(Duration::from_secs(12));
            judged
        },
        "app (2) reads more slowly than data arrives at fd 7: 1 KiB/s of 3 KiB/s; 4 KiB waits, and its buffer \
         is full within 12 s.",
    );
    check(
        |world| {
            let quota = Fact::Throttled { throttled: 95, periods: 99, cgroup: b"/app".to_vec() };
            let cause = Cause::new(CauseCode::Throttled, Some(20), vec![quota]);
            let pace = Pace { consumed: Some(1024), at_least: false };
            let judged = world.socket(2, 7, 0, 4096);
            judged.writing = Writing::Slow;
            let end = End::Slow(Holder::new(20, 5), pace, Some(Box::new(cause)));
            let link = testing::link(
                Holder::new(2, 7),
                Wait::Blocked,
                Some(Payload(4096)),
                Some(Holder::new(20, 5)),
                Over::Socket(0),
            );
            judged.root = Some(testing::root(vec![link], end));
            judged
        },
        "app (2) has 4 KiB unsent at fd 7, which the other end takes more slowly than it is written. process 20, \
         fd 5, reads only 1 KiB/s: its cgroup is out of CPU quota.",
    );
    check(
        |world| {
            let judged = world.socket(2, 7, 4096, 0);
            judged.reading = Reading::Draining;
            (judged.consumed, judged.until) = (Some(1 << 20), Some(Duration::from_secs(4)));
            judged
        },
        "Nobody stands still. app (2) reads 1 MiB/s at fd 7; 4 KiB waits, empty in 4 s.",
    );
    check(
        |world| {
            let judged = world.socket(2, 7, 0, 4096);
            judged.writing = Writing::Stalled;
            judged
        },
        "No reader stands still. app (2) has 4 KiB unsent at fd 7, of which 10.0.0.20:9000 takes nothing.",
    );
    check(
        |world| {
            world.socket(3, 9, 4096, 0).reading = Reading::Unknown;
            let judged = world.socket(2, 7, 0, 4096);
            judged.writing = Writing::Stalled;
            judged
        },
        "No reader is known to stand still. app (2) has 4 KiB unsent at fd 7, of which 10.0.0.20:9000 takes \
         nothing.",
    );
    check(
        |world| {
            let judged = world.socket(2, 7, 0, 4096);
            (judged.writing, judged.window_closed) = (Writing::Stalled, Some(true));
            judged
        },
        "No reader stands still. app (2) has 4 KiB unsent at fd 7, of which 10.0.0.20:9000 takes nothing: its \
         window is shut.",
    );
    check(
        |world| {
            let mut shown = NotArriving::default();
            shown.retransmits = Some(5);
            let judged = world.socket(2, 7, 0, 4096);
            (judged.writing, judged.not_arriving) = (Writing::Stalled, Some(shown));
            judged
        },
        "No reader stands still. app (2) has 4 KiB unsent at fd 7, and what was sent does not arrive at \
         10.0.0.20:9000, or no answer comes back: it was sent again 5 times without an answer.",
    );
    check(
        |world| {
            let judged = world.socket(2, 7, 0, 4096);
            (judged.writing, judged.window_closed) = (Writing::Slow, Some(false));
            judged
        },
        "app (2) has 4 KiB unsent at fd 7, which goes out more slowly than it is written.",
    );
    check(
        |world| {
            let judged = world.socket(2, 7, 4096, 0);
            judged.reading = Reading::Unknown;
            judged
        },
        "Nobody is known to stand still. app (2) may read or not, which cannot be told; 4 KiB waits at fd 7.",
    );
    let world = World::new(1);
    assert!(answer(&world)[0].starts_with("Nobody stands still: no socket that matches holds data; "));
}

/// Workers that stand still for the same reason are named together; whoever only holds the socket is not
/// accused.
#[test]
fn workers_answer_together() {
    let mut world = World::new(5);
    world.named(2, "worker");
    world.named(3, "worker");
    let also = |pid, code| Fact::AlsoHeld { pid, code };
    let facts = vec![also(3, CauseCode::Blocked), also(4, CauseCode::NotPolled)];
    world.stalled((2, 7), 4096, CauseCode::Blocked, facts);
    world.now.snapshot.sockets[0].holders.extend([Holder::new(3, 7), Holder::new(4, 7)]);
    let told = answer(&world);
    let first = "worker (2) and worker (3) have read nothing for 5 s; 4 KiB waits at fd 7.";
    assert!(told[0].starts_with(first), "{told:?}");
    assert!(told[1].starts_with("Because: worker (2)'s threads are all blocked elsewhere."), "{told:?}");
    let report = world.report();
    let why = |pid| why::why_at(&report.rows[0], Some(Owner::Process(pid)), names(&world));
    assert_eq!((why(2), why(3)), ("blocked elsewhere".to_owned(), "blocked elsewhere".to_owned()));
    assert_eq!(why(4), "worker 2: blocked elsewhere");
    let mut history = History::default();
    history.note(&world.before, &world.now, &world.judgement);
    let summary = summary::summary(&history, PIPE.charset);
    let all = "Why: worker (2)'s threads are all blocked elsewhere, and so it is with worker (3).";
    assert_eq!(summary.last().map(String::as_str), Some(all));
}

#[test]
fn a_listener_at_which_nobody_accepts() {
    let mut world = World::new(5);
    world.named(2, "app");
    world.named(3, "sshd");
    let sleeps = Fact::Thread { tid: 2, state: b'S', call: Some((Call::Sleep, None)), wchan: None };
    let queue = Fact::AcceptQueue { waiting: 2, limit: Some(1) };
    world.unaccepted((2, 7), CauseCode::AcceptFull, vec![queue, sleeps]);
    assert_eq!(
        answer(&world),
        [
            "app (2) has accepted nobody for 5 s; 2 connections wait (limit 1) at fd 7.",
            "Because: the accept queue is full, and it does not accept. Seen: thread 2 sleeps in a timed sleep.",
        ]
    );
    world.unaccepted((3, 3), CauseCode::Stopped, vec![Fact::State(b'T')]);
    assert_eq!(answer(&world)[2], "At 1 more listener nobody accepts.");
    let mut block = Vec::new();
    write_block(&world.report(), &[], None, PIPE, &mut block).unwrap();
    let block = String::from_utf8(block).unwrap();
    let row = |name: &str| block.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(row("app 2").ends_with("nobody accepts: queue full (2 of 1)"), "{block}");
    assert!(row("sshd 3").contains("2 conn  stalled") && row("sshd 3").ends_with("nobody accepts: stopped"));
    let mut history = History::default();
    history.note(&world.before, &world.now, &world.judgement);
    let summary = summary::summary(&history, PIPE.charset);
    let first = "Watched 5 s (1 window): at 2 listeners nobody accepts in the end; ";
    assert!(summary[0].starts_with(first), "{summary:?}");
    assert!(summary::next(&history).is_empty());
    // A reader that stands still comes first.
    world.stalled((4, 4), 10, CauseCode::Stopped, vec![]);
    let told = answer(&world);
    assert_eq!(told.last().unwrap(), "At 2 listeners nobody accepts.", "{told:?}");
}

#[test]
fn a_listener_that_is_slow() {
    let mut world = World::new(2);
    world.named(2, "app");
    let judged = world.unaccepted((2, 7), CauseCode::AcceptFull, vec![]);
    (judged.reading, judged.accepted, judged.cause) = (Reading::Slow, Some(20), None);
    assert_eq!(
        answer(&world),
        [
            "app (2) accepts connections more slowly than they come, at least 20 in 2 s; 2 connections wait (limit \
          1) at fd 7."
        ]
    );
    world.judgement.sockets[0].reading = Reading::Unknown;
    assert_eq!(
        answer(&world),
        [
            "Nobody is known to stand still. app (2) may accept or not, which cannot be told; 2 connections wait \
          (limit 1) at fd 7."
        ]
    );
}

#[test]
fn a_connection_that_nobody_accepts() {
    let mut world = World::new(1);
    world.named(2, "app");
    world.stalled(
        (2, 7),
        4096,
        CauseCode::AcceptFull,
        vec![Fact::AcceptQueue { waiting: 2, limit: Some(1) }],
    );
    world.now.snapshot.sockets[0].holding = Holding::AwaitingAccept { ambiguous: false };
    let told = answer(&world);
    assert_eq!(told[0], "app (2) has not accepted a connection for 1 s; 4 KiB waits at its listener (fd 7).");
    assert!(told[1].contains("Seen: 2 connections wait for accept, of at most 1."), "{told:?}");
}

/// nginx (10) reads nothing because app (20) reads slowly.
fn slow_chain() -> World {
    let mut world = chain();
    let reader = Holder::new(20, 7);
    let pace = Pace { consumed: Some(10 << 10), at_least: false };
    let root = world.judgement.sockets[0].root.as_mut().unwrap();
    (root.end, root.links[0].pace) = (End::Slow(reader, pace, None), Some(pace));
    let root = root.clone();
    world.judgement.sockets[1].root = Some(root);
    let judged = &mut world.judgement.sockets[2];
    (judged.reading, judged.cause, judged.consumed) = (Reading::Draining, None, pace.consumed);
    (judged.arriving, judged.sender_is_full) = (pace.consumed, true);
    world
}

#[test]
fn the_root_may_be_slow() {
    let mut world = slow_chain();
    let told = answer(&world);
    assert!(told[0].starts_with("app (20) holds up nginx (10): nginx has read nothing for 5 s;"), "{told:?}");
    assert_eq!(
        told[1],
        "Because: nginx is blocked writing to 10.0.0.20:9000 (fd 14, 2.8 MiB unsent), whose reader app (20), fd \
         7, reads only 10 KiB/s. Root: app (20)."
    );
    let block = |world: &World| {
        let mut block = Vec::new();
        write_block(&world.report(), &[], None, PIPE, &mut block).unwrap();
        String::from_utf8(block).unwrap()
    };
    let shown = block(&world);
    let row = |name: &str, way: &str| {
        let is_it = |line: &&str| line.starts_with(name) && line.contains(way);
        shown.lines().find(is_it).unwrap_or_else(|| panic!("{shown}")).to_owned()
    };
    assert!(row("nginx 10", "11  tcp").ends_with("held up by app 20: reads 10 KiB/s"), "{shown}");
    assert!(row("nginx 10", "14  tcp").ends_with("held up by app 20: reads 10 KiB/s"), "{shown}");
    assert!(row("app 20", "draining").ends_with("its sender has more"), "{shown}");

    // Without the reader that stands still.
    world.judgement.sockets[0].asked_for = false;
    assert_eq!(
        answer(&world),
        [
            "No reader stands still. nginx (10) has 2.8 MiB unsent at fd 14, and 10.0.0.20:9000 had no room for more \
          meanwhile. app (20), fd 7, reads only 10 KiB/s."
        ]
    );
    world.judgement.sockets[1].asked_for = false;
    assert_eq!(
        answer(&world),
        [
            "Nobody stands still. app (20) reads 10 KiB/s at fd 7; 977 KiB waits, and its sender has more than fits."
        ]
    );
}

/// A reader that reads as slowly as another takes what its process writes.
#[test]
fn a_slow_reader_may_be_held_up() {
    let mut world = slow_chain();
    let judged = &mut world.judgement.sockets[0];
    (judged.reading, judged.consumed, judged.arriving) = (Reading::Slow, Some(1 << 10), Some(2 << 10));
    world.judgement.sockets[1].asked_for = false;
    let told = answer(&world);
    assert!(
        told[0].starts_with("nginx (10) reads more slowly than data arrives at fd 11: 1 KiB/s of 2 KiB/s")
    );
    assert!(
        told[1].starts_with("Because: nginx is blocked writing to") && told[1].ends_with("Root: app (20).")
    );
}

/// Whom a process holds up is told, whether that was asked for or not; what was not asked for is not shown.
#[test]
fn only_what_was_asked_for_is_shown() {
    let mut world = chain();
    world.judgement.sockets[0].asked_for = false;
    world.judgement.sockets[1].asked_for = false;
    let report = world.report();
    assert_eq!((report.rows.len(), report.counts.all), (1, 1));
    let told = answer(&world);
    assert_eq!(told[0], "app (20) has read nothing for 5 s; 977 KiB waits at fd 7. It holds up nginx (10).");
    assert_eq!(told.len(), 2);
}
