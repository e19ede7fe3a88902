//! Gathers the numbers that a verdict stands on from ledger, census and snapshot.

use crate::engine::PageKind;
use crate::exact::{Blocks, Exact, NotMeasured};
use crate::footprint::{HostFacts, Worst};

use crate::memory::census::{Census, PageClass};
use crate::memory::ledger::{Ledger, PartKind};
use crate::model::direction::Direction;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::state::State;
use crate::model::table::Table;
use crate::model::units::{Bytes, Payload, Truesize};
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::SocketEntry;
use crate::verdict::evidence::Evidence;
use crate::verdict::suspects::{charged, is_bounded, own_bound};

/// On every host that sends some packets are on their way to a device. So much is nothing to search for.
const ON_THEIR_WAY: Truesize = Truesize(1 << 20);

/// The evidence that a verdict on this ledger stands on.
pub(super) fn gather(ledger: &Ledger, census: Option<&Census>, snapshot: &Snapshot) -> Evidence {
    let Bound { worst, of_all, by_packets } = bound(snapshot);
    let walked = snapshot.sockets.iter().any(|entry| entry.exact.is_ok()) || walked_seen(snapshot);
    let pinned = |kind: PageKind| walked.then(|| snapshot.pinned(|it| it == kind));
    let facts = &snapshot.host;
    Evidence {
        unread: Payload(sum(snapshot, |entry| entry.footprint.received.payload.map(|it| it.0))),
        charged: Truesize(sum(snapshot, |entry| charged(entry).map(|it| it.0))),
        worst,
        worst_of_all: of_all,
        worst_by_packets: by_packets,
        unlisted: unlisted(snapshot).unwrap_or_default(),
        walked_off_list: pinned(PageKind::Stack),
        walked_ownerless: pinned(PageKind::RemovedFile),
        walked_seen: walked_seen(snapshot),
        elsewhere: elsewhere(snapshot),
        is_blind: is_blind(snapshot),
        rings: rings(snapshot),
        room: census.map(|census| room(census, facts)),
        ring_like: census.map(ring_like),
        chunks: census.and_then(|census| chunks(census, facts)),
        threads_kept: census
            .map_or(Bytes(0), |census| Bytes(census.threads_kept.saturating_mul(facts.chunk_size.0))),
        large_kmalloc: census.map_or(Bytes(0), |census| large_kmalloc(census, ledger)),
    }
}

/// Blocks of a chunk's size on no list. Where a chunk is one page, others have such too: vmalloc, stacks, drivers.
fn chunks(census: &Census, facts: &HostFacts) -> Option<Bytes> {
    let order = chunk_order(facts);
    (order > 0).then(|| Blocks { order, blocks: census.blocks(order) }.bytes(facts.page_size))
}

fn chunk_order(facts: &HostFacts) -> u8 {
    let pages = facts.chunk_size.0 / facts.page_size.0.max(1);
    u8::try_from(pages.checked_ilog2().unwrap_or(0)).unwrap_or(0)
}

/// See [`Evidence::room`].
fn room(census: &Census, facts: &HostFacts) -> Bytes {
    let pieces = facts.active_skbs.map(|skbs| skbs.saturating_mul(u64::from(facts.max_skb_frags) + 1));
    let known = pieces.filter(|_| facts.max_skb_frags_known);
    let mut pieces = known.unwrap_or(u64::MAX);
    let mut room = 0u64;
    for order in (0..=chunk_order(facts)).rev() {
        let uncertain = if order == 0 { census.uncertain.0 } else { 0 };
        let blocks = census.blocks(order).saturating_add(uncertain).min(pieces);
        pieces -= blocks;
        room = room.saturating_add(Blocks { order, blocks }.bytes(facts.page_size).0);
    }
    Bytes(room)
}

/// See [`Evidence::ring_like`].
fn ring_like(census: &Census) -> Bytes {
    let blocks = census.off_list.iter().filter(|blocks| blocks.order > 0);
    let mapped = census.pages(PageClass::Mapped).bytes(census.page_size);
    Bytes(blocks.map(|blocks| blocks.bytes(census.page_size).0).fold(mapped.0, u64::saturating_add))
}

/// What /proc/meminfo counts as slab and the census finds on no list.
fn large_kmalloc(census: &Census, ledger: &Ledger) -> Bytes {
    let slab = [PartKind::SlabReclaimable, PartKind::SlabUnreclaimable];
    let told = slab.iter().filter_map(|kind| ledger.part(*kind)).map(|bytes| bytes.0).sum::<u64>();
    Bytes(told.saturating_sub(census.pages(PageClass::Slab).bytes(census.page_size).0))
}

/// Whether every queue of the sockets that were seen was walked to its end, and next to nothing is charged
/// for what lies elsewhere; one that is gone has none.
fn walked_seen(snapshot: &Snapshot) -> bool {
    let is_walked = |entry: &SocketEntry| match &entry.exact {
        Ok(exact) => exact.is_complete(),
        Err(why) => matches!(why, NotMeasured::Empty | NotMeasured::Vanished | NotMeasured::Elsewhere),
    };
    let refused = snapshot.gaps.iter().any(|gap| matches!(gap.what, Missing::Engine | Missing::Queues));
    let is_all = elsewhere(snapshot) < ON_THEIR_WAY;
    snapshot.engine.is_some() && !refused && is_all && snapshot.sockets.iter().all(is_walked)
}

