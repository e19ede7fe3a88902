//! Looks at many processes, of which some may not answer.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::host::guarded::Guarded;
use crate::host::guarded::question::{Question, decode_sight};
use crate::host::guarded::silent::{Met, Subject};
use crate::host::worker::Trouble;
use crate::host::worker::words::Reading;
use crate::host::{Host, Looking, Sight};
use crate::process;

/// When so many have not answered, those that look like them are put off: what others tell comes first.
const MANY: u32 = 2;

/// So much is read of a /proc/PID/status.
const STATUS: u64 = 4096;

pub(super) fn look(guarded: &Guarded, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) {
    let mut left = pids.to_vec();
    let mut put_off = Vec::new();
    let mut silent = 0;
    while !left.is_empty() {
        let answered = ask(guarded, &left, at, on_sight);
        left.drain(..answered);
        let Some(pid) = left.first().copied() else { break };
        // The first of the rest has not answered; it is noted.
        on_sight(pid, Sight::End(Err(io::ErrorKind::TimedOut.into())));
        left.remove(0);
        silent += 1;
        if silent == MANY {
            (left, put_off) = apart(guarded, &left);
        }
    }
    let enough = guarded.budget.whole() / 8;
    for pid in put_off {
        if guarded.budget.left() > enough || !apart(guarded, &[pid]).0.is_empty() {
            if ask(guarded, &[pid], at, on_sight) == 1 {
                continue;
            }
        } else {
            let name = guarded.name_of(pid);
            let mut silent = guarded.silent();
            silent.add(Subject::Process(pid), Met { name, waits_in: None, wchan: None, left: None });
        }
        on_sight(pid, Sight::End(Err(io::ErrorKind::TimedOut.into())));
    }
}

/// Asks about processes one after the other, until one does not answer. Returns how many did.
fn ask(guarded: &Guarded, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) -> usize {
    let mut answered = 0;
    let known = pids.iter().take_while(|pid| !guarded.is_hopeless(&Subject::Process(**pid))).count();
    let Some(pids) = pids.get(..known).filter(|pids| !pids.is_empty()) else { return 0 };
    let Some(mut worker) = guarded.worker() else {
        guarded.live.look_at_each(pids, at, on_sight);
        return pids.len();
    };
    let question = Question::Look { pids: pids.to_vec(), at }.encode();
    let asked = worker.ask(question.as_slice(), &guarded.budget, Duration::ZERO, &mut |part| {
        let mut words = Reading::of(part);
        while let (Some(pid), Some(sight)) = (pids.get(answered), decode_sight(&mut words)) {
            answered += usize::from(matches!(sight, Sight::End(_)));
            on_sight(*pid, sight);
        }
    });
    match (asked, pids.get(answered)) {
        (Ok(()) | Err(Trouble::Refused(_)), _) => guarded.give_back(worker),
        (Err(trouble), Some(pid)) => drop(guarded.despair(worker, trouble, Subject::Process(*pid))),
        (Err(_), None) => drop(worker.leave()),
    }
    answered
}

/// Those that may answer, and those that sleep so that nothing wakes them, as those do that hold up others.
fn apart(guarded: &Guarded, pids: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let paths: Vec<PathBuf> = pids.iter().map(|pid| format!("/proc/{pid}/status").into()).collect();
    let mut sleeps = vec![false; pids.len()];
    guarded.read_each(&paths, STATUS, &mut |at, status| {
        if let (Some(sleeps), Ok(status)) = (sleeps.get_mut(at), status) {
            *sleeps = process::state(status) == Some(b'D');
        }
    });
    let (put_off, left): (Vec<_>, Vec<_>) = pids.iter().copied().zip(sleeps).partition(|(_, sleeps)| *sleeps);
    let pids = |all: Vec<(u32, bool)>| all.into_iter().map(|(pid, _)| pid).collect();
    (pids(left), pids(put_off))
}
