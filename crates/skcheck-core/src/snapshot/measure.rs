//! Walks the queues of the sockets of a report, heaviest first, and puts what was found beside what was
//! bounded.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::engine::{Engine, Limits, Target};
use crate::exact::{Blocks, NotMeasured, Summing};
use crate::footprint::{Certainty, HostFacts, Side, worst};
use crate::gap::{Gap, Missing};
use crate::namespaces::{Netns, NetnsId};
use crate::snapshot::Report;
use crate::snapshot::join::Joined;
use crate::socket::{Family, Protocol, State};
use crate::units::Truesize;

/// How many sockets are walked at most in one scan: a report of more is cut to the heaviest.
const MOST: usize = 65_536;

/// Walks the queues of `joined.sockets`. Returns the distinct blocks of pages of all of them.
pub(super) fn run(
    engine: &dyn Engine,
    limits: &Limits,
    facts: &HostFacts,
    joined: &mut Joined,
    gaps: &mut Vec<Gap>,
) -> Vec<Blocks> {
    let Joined { sockets, namespaces, .. } = joined;
    let by_id: FxHashMap<NetnsId, &Netns> =
        namespaces.iter().filter_map(|netns| Some((netns.id?, netns))).collect();
    let mut order: Vec<usize> = Vec::new();
    for (at, report) in sockets.iter_mut().enumerate() {
        report.exact = Err(if holds_packets(report) { NotMeasured::NoTime } else { NotMeasured::Empty });
        if holds_packets(report) && report.socket.cookie.is_some() {
            order.push(at);
        }
    }
    order.sort_by_cached_key(|at| Reverse(sockets.get(*at).map_or(0, weight)));
    order.truncate(MOST);
    let target = |at: &usize| {
        let report = sockets.get(*at)?;
        let netns = report.netns.and_then(|id| by_id.get(&id).copied());
        Target::of(&report.socket, netns.filter(|netns| netns.own || !netns.files.is_empty()))
    };
    let targets: Vec<Target<'_>> = order.iter().filter_map(target).collect();
    if targets.is_empty() {
        return Vec::new();
    }
    let mut summing = Summing::new(facts.page_size);
    let walked = engine.walk(&targets, limits, &mut |target, step| summing.step(target, step));
    let walked_all = match walked {
        Ok(in_time) => in_time,
        Err(error) => {
            let remedy = format!("{error}; the report stands, what it bounds is not measured");
            gaps.push(Gap::uncounted(Missing::Engine, engine.name(), remedy));
            false
        }
    };
    let mut walked = summing.finish();
    for (target, at) in order.iter().enumerate() {
        let Some(report) = sockets.get_mut(*at) else { continue };
        match walked.sockets.remove(&target) {
            Some(exact) => {
                report.exact = Ok(Box::new(exact));
                refine(report, facts);
            }
            None if walked_all => report.exact = Err(NotMeasured::Vanished),
            None => {}
        }
    }
    walked.pages
}

/// What the walk knows better than the bound: the payload of datagrams, and what a unix reader's senders
/// are charged, all of them.
fn refine(report: &mut Report, facts: &HostFacts) {
    let Ok(exact) = &report.exact else { return };
    if !exact.is_complete() || exact.is_approximate() {
        return;
    }
    let received = &mut report.footprint.received;
    if received.payload.is_none() {
        received.payload = Some(exact.unread());
    }
    if report.socket.family == Family::Unix && report.socket.state != State::Listen {
        let charged = exact.truesize(false);
        let stream = report.socket.protocol == Protocol::UnixStream;
        *received = Side {
            payload: Some(exact.unread()),
            charged: Some(charged),
            worst: Some(worst(charged, Some(exact.unread()).filter(|_| stream), facts)),
        };
        report.footprint.certainty = Certainty::Exact;
    }
}

/// Whether anything is in a queue that can be walked. What a unix sender is charged is in its
/// reader's queue, what UDP sends in the device's.
fn holds_packets(report: &Report) -> bool {
    let socket = &report.socket;
    socket.state != State::Listen
        && match socket.family {
            Family::Unix => {
                socket.recv_q.holds_something()
                    || report.footprint.received.charged.is_some_and(|charge| charge.0 > 0)
            }
            _ => socket.holds_something(),
        }
}

fn weight(report: &Report) -> u64 {
    let charge = |side: &Side| side.charged.map_or(0, |Truesize(bytes)| bytes);
    charge(&report.footprint.received).max(charge(&report.footprint.sent))
}
