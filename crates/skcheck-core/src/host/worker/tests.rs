use std::process::Command;

use std::io;
use std::time::{Duration, Instant};

use crate::host::budget::Budget;
use crate::host::worker::errors::decode_error;
use crate::host::worker::frames::{self, AnswerPart, Incoming};
use crate::host::worker::stragglers::{LEFT, reap};
use crate::host::worker::{Trouble, Worker, serve};

fn started(program: &str, argument: &str) -> Worker {
    let mut command = Command::new(program);
    command.arg(argument);
    Worker::start(command).expect("it is installed")
}

#[test]
fn one_that_sleeps_is_left() {
    let budget = Budget::new(Duration::from_millis(300));
    let mut worker = started("sleep", "60");
    let begun = Instant::now();
    let asked = worker.ask(b"who?", &budget, Duration::ZERO, &mut |_| {});
    assert!(matches!(asked, Err(Trouble::Stuck { .. })), "{asked:?}");
    assert!(begun.elapsed() >= Duration::from_millis(150), "half of the budget");
    assert!(budget.left() <= Duration::from_millis(150), "what was waited is spent");
    let mut left = worker.leave();
    while !left.has_ended() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What it sends back is a part of an answer, and has no end.
#[test]
fn parts_are_handed_on_before_the_end() {
    let budget = Budget::new(Duration::from_millis(100));
    let mut worker = started("cat", "-");
    let mut parts = Vec::new();
    let asked = worker.ask(b"who?", &budget, Duration::ZERO, &mut |part| parts.push(part.to_vec()));
    assert!(matches!(asked, Err(Trouble::Stuck { .. })), "{asked:?}");
    assert_eq!(parts, [b"who?"]);
}

#[test]
fn one_that_ends_is_no_wait() {
    let budget = Budget::default();
    let mut worker = started("sh", "-c");
    let asked = worker.ask(b"who?", &budget, Duration::ZERO, &mut |_| {});
    assert!(matches!(&asked, Err(Trouble::Ended(it)) if it.how.contains("exit status")), "{asked:?}");
    assert!(budget.left() > Duration::from_secs(9), "it has spent {:?}", budget.whole() - budget.left());
}

/// Who is killed for want of memory, and who is told to end.
#[test]
fn what_ends_one_is_told() {
    for (signal, may_lack_memory) in [("KILL", true), ("ABRT", true), ("TERM", false)] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("kill -{signal} $$")]);
        let mut worker = Worker::start(command).expect("a shell");
        let asked = worker.ask(b"who?", &Budget::default(), Duration::ZERO, &mut |_| {});
        let ending = match asked {
            Err(Trouble::Ended(ending)) => ending,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(ending.may_lack_memory(), may_lack_memory, "{ending:?}");
    }
}

/// It works on what it was asked: nobody else keeps it waiting.
#[test]
fn one_that_runs_is_waited_for() {
    let budget = Budget::new(Duration::from_millis(400));
    let mut command = Command::new("sh");
    command.args(["-c", "i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done"]);
    let mut worker = Worker::start(command).expect("a shell");
    let asked = worker.ask(b"who?", &budget, Duration::ZERO, &mut |_| {});
    assert!(matches!(asked, Err(Trouble::Ended(_))), "it ran to its end: {asked:?}");
}

#[test]
fn questions_are_answered_in_their_order() {
    let questions = [&b"one"[..], b"two"].map(|question| frames::question(question).expect("it is short"));
    let wire = questions.concat();
    let mut out = Vec::new();
    let served = serve(&mut &wire[..], &mut out, &mut |question, answer| {
        answer.more(question);
        if question == b"two" { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) }
    });
    served.expect("all were answered");
    let mut incoming = Incoming::default();
    incoming.read_from(&mut &out[..]).expect("it is there");
    let mut told = Vec::new();
    while let Some(piece) = incoming.next().expect("pieces") {
        told.push(match piece {
            AnswerPart::More(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            AnswerPart::Done => "done".to_owned(),
            AnswerPart::Failed(error) => decode_error(error).kind().to_string(),
        });
    }
    assert_eq!(told, ["one", "done", "two", "entity not found"]);
}

/// It does not read what it is asked, and that is more than a pipe has room for.
#[test]
fn one_that_does_not_listen_is_left() {
    let budget = Budget::new(Duration::from_millis(200));
    let mut worker = started("sleep", "60");
    let asked = worker.ask(&[b'?'; 1 << 20], &budget, Duration::ZERO, &mut |_| {});
    assert!(matches!(asked, Err(Trouble::Stuck { .. })), "{asked:?}");
    let id = worker.id();
    drop(worker);
    let is_left = || {
        reap();
        LEFT.lock().expect("nobody panics").iter().any(|child| child.id() == id)
    };
    while is_left() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "whoever has ended is waited for");
}
