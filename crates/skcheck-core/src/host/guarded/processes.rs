//! Looks at many processes, of which some may not answer.

use std::io;
use std::time::{Duration, Instant};

use crate::host::guarded::asker::Guarded;
use crate::host::guarded::pool::AT_ONCE;
use crate::host::guarded::question::sight::decode_sight;
use crate::host::guarded::question::{HostQuestion, ProcessQuestion};
use crate::host::guarded::subject::Subject;
use crate::host::seam::Host;
use crate::host::sight::{Looking, Sight};
use crate::host::worker::Worker;
use crate::host::worker::words::WordReader;

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
    let patience = guarded.budget().patience(SHORTEST).min(LONGEST);
    let mut asked = Vec::new();
    let mut done = 0;
    for pid in pids {
        match begin(guarded, *pid, at, patience) {
            Begun::Asked(worker) => asked.push((*pid, worker)),
            // Those that have begun come first, and give theirs back.
            Begun::NoWorker if !asked.is_empty() => break,
            Begun::NoWorker => {
                guarded.silent().lacked += 1;
                on_sight(*pid, Sight::End(Err(io::ErrorKind::TimedOut.into())));
            }
            Begun::Failed(error) => on_sight(*pid, Sight::End(Err(error))),
        }
        done += 1;
    }
    let begun = Instant::now();
    for (pid, worker) in asked {
        finish(guarded, pid, worker, patience.saturating_sub(begun.elapsed()), on_sight);
    }
    done
}

/// What comes of a process that is to be asked about beside others.
enum Begun {
    Asked(Worker),
    NoWorker,
    Failed(io::Error),
}

fn begin(guarded: &Guarded, pid: u32, at: Looking, patience: Duration) -> Begun {
    let subject = Subject::Process(pid);
    if guarded.is_hopeless(&subject) {
        return Begun::Failed(io::ErrorKind::TimedOut.into());
    }
    let Some(mut worker) = guarded.pool.take() else { return Begun::NoWorker };
    let question = HostQuestion::from(ProcessQuestion::Look { pids: vec![pid], at }).encode();
    let begun = worker.begin(question.as_slice(), guarded.budget(), patience);
    if begun.is_ok() {
        return Begun::Asked(worker);
    }
    let error = guarded.settle(worker, begun, subject).err();
    Begun::Failed(error.unwrap_or_else(|| io::ErrorKind::InvalidData.into()))
}

fn finish(
    guarded: &Guarded,
    pid: u32,
    mut worker: Worker,
    patience: Duration,
    on_sight: &mut dyn FnMut(u32, Sight<'_>),
) {
    let mut has_ended = false;
    let answered = worker.finish(guarded.budget(), patience, &mut |part| {
        let mut words = WordReader::of(part);
        while let Some(sight) = decode_sight(&mut words) {
            has_ended |= matches!(sight, Sight::End(_));
            on_sight(pid, sight);
        }
    });
    let error = match guarded.settle(worker, answered, Subject::Process(pid)) {
        Err(error) => error,
        Ok(()) => io::ErrorKind::InvalidData.into(),
    };
    if !has_ended {
        on_sight(pid, Sight::End(Err(error)));
    }
}

/// Asks about processes one after the other, until one does not answer. Returns how many did.
fn ask(guarded: &Guarded, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) -> usize {
    let mut answered = 0;
    let known = pids.iter().take_while(|pid| !guarded.is_hopeless(&Subject::Process(**pid))).count();
    let Some(pids) = pids.get(..known).filter(|pids| !pids.is_empty()) else { return 0 };
    let Some(mut worker) = guarded.pool.take() else {
        if guarded.no_worker(&Subject::Process(pids.first().copied().unwrap_or_default())).is_some() {
            return 0;
        }
        guarded.live.look_at_each(pids, at, on_sight);
        return pids.len();
    };
    let question = HostQuestion::from(ProcessQuestion::Look { pids: pids.to_vec(), at }).encode();
    let asked = worker.ask(question.as_slice(), guarded.budget(), Duration::ZERO, &mut |part| {
        let mut words = WordReader::of(part);
        while let (Some(pid), Some(sight)) = (pids.get(answered), decode_sight(&mut words)) {
            answered += usize::from(matches!(sight, Sight::End(_)));
            on_sight(*pid, sight);
        }
    });
    match pids.get(answered) {
        Some(pid) => drop(guarded.settle(worker, asked, Subject::Process(*pid))),
        None if asked.is_ok() => guarded.pool.give_back(worker),
        None => drop(worker),
    }
    answered
}
