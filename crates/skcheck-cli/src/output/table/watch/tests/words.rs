use skcheck_core::watch::cause::{Cause, CauseCode, Fact};
use skcheck_core::watch::evidence::{Call, Interest, UnreadablePart};
use skcheck_core::{Holder, Payload};

use super::{PIPE, answer, names};
use crate::output::table::watch::write_block;
use crate::output::words::{cause, fact};
use crate::report::watch::tests::World;

#[test]
fn every_cause_has_its_words() {
    let all = [
        (CauseCode::Stopped, "stopped", "it is stopped", "app (2) is stopped"),
        (CauseCode::Frozen, "cgroup frozen", "its cgroup is frozen", "app (2)'s cgroup is frozen"),
        (CauseCode::Zombie, "zombie", "its main thread, or a child", "app (2)'s main"),
        (CauseCode::Throttled, "out of CPU quota", "its cgroup is out of CPU quota", "app (2)'s cgroup"),
        (
            CauseCode::StuckReading,
            "stuck in reading it",
            "a thread of it is in the middle",
            "a thread of app (2) is",
        ),
        (CauseCode::Blocked, "blocked elsewhere", "its threads are all blocked", "app (2)'s threads"),
        (CauseCode::Spinning, "a thread spins", "a thread of it runs all the time", "a thread of app (2)"),
        (CauseCode::Busy, "a thread is busy", "a thread of it is busy all the time", "a thread of app (2)"),
        (
            CauseCode::Paging,
            "waits for its memory",
            "it waits for its own memory",
            "app (2) waits for its own",
        ),
        (CauseCode::NotPolled, "not polled", "it does not ask for it", "app (2) does not ask"),
        (CauseCode::NoEpollin, "epoll without EPOLLIN", "it has stopped asking for data", "app (2) has"),
        (CauseCode::EdgeNotRead, "edge told, not read", "it was told once", "app (2) was told once"),
        (CauseCode::OneshotNotRearmed, "one-shot not re-armed", "it was told once", "app (2) was told"),
        (CauseCode::NobodyWaits, "nobody waits in epoll", "no thread of it waits", "no thread of app (2)"),
        (CauseCode::Backpressure, "its writing is blocked", "its own writing is blocked", "app (2)'s own"),
        (CauseCode::Deadlock, "deadlock", "it is in a deadlock", "app (2) is in"),
        (
            CauseCode::AcceptFull,
            "not accepted",
            "the accept queue is full, and it",
            "the accept queue is full, and app (2)",
        ),
        (CauseCode::Unknown, "unknown", "nothing that could be seen tells", "nothing that could"),
    ];
    for (code, short, it, named) in all {
        let cause = Cause::new(code, Some(2), Vec::new());
        assert_eq!(cause::short(code), short);
        assert!(cause::clause(&cause, "it").starts_with(it), "{}", cause::clause(&cause, "it"));
        assert!(cause::clause(&cause, "app (2)").starts_with(named), "{}", cause::clause(&cause, "app (2)"));
        assert!(short.len() <= 24, "{short} is for a narrow column");
    }
}

/// What is known of a cause makes its words.
#[test]
fn words_follow_the_evidence() {
    let check = |code, facts: &[Fact], expected: &str| {
        let cause = Cause::new(code, Some(2), facts.to_vec());
        assert_eq!(cause::clause(&cause, "it"), expected);
    };
    let polls = Fact::Thread { tid: 2, state: b'S', call: Some((Call::Poll, None)), wchan: None };
    check(
        CauseCode::NotPolled,
        &[Fact::InNoEpoll(0), polls],
        "it waits in poll or select, and not for this socket",
    );
    check(
        CauseCode::NotPolled,
        &[Fact::InNoEpoll(0)],
        "no thread of it reads or polls it, and it has no epoll set",
    );
    check(
        CauseCode::Zombie,
        &[Fact::State(b'Z')],
        "its main thread has ended, and others still hold the socket",
    );
    check(
        CauseCode::Zombie,
        &[Fact::ZombieChild(9)],
        "a child of it that held the socket has ended, and it does not read it",
    );
}

