//! Walks the queues of sockets packet by packet, the first sockets first.

use std::io;
use std::ops::Range;
use std::time::Instant;

use skcheck_core::engine::{Limits, Step, Target};
use skcheck_core::{Live, Netns, Protocol};

use crate::pass::{Ended, Time};
use crate::walker::Walker;
use crate::wire::WalkRecord;

/// With time limited, this many of the heaviest sockets are walked first, then more and more. Each time all
/// sockets of their kind are met.
const FIRST: usize = 64;

/// How often the sockets that were not met are looked for: a table that changes under an iterator can
/// hide a socket, and where there was no room for one it is left out.
const ROUNDS: usize = 3;

/// Which program meets a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Tcp,
    Udp,
    Unix,
    /// Through a descriptor: in no table, of a namespace that nothing leads to, or UDP-Lite, which has no
    /// iterator.
    Files,
}

impl Way {
    fn of(target: &Target<'_>) -> Way {
        match target.protocol {
            _ if target.netns.is_none() => Way::Files,
            Protocol::Tcp => Way::Tcp,
            Protocol::Udp => Way::Udp,
            Protocol::UnixStream | Protocol::UnixDatagram | Protocol::UnixSeqpacket => Way::Unix,
            _ => Way::Files,
        }
    }

    /// The program and what it iterates over.
    pub(crate) fn program(self) -> (&'static str, &'static str) {
        match self {
            Way::Tcp => ("walk_tcp", "tcp"),
            Way::Udp => ("walk_udp", "udp"),
            Way::Unix => ("walk_unix", "unix"),
            Way::Files => ("walk_files", "task_file"),
        }
    }
}

/// The ways in which these are met, each once, that of the first one first.
fn ways(targets: &[Target<'_>]) -> Vec<Way> {
    let mut ways = Vec::new();
    for way in targets.iter().map(Way::of) {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

/// Walks `targets`, the first ones first. Returns whether all were looked for.
pub(crate) fn run(
    walker: &mut Walker,
    host: &Live,
    targets: &[Target<'_>],
    limits: &Limits,
    on_step: &mut dyn FnMut(usize, Step<'_>),
) -> io::Result<bool> {
    // Loading takes no time off what there is to walk in.
    for way in ways(targets) {
        walker.need(way)?;
    }
    let time = walker.start(limits)?;
    let mut walk = Walk { walker, host, targets, time, done: vec![false; targets.len()], on_step };
    let mut first = 0;
    let mut count = if time.deadline.is_some() { FIRST } else { targets.len() };
    while first < targets.len() {
        let last = first.saturating_add(count).min(targets.len());
        if walk.batch(first..last)? == Ended::OutOfTime {
            return Ok(false);
        }
        first = last;
        count = count.saturating_mul(FIRST);
    }
    Ok(true)
}

struct Walk<'w, 't> {
    walker: &'w mut Walker,
    host: &'w Live,
    targets: &'w [Target<'t>],
    time: Time,
    /// Which targets have been walked.
    done: Vec<bool>,
    on_step: &'w mut dyn FnMut(usize, Step<'_>),
}

impl Walk<'_, '_> {
    /// Walks some of the targets.
    fn batch(&mut self, batch: Range<usize>) -> io::Result<Ended> {
        let cookies = self.targets.iter().map(|target| target.cookie).enumerate();
        self.walker.want(cookies.skip(batch.start).take(batch.len()))?;
        for round in 0..ROUNDS {
            let before = self.open(&batch).count();
            for way in ways(self.targets.get(batch.clone()).unwrap_or_default()) {
                if self.is_late() || self.pass(&batch, way)? == Ended::OutOfTime {
                    return Ok(Ended::OutOfTime);
                }
            }
            let left = self.open(&batch).count();
            // Once more for what a changing table hid; and as often as room was short and some got in.
            if left == 0 || round > 0 && left == before {
                break;
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

    /// Looks for those that are met in this way, in each of their namespaces.
    fn pass(&mut self, batch: &Range<usize>, way: Way) -> io::Result<Ended> {
        let open = self.open(batch).filter_map(|at| self.targets.get(at));
        let targets: Vec<&Target<'_>> = open.filter(|target| Way::of(target) == way).collect();
        for place in places(&targets, way) {
            let (done, on_step) = (&mut self.done, &mut *self.on_step);
            let on_record = &mut |record: &[u8]| hand_on(record, done, on_step);
            if self.walker.pass(self.host, way, place, self.time, on_record)? == Ended::OutOfTime {
                return Ok(Ended::OutOfTime);
            }
        }
        Ok(Ended::Whole)
    }
}

/// The namespaces that these sockets are in, each once; one that stands for all where the program sees all.
fn places<'t>(targets: &[&Target<'t>], way: Way) -> Vec<Option<&'t Netns>> {
    if way == Way::Files {
        return if targets.is_empty() { Vec::new() } else { vec![None] };
    }
    let mut places: Vec<Option<&Netns>> = Vec::new();
    for target in targets {
        if places.iter().all(|known| known.map(|it| it.id) != target.netns.map(|it| it.id)) {
            places.push(target.netns);
        }
    }
    places
}

fn hand_on(record: &[u8], done: &mut [bool], on_step: &mut dyn FnMut(usize, Step<'_>)) {
    let Some((slot, record)) = WalkRecord::decode(record) else { return };
    let target = slot as usize;
    match record {
        WalkRecord::Packet(packet) => on_step(target, Step::Packet(&packet)),
        WalkRecord::Anew(queue) => on_step(target, Step::Anew(queue)),
        WalkRecord::QueueEnd { mut end, no_room } => {
            end.complete &= !no_room;
            on_step(target, Step::QueueEnd(end));
        }
        WalkRecord::SocketEnd(counters) => {
            if let Some(done) = done.get_mut(target) {
                *done = true;
            }
            on_step(target, Step::End(counters));
        }
    }
}
