//! Looks at many processes, of which some may not answer.

use std::io;
use std::time::{Duration, Instant};

use crate::host::guarded::Guarded;
use crate::host::guarded::question::{Question, decode_sight};
use crate::host::guarded::silent::Subject;
use crate::host::worker::Trouble;
use crate::host::worker::words::Reading;
use crate::host::{Host, Looking, Sight};

/// When one has not answered, the rest is asked so many at the same time, each by a worker: where one is
/// stuck many are.
pub(super) const AT_ONCE: usize = 16;

/// They are waited for so long together, at least and at most.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_millis(500);

pub(super) fn look(guarded: &Guarded, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) {
    // Whoever is known not to answer is not asked again.
    let is_silent = |pid: &u32| guarded.silent().has(&Subject::Process(*pid));
    let (silent, pids): (Vec<u32>, Vec<u32>) = pids.iter().partition(|pid| is_silent(pid));
    for pid in silent {
        on_sight(pid, Sight::End(Err(io::ErrorKind::TimedOut.into())));
    }
    let answered = ask(guarded, &pids, at, on_sight);
    let Some((pid, left)) = pids.get(answered..).and_then(<[u32]>::split_first) else { return };
    // The first of the rest has not answered; it is noted.
    on_sight(*pid, Sight::End(Err(io::ErrorKind::TimedOut.into())));
    let mut left = left;
    while !left.is_empty() {
        let some = left.get(..AT_ONCE.min(left.len())).unwrap_or_default();
        let asked = ask_together(guarded, some, at, on_sight);
        left = left.get(asked..).unwrap_or_default();
    }
}

/// Asks about processes at the same time, so that all of them take no longer than one. Returns how many were
/// asked: where there are not enough workers, fewer.
fn ask_together(
    guarded: &Guarded,
    pids: &[u32],
    at: Looking,
    on_sight: &mut dyn FnMut(u32, Sight<'_>),
) -> usize {
    let patience = guarded.budget.patience(SHORTEST).min(LONGEST);
    let mut asked = Vec::new();
    let mut done = 0;
    for pid in pids {
        let question = Question::Look { pids: vec![*pid], at }.encode();
        let is_hopeless = guarded.is_hopeless(&Subject::Process(*pid));
        let worker = if is_hopeless { None } else { guarded.worker() };
        match worker {
            Some(mut worker) => match worker.begin(question.as_slice(), &guarded.budget, patience) {
                Ok(()) => asked.push((*pid, worker)),
                Err(trouble) => {
                    let error = guarded.despair(worker, trouble, Subject::Process(*pid));
                    on_sight(*pid, Sight::End(Err(error)));
                }
            },
            None if is_hopeless || asked.is_empty() => {
                if !is_hopeless {
                    guarded.silent().lacked += 1;
                }
                on_sight(*pid, Sight::End(Err(io::ErrorKind::TimedOut.into())));
            }
            // Those that have begun come first, and give theirs back.
            None => break,
        }
        done += 1;
    }
    let begun = Instant::now();
    for (pid, mut worker) in asked {
        let left = patience.saturating_sub(begun.elapsed());
        let mut has_ended = false;
        let answered = worker.finish(&guarded.budget, left, &mut |part| {
            let mut words = Reading::of(part);
            while let Some(sight) = decode_sight(&mut words) {
                has_ended |= matches!(sight, Sight::End(_));
                on_sight(pid, sight);
            }
        });
        let error = match answered {
            Ok(()) | Err(Trouble::Refused(_)) => {
                guarded.give_back(worker);
                io::ErrorKind::InvalidData.into()
            }
            Err(trouble) => guarded.despair(worker, trouble, Subject::Process(pid)),
        };
        if !has_ended {
            on_sight(pid, Sight::End(Err(error)));
        }
    }
    done
}

/// Asks about processes one after the other, until one does not answer. Returns how many did.
fn ask(guarded: &Guarded, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) -> usize {
    let mut answered = 0;
    let known = pids.iter().take_while(|pid| !guarded.is_hopeless(&Subject::Process(**pid))).count();
    let Some(pids) = pids.get(..known).filter(|pids| !pids.is_empty()) else { return 0 };
    let Some(mut worker) = guarded.worker() else {
        if guarded.no_worker(&Subject::Process(pids.first().copied().unwrap_or_default())).is_some() {
            return 0;
        }
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
        (Err(_), None) => drop(worker),
    }
    answered
}
