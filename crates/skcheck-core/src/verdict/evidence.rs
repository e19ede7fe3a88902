//! Gathers the numbers that a verdict stands on from ledger, census and snapshot.

use std::cmp::Reverse;

use crate::engine::PageKind;
use crate::exact::{Blocks, Exact, NotMeasured};
use crate::footprint::{HostFacts, Side, worst};
use crate::gap::Missing;
use crate::memory::census::{Census, PageClass};
use crate::memory::ledger::{Ledger, PartKind};
use crate::snapshot::{Report, Snapshot};
use crate::socket::Family;
use crate::units::{Bytes, Payload, Truesize};
use crate::verdict::{Evidence, Suspect};

/// How many suspects are named.
const SUSPECTS: usize = 10;

impl Evidence {
    pub(super) fn of(ledger: &Ledger, census: Option<&Census>, snapshot: &Snapshot) -> Evidence {
        let (worst, worst_of_all) = bound(snapshot);
        let walked = snapshot.sockets.iter().any(|report| report.exact.is_ok()) || walked_seen(snapshot);
        let pinned = |kind: PageKind| walked.then(|| snapshot.pinned(|it| it == kind));
        let facts = &snapshot.host;
        Evidence {
            unread: Payload(sum(snapshot, |report| report.footprint.received.payload.map(|it| it.0))),
            charged: Truesize(sum(snapshot, |report| charged(report).map(|it| it.0))),
            worst,
            worst_of_all,
            walked_off_list: pinned(PageKind::Stack),
            walked_ownerless: pinned(PageKind::RemovedFile),
            walked_seen: walked_seen(snapshot),
            is_blind: is_blind(snapshot),
            chunks: census.map(|census| chunks(census, facts)),
            threads_kept: census
                .map_or(Bytes(0), |census| Bytes(census.threads_kept.saturating_mul(facts.chunk_size.0))),
            large_kmalloc: census.map_or(Bytes(0), |census| large_kmalloc(census, ledger)),
        }
    }
}

/// Blocks of a chunk's size on no list.
fn chunks(census: &Census, facts: &HostFacts) -> Bytes {
    let pages = facts.chunk_size.0 / facts.page_size.0.max(1);
    let order = u8::try_from(pages.checked_ilog2().unwrap_or(0)).unwrap_or(0);
    Blocks { order, blocks: census.blocks(order) }.bytes(facts.page_size)
}

/// What /proc/meminfo counts as slab and the census finds on no list.
fn large_kmalloc(census: &Census, ledger: &Ledger) -> Bytes {
    let slab = [PartKind::SlabReclaimable, PartKind::SlabUnreclaimable];
    let told = slab.iter().filter_map(|kind| ledger.part(*kind)).map(|bytes| bytes.0).sum::<u64>();
    Bytes(told.saturating_sub(census.pages(PageClass::Slab).bytes(census.page_size).0))
}

/// Whether every queue of the sockets that were seen was walked to its end; one that is gone has none.
fn walked_seen(snapshot: &Snapshot) -> bool {
    let is_walked = |report: &Report| match &report.exact {
        Ok(exact) => exact.is_complete(),
        Err(why) => matches!(why, NotMeasured::Empty | NotMeasured::Vanished),
    };
    let refused = snapshot.gaps.iter().any(|gap| matches!(gap.what, Missing::Engine | Missing::Queues));
    snapshot.engine.is_some() && !refused && snapshot.sockets.iter().all(is_walked)
}

/// Whether there may be sockets that were not seen.
fn is_blind(snapshot: &Snapshot) -> bool {
    snapshot.gaps.iter().any(|gap| {
        matches!(
            gap.what,
            Missing::Processes
                | Missing::Namespaces
                | Missing::Table
                | Missing::SockDiag
                | Missing::ClosedHeld
                | Missing::ClosedHeldUnknown
                | Missing::PendingConnections
        )
    })
}

