//! Walks the queues of the sockets of a report, heaviest first, and puts what was found beside what was
//! bounded.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::engine::{Engine, Limits, PageKind, Target};
use crate::exact::sums::Summing;
use crate::exact::{Blocks, Exact, NotMeasured};
use crate::footprint::{Footprint, HostFacts, Side};

use crate::join::sockets::{Depth, Join, JoinedSocket};
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::protocol::Family;
use crate::model::socket::{Socket, SocketName};
use crate::model::state::State;
use crate::model::units::Truesize;
use crate::snapshot::entry::SocketEntry;

/// How many sockets are walked at most in one scan: a report of more is cut to the heaviest.
const MOST: usize = 65_536;

/// What walking the sockets of a report found.
pub(crate) struct Measured {
    sockets: FxHashMap<SocketName, Exact>,
    /// Distinct blocks of pages, by whose they are and by order.
    pages: Vec<(PageKind, Blocks)>,
    /// Why what was not walked was not.
    otherwise: NotMeasured,
}

/// Puts what was found beside what was bounded; walks only now where few sockets were to be left.
pub(crate) fn add(join: &mut Join<'_>, walked: Option<Measured>) {
    let measured = match join.depth.filter(|_| join.is_about_few()) {
        Some(Depth { engine, limits, .. }) => {
            let mut gaps = Vec::new();
            let measured = walk(engine, limits, join.facts, entries(join), &mut gaps);
            join.gaps.extend(gaps);
            Some(measured)
        }
        None => walked,
    };
    let Some(mut measured) = measured else { return };
    join.walked = !measured.is_refused();
    measured.apply(&mut join.sockets, join.facts);
    join.pages = measured.pages;
}

/// The entries of the report, each with the process to look into first.
pub(crate) fn entries<'e>(join: &'e Join<'_>) -> impl Iterator<Item = (&'e SocketEntry, Option<u32>)> {
    join.sockets.iter().map(|joined| (&joined.entry, join.process_with(joined)))
}

/// Walks the queues of these sockets, the heaviest first.
pub(crate) fn walk<'e>(
    engine: &dyn Engine,
    limits: &Limits,
    facts: &HostFacts,
    entries: impl Iterator<Item = (&'e SocketEntry, Option<u32>)>,
    gaps: &mut Vec<Gap>,
) -> Measured {
    let mut order: Vec<(&SocketEntry, Option<u32>)> =
        entries.filter(|(it, _)| is_walked(it) && it.socket.name().is_some()).collect();
    order.sort_by_cached_key(|(entry, _)| Reverse(weight(entry)));
    let mut otherwise = if order.len() > MOST { NotMeasured::NoTime } else { NotMeasured::Vanished };
    order.truncate(MOST);
    let target = |(entry, pid): &(&SocketEntry, Option<u32>)| Some(Target::of(&entry.socket)?.held_by(*pid));
    let targets: Vec<Target<'_>> = order.iter().filter_map(target).collect();
    let mut summing = Summing::new(facts.page_size);
    if !targets.is_empty() {
        match engine.walk(&targets, limits, &mut |target, step| summing.step(target, step)) {
            Ok(true) => {}
            Ok(false) => otherwise = NotMeasured::NoTime,
            Err(error) => {
                let remedy = format!("{error}; the report stands, what it bounds is not measured");
                gaps.push(Gap::uncounted(Missing::Engine, Place::Engine(engine.name()), remedy));
                otherwise = NotMeasured::Refused;
            }
        }
    }
    let mut walked = summing.finish();
    let sockets = targets
        .iter()
        .enumerate()
        .filter_map(|(at, target)| Some((target.name, walked.sockets.remove(&at)?)))
        .collect();
    Measured { sockets, pages: walked.pages, otherwise }
}

impl Measured {
    /// Whether the engine could not walk.
    fn is_refused(&self) -> bool {
        self.otherwise == NotMeasured::Refused
    }

    /// Puts what was found beside what was bounded.
    fn apply(&mut self, sockets: &mut [JoinedSocket], facts: &HostFacts) {
        for JoinedSocket { entry, .. } in sockets {
            let exact = entry.socket.name().and_then(|name| self.sockets.remove(&name));
            if let (Some(rings), Some(exact)) = (&mut entry.socket.rings, &exact) {
                rings.fill = exact.counters.ring;
            }
            entry.exact = match exact.filter(|_| holds_packets(entry)) {
                Some(exact) => Ok(Box::new(exact)),
                None if !holds_packets(entry) => Err(NotMeasured::Empty),
                None if !can_be_found(&entry.socket) => Err(NotMeasured::NotWalkable),
                None => Err(self.otherwise),
            };
            complete(entry, facts);
            let SocketEntry { socket, footprint, exact: Ok(exact), .. } = entry else { continue };
            footprint.refine(socket, exact, facts);
            if is_elsewhere(exact, socket) {
                entry.exact = Err(NotMeasured::Elsewhere);
            }
        }
    }
}

/// Whether a walk that has not met a socket tells that it is gone: by its inode only descriptors lead to it.
fn can_be_found(socket: &Socket) -> bool {
    Target::of(socket).is_some_and(|target| matches!(target.name, SocketName::Cookie(_)))
}

/// Whether nothing was found of what the kernel charges.
fn is_elsewhere(exact: &Exact, socket: &Socket) -> bool {
    exact.queues.iter().all(|queue| queue.packets == 0) && !exact.is_whole(socket) && exact.is_complete()
}

/// What the kernel's tables do not tell without locking the socket, and the walk does.
fn complete(entry: &mut SocketEntry, facts: &HostFacts) {
    let SocketEntry { socket, footprint, exact: Ok(exact), .. } = entry else { return };
    if socket.tcp_info.is_none() && exact.counters.tcp_info.is_some() {
        socket.tcp_info = exact.counters.tcp_info;
        if socket.state != State::ClosedHeld {
            *footprint = Footprint::of(socket, None, facts);
        }
    }
}

/// Whether anything is in a queue that packets lie in. What a unix sender is charged is in its reader's
/// queue, what UDP and its like send in the device's: that is charged too, and the walk tells that it is not
/// there. Rings are no queues. What waits at a TCP listener has a report of its own; at a unix listener it
/// has none.
fn holds_packets(entry: &SocketEntry) -> bool {
    let SocketEntry { socket, footprint, .. } = entry;
    // A ring is no queue.
    let holds = |side: &Side| side.charged.is_none_or(|charge| charge.0 > 0);
    match socket.family {
        Family::Unix => {
            let is_charged = footprint.received.charged.is_some_and(|charge| charge.0 > 0);
            socket.recv_q.holds_something() || is_charged
        }
        Family::Ipv4 | Family::Ipv6 => socket.state != State::Listen && socket.holds_something(),
        Family::Packet | Family::Netlink | Family::Vsock => {
            holds(&footprint.received) || holds(&footprint.sent)
        }
    }
}

/// Whether a walk has something to tell of it: of a ring, how full it is.
fn is_walked(entry: &SocketEntry) -> bool {
    holds_packets(entry) || entry.socket.rings.is_some_and(|rings| rings.rx.is_some())
}

fn weight(entry: &SocketEntry) -> u64 {
    let charge = |side: &Side| side.charged.map_or(0, |Truesize(bytes)| bytes);
    charge(&entry.footprint.received).max(charge(&entry.footprint.sent))
}