#[test]
fn who_stopped_it() {
    let clause =
        |facts: &[Fact]| cause::clause(&Cause::new(CauseCode::Stopped, Some(2), facts.to_vec()), "it");
    assert_eq!(clause(&[]), "it is stopped");
    assert_eq!(clause(&[Fact::State(b'T')]), "it is stopped (SIGSTOP, or job control)");
    assert_eq!(clause(&[Fact::State(b't'), Fact::TracedBy(3)]), "it is stopped by a tracer");
}

#[test]
fn every_fact_has_its_words() {
    let mut world = World::new(1);
    world.named(3, "gdb");
    world.named(4, "a\x1b[2J");
    let thread = |state, call, wchan: Option<&str>| Fact::Thread {
        tid: 12,
        state,
        call,
        wchan: wchan.map(|name| name.as_bytes().to_vec()),
    };
    let throttled = |periods| Fact::Throttled { throttled: 1, periods, cgroup: b"/a".to_vec() };
    let queue = |waiting, limit| Fact::AcceptQueue { waiting, limit };
    let all = [
        (Fact::State(b'T'), "its state is T (stopped)"),
        (Fact::State(b't'), "its state is t (stopped by a tracer)"),
        (Fact::State(b'Z'), "its state is Z (ended)"),
        (Fact::State(b'q'), "its state is q (unknown here)"),
        (Fact::TracedBy(3), "gdb (3) traces it"),
        (Fact::TracedBy(5), "process 5 traces it"),
        (Fact::TracedBy(4), "a\\x1b[2J (4) traces it"),
        (Fact::FrozenCgroup(b"/a\n".to_vec()), "cgroup /a\\x0a is frozen"),
        (throttled(9), "cgroup /a ran out of CPU quota in 1 of 9 periods"),
        (throttled(1), "cgroup /a ran out of CPU quota in 1 of 1 period"),
        (
            thread(b'S', Some((Call::Write, Some(14))), Some("sk_stream_wait_memory")),
            "thread 12 sleeps writing to fd 14 (sk_stream_wait_memory)",
        ),
        (
            thread(b'D', Some((Call::Read, Some(5))), None),
            "thread 12 cannot be interrupted reading from fd 5",
        ),
        (thread(b'S', Some((Call::Read, None)), Some("0")), "thread 12 sleeps reading"),
        (thread(b'S', Some((Call::EpollWait, Some(4))), None), "thread 12 sleeps in epoll_wait on fd 4"),
        (thread(b'S', Some((Call::Poll, None)), None), "thread 12 sleeps in poll or select"),
        (thread(b'S', Some((Call::Accept, Some(3))), None), "thread 12 sleeps in accept on fd 3"),
        (thread(b'S', Some((Call::Connect, Some(3))), None), "thread 12 sleeps connecting fd 3"),
        (
            thread(b'S', Some((Call::Futex, None)), None),
            "thread 12 sleeps waiting for another thread (futex)",
        ),
        (thread(b'S', Some((Call::Sleep, None)), None), "thread 12 sleeps in a timed sleep"),
        (thread(b'S', Some((Call::Wait, None)), None), "thread 12 sleeps waiting for a child"),
        (thread(b'S', Some((Call::Other, None)), None), "thread 12 sleeps in another system call"),
        (thread(b'R', None, None), "thread 12 runs"),
        (thread(b'T', None, None), "thread 12 is stopped"),
        (Fact::Spins { tid: 12, percent: 99, waits: 0 }, "thread 12 uses 99 % of a processor"),
        (
            Fact::Spins { tid: 12, percent: 40, waits: 59 },
            "thread 12 uses 40 % of a processor, and waits for one 59 % of the time",
        ),
        (Fact::RanToo(1), "another thread of it ran too, and which of them reads cannot be told"),
        (Fact::RanToo(7), "7 other threads of it ran too, and which of them reads cannot be told"),
        (Fact::Epoll { set: 4, events: 0x8000_0019 }, "epoll set fd 4 has it for EPOLLIN, EPOLLET"),
        (Fact::Epoll { set: 4, events: Interest::OUT | 0x400 }, "epoll set fd 4 has it for EPOLLOUT, 0x400"),
        (Fact::Epoll { set: 4, events: 0x18 }, "epoll set fd 4 has it for no events"),
        (
            Fact::EpollInEpoll { set: 8, inner: 4, events: 0x8000_0001 },
            "epoll set fd 8 has epoll set fd 4, which has it, for EPOLLIN, EPOLLET",
        ),
        (Fact::InNoEpoll(0), "it has no epoll set"),
        (Fact::InNoEpoll(1), "its epoll set does not have the socket"),
        (Fact::InNoEpoll(3), "none of its 3 epoll sets has the socket"),
        (Fact::Ring(7), "io_uring fd 7 has the socket registered"),
        (Fact::InFlight(Holder::new(3, 7)), "the socket is in a message that nobody has received at fd 7"),
        (
            Fact::UnsentAt(Holder::new(3, 14), Payload(2048)),
            "gdb (3) has 2 KiB unsent at fd 14, which does not go out, or slowly",
        ),
        (Fact::ZombieChild(77), "child 77 has ended and was not waited for"),
        (queue(1, None), "1 connection waits for accept"),
        (queue(129, Some(128)), "129 connections wait for accept, of at most 128"),
    ];
    for (fact, expected) in all {
        assert_eq!(fact::fact(&fact, names(&world)), expected);
    }
}

