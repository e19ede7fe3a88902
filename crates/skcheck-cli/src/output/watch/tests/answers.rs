use std::time::Duration;

use skcheck_core::watch::Judged;
use skcheck_core::watch::cause::{CauseCode, Fact, Link, Root};
use skcheck_core::watch::evidence::Call;
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::{Holder, Holding, Payload};

use super::{PIPE, answer};
use crate::output::watch::write_block;
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
    let mut root = Root::default();
    root.is_circle = true;
    let (left, right) = (Holder::new(1, 3), Holder::new(2, 4));
    root.links = vec![
        Link::new(left, Payload(1 << 20), Some(right), 9),
        Link::new(right, Payload(1 << 20), Some(left), 9),
    ];
    world.stalled((1, 3), 4096, CauseCode::Deadlock, vec![]).root = Some(root);
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
    root.end = None;
    root.links[0].reader = None;
    let told = answer(&world);
    assert!(told[0].starts_with("nginx (10) has read nothing"), "{told:?}");
    assert!(
        told[1].ends_with(
            "(fd 14, 2.8 MiB unsent), and the other end, which is not on this host, takes nothing."
        )
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
         is full in 12 s.",
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
            let judged = world.socket(2, 7, 4096, 0);
            judged.reading = Reading::Unknown;
            judged
        },
        "Nobody is known to stand still. app (2) may read or not, which cannot be told; 4 KiB waits at fd 7.",
    );
    let world = World::new(1);
    assert!(answer(&world)[0].starts_with("Nobody stands still: no socket that matches holds data; "));
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
