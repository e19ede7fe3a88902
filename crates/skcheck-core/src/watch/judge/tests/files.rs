//! Processes that wait for a file.

use crate::watch::evidence::process::{Call, Mount, ProcessEvidence, ThreadEvidence};
use crate::watch::judge;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::{Cause, Fact};
use crate::watch::judge::tests::made::{Sock, of, process, samples, sleeps};

fn mount() -> Mount {
    Mount { point: b"/mnt".to_vec(), kind: b"nfs4".to_vec(), source: b"server:/x".to_vec() }
}

/// A thread that cannot be interrupted in a call about this file.
fn waits(call: Call) -> ThreadEvidence {
    let (target, mount) = (Some(b"/mnt/log".to_vec()), Some(mount()));
    ThreadEvidence { state: Some(b'D'), target, mount, ..sleeps(call, 7) }
}

/// Why process 5 does not read, which was seen so before and now.
fn why(before: &ProcessEvidence, now: &ProcessEvidence) -> Cause {
    let sock = [Sock::tcp(1).received(900).unread(900).held(5, 3)];
    let mut both = samples(&sock, &sock, std::slice::from_ref(before));
    both.1.processes.insert(5, now.clone());
    of(&judge(&both.0, &both.1).sockets, 1).cause.clone().unwrap()
}

fn file(tid: u32, silent: bool) -> Fact {
    Fact::File { tid, fd: 7, path: b"/mnt/log".to_vec(), mount: mount(), silent }
}

#[test]
fn the_file_comes_first() {
    for call in [Call::Read, Call::Write, Call::File] {
        let now = process(5, waits(call));
        let cause = why(&now, &now);
        assert_eq!((cause.code, &cause.evidence[0]), (CauseCode::Blocked, &file(5, true)));
        assert!(matches!(cause.evidence[1], Fact::Thread { tid: 5, state: b'D', .. }), "{cause:?}");
    }
}

/// Whose thread has run in between got an answer: of slow storage it is not said that it gives none.
#[test]
fn who_has_run_got_an_answer() {
    let now = process(5, waits(Call::Read));
    let mut before = now.clone();
    before.threads[0].runs = Some(99);
    assert_eq!(why(&before, &now).evidence[0], file(5, false));
    before.threads[0].runs = None;
    assert_eq!(why(&before, &now).evidence[0], file(5, false));
    before.start_time = Some(8);
    assert_eq!(why(&before, &now).evidence[0], file(5, false));
}

/// A thread beside others that wait for it; and one that does not wait, but could.
#[test]
fn of_several_threads() {
    let mut now = process(5, sleeps(Call::Futex, 0));
    now.threads.push(ThreadEvidence { tid: 6, ..waits(Call::Write) });
    let cause = why(&now, &now);
    assert_eq!((cause.code, &cause.evidence[0]), (CauseCode::Blocked, &file(6, true)));
    now.threads[0] = ThreadEvidence { tid: 5, ..sleeps(Call::EpollWait, 4) };
    let cause = why(&now, &now);
    assert!(!cause.evidence.iter().any(|fact| matches!(fact, Fact::File { .. })), "{cause:?}");
}