#[test]
fn what_is_missing_says_what_would_show_it() {
    let world = World::new(1);
    let all = [
        (UnreadablePart::Threads, "CAP_SYS_PTRACE"),
        (UnreadablePart::Descriptors, "CAP_SYS_PTRACE"),
        (UnreadablePart::Cgroup, "--host-root"),
        (UnreadablePart::Process, "ended"),
        (UnreadablePart::NoAnswer, "did not answer"),
    ];
    for (unread, expected) in all {
        let words = fact::fact(&Fact::Missing(unread), names(&world));
        assert!(words.contains(expected), "{words}");
    }
    let mut world = World::new(1);
    world.named(2, "app");
    world.stalled((2, 7), 10, CauseCode::Unknown, vec![Fact::Missing(UnreadablePart::Threads)]);
    let answer = answer(&world);
    assert_eq!(answer[1], "Because: nothing that could be seen tells why: its threads may not be looked at.");
    // What would show it is told once, beneath the table.
    world.stalled((3, 7), 10, CauseCode::Unknown, vec![Fact::Missing(UnreadablePart::Descriptors)]);
    world.stalled((4, 7), 10, CauseCode::Blocked, vec![Fact::Missing(UnreadablePart::Descriptors)]);
    let mut block = Vec::new();
    write_block(&world.report(), &[], None, PIPE, &mut block).unwrap();
    let block = String::from_utf8(block).unwrap();
    assert_eq!(block.matches("unknown: not permitted\n").count(), 2, "{block}");
    let note = "\nWhy is not known for 2 sockets: run as root, or grant CAP_SYS_PTRACE.\n";
    assert_eq!(block.matches("CAP_SYS_PTRACE").count(), 1, "{block}");
    assert!(block.contains(note), "{block}");
}

/// A sentence has three facts.
#[test]
fn many_facts_are_cut() {
    let world = World::new(1);
    let thread = |tid| Fact::Thread { tid, state: b'S', call: Some((Call::Sleep, None)), wchan: None };
    let told = |threads: u32| {
        let cause = Cause::new(CauseCode::Blocked, Some(2), (1..=threads).map(thread).collect());
        fact::facts(&cause, fact::Said::default(), names(&world)).unwrap()
    };
    assert!(told(3).ends_with("thread 3 sleeps in a timed sleep"), "{}", told(3));
    assert!(told(8).ends_with("thread 3 sleeps in a timed sleep; and more such"), "{}", told(8));
}
