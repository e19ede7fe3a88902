//! Walks the queues of sockets packet by packet, the first sockets first.

use std::io;
use std::ops::Range;
use std::time::Instant;

use skcheck_core::engine::{Limits, Target};
use skcheck_core::{Live, Netns, Protocol, Protocols, SocketName};

use crate::error::Error;
use crate::pass::{Ended, Time};
use crate::walker::{Over, TARGETS, WalkProgram, Walker};
use crate::wire::{ended_slot, table};

/// With time limited, this many of the heaviest sockets are walked first, then more and more. Each time all
/// descriptors are met.
const FIRST: usize = 64;

/// In how many processes sockets are looked for one process after the other, rather than in all at once.
const PROCESSES: usize = 64;

/// The tables that a program goes through, and whose sockets are in them.
const TABLES: [(Protocols, u64); 4] = [
    (Protocols::TCP, table::TCP_TABLE),
    (Protocols::of(&[Protocol::Udp]), table::UDP_TABLE),
    (Protocols::UNIX, table::UNIX_TABLE),
    (Protocols::PACKET, table::PACKET_TABLE),
];

/// The table that a socket of this protocol can be in; 0 for none.
fn table_of(protocol: Protocol) -> u64 {
    TABLES.iter().filter(|(protocols, _)| protocols.contains(protocol)).fold(0, |all, (_, table)| all | table)
}

/// The namespace in whose table a socket is found that is to be locked: only TCP's iterator locks.
fn to_lock_in<'t>(target: &Target<'t>) -> Option<&'t Netns> {
    target.netns.filter(|_| target.protocol == Protocol::Tcp)
}

/// Walks `targets`, the first ones first, and hands on what the programs say. Returns whether all were looked
/// for.
pub(crate) fn run(
    walker: &mut Walker,
    host: &Live,
    targets: &[Target<'_>],
    limits: &Limits,
    on_record: &mut dyn FnMut(&[u8]),
) -> io::Result<bool> {
    // Loading takes no time off what there is to walk in.
    let refused = walker.need(WalkProgram::Files).err();
    let by_inode = targets.iter().any(|target| matches!(target.name, SocketName::Inode(_)));
    if limits.lock && targets.iter().any(|target| to_lock_in(target).is_some()) {
        walker.need(WalkProgram::Locked)?;
    }
    let time = walker.start(limits, by_inode)?;
    let done = vec![false; targets.len()];
    let mut walk = TargetWalk { walker, host, targets, time, done, refused, on_record };
    let mut first = 0;
    let mut count = if time.deadline.is_some() { FIRST } else { targets.len() };
    while first < targets.len() {
        let last = first.saturating_add(count.min(TARGETS)).min(targets.len());
        if walk.batch(first..last)? == Ended::OutOfTime {
            return Ok(false);
        }
        first = last;
        count = count.saturating_mul(FIRST);
    }
    // What a program that was refused would have met is told of no other way.
    let is_all = walk.done.iter().all(|done| *done);
    walk.refused.filter(|_| !is_all).map_or(Ok(true), |error| Err(error.into()))
}

struct TargetWalk<'w, 't> {
    walker: &'w mut Walker,
    host: &'w Live,
    targets: &'w [Target<'t>],
    time: Time,
    /// Which targets have been walked.
    done: Vec<bool>,
    /// The first program that the kernel refused.
    refused: Option<Error>,
    on_record: &'w mut dyn FnMut(&[u8]),
}