/// See [`Evidence::elsewhere`].
fn elsewhere(snapshot: &Snapshot) -> Truesize {
    Truesize(sum(snapshot, |entry| match &entry.exact {
        Ok(exact) => {
            let [received, sent] = Direction::BOTH.map(|side| exact.elsewhere(&entry.socket, side).0);
            Some(received.saturating_add(sent))
        }
        Err(NotMeasured::Elsewhere) => charged(entry).map(|charge| charge.0),
        Err(_) => None,
    }))
}

/// Whether there may be sockets that were not seen, or not that they hold something.
fn is_blind(snapshot: &Snapshot) -> bool {
    snapshot.gaps.iter().any(Gap::hides_sockets)
}

struct Bound {
    worst: Option<Bytes>,
    /// It holds for all of the host.
    of_all: bool,
    /// The number of packets on the host decided.
    by_packets: bool,
}

/// What sockets can pin at worst. The number of packets on the
/// host bounds them all; the sockets' own bounds add up to less where these are few. Packets that were
/// walked pin what was found.
fn bound(snapshot: &Snapshot) -> Bound {
    let facts = &snapshot.host;
    let walked = || snapshot.sockets.iter().filter_map(|entry| complete(entry));
    let packets = walked().flat_map(|exact| &exact.queues).map(|queue| queue.packets).sum::<u64>();
    let measured = snapshot.pinned(|_| true).0;
    let host = facts.active_skbs.and_then(|active| {
        let rest = HostFacts { active_skbs: Some(active.saturating_sub(packets)), ..facts.clone() };
        Some(rest.host_bound()?.0.saturating_add(measured))
    });
    let elsewhere = elsewhere_bound(snapshot);
    let unmeasured = || snapshot.sockets.iter().filter(|entry| complete(entry).is_none());
    let known = unmeasured().filter_map(own_bound).map(|bytes| bytes.0);
    let listed = known.fold(elsewhere.unwrap_or(0).saturating_add(measured), u64::saturating_add);
    let is_all = !is_blind(snapshot) && elsewhere.is_some() && unmeasured().all(is_bounded);
    // A packet may have more fragments than is assumed.
    let is_sure = facts.max_skb_frags_known;
    match host {
        Some(host) => {
            let by_packets = !is_all || host <= listed;
            let worst = Some(Bytes(if by_packets { host } else { listed }));
            Bound { worst, of_all: is_sure, by_packets }
        }
        None => {
            let worst = (listed > 0 || is_all).then_some(Bytes(listed));
            Bound { worst, of_all: is_all && is_sure, by_packets: false }
        }
    }
}

/// What walking a socket's queues found, where that is all that it is charged.
fn complete(entry: &SocketEntry) -> Option<&Exact> {
    entry.exact.as_deref().ok().filter(|exact| exact.is_whole(&entry.socket))
}

/// See [`Evidence::rings`].
fn rings(snapshot: &Snapshot) -> Option<Bytes> {
    let is_unasked = |gap: &Gap| match gap.what {
        Missing::Namespaces | Missing::SockDiag | Missing::Unasked | Missing::Partial => true,
        Missing::NoAnswer => gap.hides_sockets(),
        Missing::Table => gap.place == Place::Table(Table::Packet),
        _ => false,
    };
    if snapshot.gaps.iter().any(is_unasked) {
        return None;
    }
    let rings = snapshot.sockets.iter().map(|entry| entry.footprint.rings);
    rings.into_iter().try_fold(0u64, |sum, rings| Some(sum.saturating_add(rings?.0))).map(Bytes)
}

/// What sockets that are not listed can pin by what they are charged: TCP memory that belongs to no socket
/// of the snapshot (closed ones). `None` where nobody knows how much there is.
fn elsewhere_bound(snapshot: &Snapshot) -> Option<u64> {
    Some(Worst::of(unlisted(snapshot)?, None, &snapshot.host).bytes.0)
}

/// TCP memory that belongs to no socket of a snapshot, beyond what the kernel's counters can be off by: 0 where
/// it is no more than that. `None` where nobody knows how much there is.
pub fn unlisted(snapshot: &Snapshot) -> Option<Truesize> {
    // An engine lists closed sockets, whose memory is in no table all the same.
    let closed = snapshot.sockets.iter().filter(|entry| entry.socket.state == State::ClosedHeld);
    let closed = closed.map(|entry| entry.socket.skmem.accounted()).fold(0, i64::saturating_add);
    let unlisted = u64::try_from(snapshot.unlisted_tcp_mem?.saturating_sub(closed)).unwrap_or(0);
    Some(Truesize(if unlisted > snapshot.unlisted_noise.0 { unlisted } else { 0 }))
}

fn sum(snapshot: &Snapshot, of: impl Fn(&SocketEntry) -> Option<u64>) -> u64 {
    snapshot.sockets.iter().filter_map(of).fold(0, u64::saturating_add)
}