/// What sockets can pin at worst, and whether that holds for all of the host. The number of packets on the
/// host bounds them all; the sockets' own bounds add up to less where these are few. Packets that were
/// walked pin what was found.
fn bound(snapshot: &Snapshot) -> (Option<Bytes>, bool) {
    let facts = &snapshot.host;
    let walked = || snapshot.sockets.iter().filter_map(|report| complete(report));
    let packets = walked().flat_map(|exact| &exact.queues).map(|queue| queue.packets).sum::<u64>();
    let measured = snapshot.pinned(|_| true).0;
    let host = facts.active_skbs.and_then(|active| {
        let rest = HostFacts { active_skbs: Some(active.saturating_sub(packets)), ..facts.clone() };
        Some(rest.host_bound()?.0.saturating_add(measured))
    });
    let closed = closed_bound(snapshot);
    let unmeasured = || snapshot.sockets.iter().filter(|report| complete(report).is_none());
    let known = unmeasured().filter_map(own_bound).map(|bytes| bytes.0);
    let listed = known.fold(closed.unwrap_or(0).saturating_add(measured), u64::saturating_add);
    let is_all = !is_blind(snapshot) && closed.is_some() && unmeasured().all(is_bounded);
    match host {
        Some(host) if is_all => (Some(Bytes(host.min(listed))), true),
        Some(host) => (Some(Bytes(host)), true),
        None => ((listed > 0 || is_all).then_some(Bytes(listed)), is_all),
    }
}

/// What walking a socket's queues to their end found.
fn complete(report: &Report) -> Option<&Exact> {
    report.exact.as_deref().ok().filter(|exact| exact.is_complete())
}

/// What TCP memory that belongs to no listed socket can pin. `None` where nobody knows how much there is.
fn closed_bound(snapshot: &Snapshot) -> Option<u64> {
    let unlisted = u64::try_from(snapshot.unlisted_tcp_mem?).unwrap_or(0);
    // Below its noise it is nothing: an engine lists closed sockets themselves.
    let beyond = unlisted > snapshot.unlisted_noise.0 && snapshot.engine.is_none();
    let charge = Truesize(if beyond { unlisted } else { 0 });
    Some(worst(charge, None, &snapshot.host).bytes.0)
}

/// Both sides; what a unix sender is charged is in its reader's queue.
fn sides(report: &Report) -> impl Iterator<Item = &Side> {
    let sent = (report.socket.family != Family::Unix).then_some(&report.footprint.sent);
    std::iter::once(&report.footprint.received).chain(sent)
}

fn own_bound(report: &Report) -> Option<Bytes> {
    let bounds = sides(report).filter_map(|side| side.worst).map(|worst| worst.bytes.0);
    bounds.reduce(u64::saturating_add).map(Bytes)
}

fn is_bounded(report: &Report) -> bool {
    sides(report).all(|side| side.worst.is_some())
}

fn charged(report: &Report) -> Option<Truesize> {
    let charges = sides(report).filter_map(|side| side.charged).map(|charge| charge.0);
    charges.reduce(u64::saturating_add).map(Truesize)
}

fn pinned(report: &Report) -> Option<Bytes> {
    let exact = report.exact.as_ref().ok()?;
    Some(Bytes(exact.pinned.0.saturating_add(exact.send_pinned.0)))
}

fn sum(snapshot: &Snapshot, of: impl Fn(&Report) -> Option<u64>) -> u64 {
    snapshot.sockets.iter().filter_map(of).fold(0, u64::saturating_add)
}

/// The heaviest sockets: by what they pin where that was measured, and by what they are charged.
pub(super) fn suspects(snapshot: &Snapshot) -> Vec<Suspect> {
    let weight = |report: &Report| {
        pinned(report).map_or(0, |bytes| bytes.0).max(charged(report).map_or(0, |charge| charge.0))
    };
    let mut reports: Vec<&Report> = snapshot.sockets.iter().filter(|report| weight(report) > 0).collect();
    reports.sort_by_cached_key(|report| Reverse(weight(report)));
    reports.truncate(SUSPECTS);
    let suspect = |report: &Report| {
        let holder = report.holders.first().copied();
        let process = holder.and_then(|holder| snapshot.process(holder.pid));
        Suspect {
            holder,
            holding: report.holding,
            comm: process.and_then(|process| process.comm.clone()),
            unread: report.footprint.received.payload,
            charged: charged(report),
            pinned: pinned(report),
            worst: own_bound(report),
        }
    };
    reports.into_iter().map(suspect).collect()
}