impl TargetWalk<'_, '_> {
    /// Walks some of the targets: those to be locked, then all that descriptors lead to, and of the others
    /// what is in a table.
    fn batch(&mut self, batch: Range<usize>) -> io::Result<Ended> {
        let names = self.targets.iter().map(|target| target.name).enumerate();
        self.walker.want(names.skip(batch.start).take(batch.len()))?;
        if self.time.locks && self.locked(&batch)? == Ended::OutOfTime {
            return Ok(Ended::OutOfTime);
        }
        if self.processes(&batch)? == Ended::OutOfTime {
            return Ok(Ended::OutOfTime);
        }
        let is_any_open = self.open(&batch).next().is_some();
        if is_any_open && self.pass(WalkProgram::Files, Over::All)? == Ended::OutOfTime {
            return Ok(Ended::OutOfTime);
        }
        let open = self.open(&batch).filter_map(|at| self.targets.get(at));
        let tables = open.fold(0, |tables, target| tables | table_of(target.protocol));
        if tables != 0 {
            self.walker.want_tables(tables)?;
            if self.pass(WalkProgram::Tables, Over::All)? == Ended::OutOfTime {
                return Ok(Ended::OutOfTime);
            }
        }
        // A program that finds no time left for a socket passes it over.
        let passed_over = self.is_late() && self.open(&batch).next().is_some();
        Ok(if passed_over { Ended::OutOfTime } else { Ended::Whole })
    }

    fn is_late(&self) -> bool {
        self.time.deadline.is_some_and(|deadline| Instant::now() > deadline)
    }

    /// The places of those that have not been walked.
    fn open(&self, batch: &Range<usize>) -> impl Iterator<Item = usize> {
        batch.clone().filter(|at| self.done.get(*at) == Some(&false))
    }

    /// Walks the TCP sockets whose namespace is known, each locked.
    fn locked(&mut self, batch: &Range<usize>) -> io::Result<Ended> {
        for at in batch.clone() {
            let Some(target) = self.targets.get(at) else { continue };
            let Some(netns) = to_lock_in(target) else { continue };
            let is_open = self.done.get(at) == Some(&false);
            let over = Over::Namespace(self.host, netns);
            if is_open && self.pass(WalkProgram::Locked, over)? == Ended::OutOfTime {
                return Ok(Ended::OutOfTime);
            }
        }
        Ok(Ended::Whole)
    }

    /// Walks those that processes are said to have, one process after the other, if that is said of all and the
    /// processes are few.
    fn processes(&mut self, batch: &Range<usize>) -> io::Result<Ended> {
        let pid_of = |at: usize| self.targets.get(at).and_then(|target| target.pid);
        let open = self.open(batch).map(pid_of);
        let Some(pids) = few(open) else { return Ok(Ended::Whole) };
        for pid in pids {
            if !self.walker.goes_by_process() {
                break;
            }
            if self.pass(WalkProgram::Files, Over::Process(pid))? == Ended::OutOfTime {
                return Ok(Ended::OutOfTime);
            }
        }
        Ok(Ended::Whole)
    }

    /// Looks for those that are met in this way. A program that the kernel refused meets nothing.
    fn pass(&mut self, way: WalkProgram, over: Over<'_>) -> io::Result<Ended> {
        if self.is_late() {
            return Ok(Ended::OutOfTime);
        }
        if let Err(error) = self.walker.need(way) {
            self.refused.get_or_insert(error);
            return Ok(Ended::Whole);
        }
        let (done, on_record) = (&mut self.done, &mut *self.on_record);
        self.walker.pass(way, over, self.time, &mut |record| {
            if let Some(done) = ended_slot(record).and_then(|slot| done.get_mut(slot as usize)) {
                *done = true;
            }
            on_record(record);
        })
    }
}

/// Each process once, in order; `None` where one is not known, or where they are many.
fn few(pids: impl Iterator<Item = Option<u32>>) -> Option<Vec<u32>> {
    let mut few = Vec::new();
    for pid in pids {
        let pid = pid?;
        if !few.contains(&pid) {
            few.push(pid);
        }
        if few.len() > PROCESSES {
            return None;
        }
    }
    Some(few)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_must_be_known_and_few() {
        let check = |pids: &[Option<u32>], expected: Option<&[u32]>| {
            assert_eq!(few(pids.iter().copied()).as_deref(), expected, "{pids:?}");
        };
        check(&[Some(7), Some(3), Some(7)], Some(&[7, 3]));
        check(&[Some(7), None], None);
        check(&[], Some(&[]));
        let many: Vec<Option<u32>> = (1..).take(PROCESSES + 1).map(Some).collect();
        assert_eq!(few(many.iter().copied()), None);
        assert!(few(many.iter().skip(1).copied()).is_some());
    }
}
