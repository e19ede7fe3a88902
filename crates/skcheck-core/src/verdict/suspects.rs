//! The sockets that hold most.

use std::cmp::Reverse;

use crate::exact::measured::NotMeasured;
use crate::footprint::Side;
use crate::model::holder::Holder;
use crate::model::units::{Bytes, Payload, Truesize};
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::{Holding, SocketEntry};

/// How many are named.
const SUSPECTS: usize = 10;

/// A socket that holds unread or unsent data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeavySocket {
    /// A descriptor that holds it, the first where there are several; `None`: no process has one.
    pub holder: Option<Holder>,
    /// Who is behind it.
    pub holding: Holding,
    /// The process's name, as bytes.
    pub comm: Option<Vec<u8>>,
    /// Unread payload.
    pub unread: Option<Payload>,
    /// What the kernel charges, for both sides.
    pub charged: Option<Truesize>,
    /// The pages that both sides pin, measured.
    pub pinned: Option<Bytes>,
    /// Not all that it is charged was walked: it pins at least that.
    pub pinned_is_floor: bool,
    /// What both sides can pin at worst, but no more than the host's own numbers allow
    /// ([`Snapshot::capped`]).
    pub worst: Option<Bytes>,
    /// What its rings take, in no other number.
    pub rings: Option<Bytes>,
}

/// The heaviest sockets: by what they pin where all of it was measured, else by what they are charged, if
/// that is more, and by their rings. One that pins nothing is none.
pub(super) fn suspects(snapshot: &Snapshot) -> Vec<HeavySocket> {
    let mut reports: Vec<&SocketEntry> = snapshot.sockets.iter().filter(|entry| weight(entry) > 0).collect();
    reports.sort_by_cached_key(|entry| Reverse(weight(entry)));
    reports.truncate(SUSPECTS);
    reports.into_iter().map(|entry| suspect(snapshot, entry)).collect()
}

fn weight(entry: &SocketEntry) -> u64 {
    let charged = charged(entry).map_or(0, |charge| charge.0);
    let rings = entry.footprint.rings.map_or(0, |rings| rings.0);
    let weight = match pinned(entry) {
        Some((pinned, true)) => pinned.0,
        Some((floor, false)) => floor.0.max(charged),
        None => charged,
    };
    weight.saturating_add(rings)
}

fn suspect(snapshot: &Snapshot, entry: &SocketEntry) -> HeavySocket {
    let holder = entry.holders.first().copied();
    let process = holder.and_then(|holder| snapshot.process(holder.pid));
    HeavySocket {
        holder,
        holding: entry.holding,
        comm: process.and_then(|process| process.comm.clone()),
        unread: entry.footprint.received.payload,
        charged: charged(entry),
        pinned: pinned(entry).map(|(bytes, _)| bytes),
        pinned_is_floor: pinned(entry).is_some_and(|(_, is_whole)| !is_whole),
        rings: entry.footprint.rings,
        worst: own_bound(entry)
            .map(|bound| snapshot.capped(bound, charged(entry).unwrap_or_default()).0)
            // Pages that were handed in are beyond it.
            .filter(|worst| pinned(entry).is_none_or(|(pinned, _)| pinned <= *worst)),
    }
}

/// Both sides; what a unix sender is charged is in its reader's queue.
fn sides(entry: &SocketEntry) -> impl Iterator<Item = &Side> {
    let sent = (!entry.socket.protocol.charges_senders()).then_some(&entry.footprint.sent);
    std::iter::once(&entry.footprint.received).chain(sent)
}

/// What a socket can pin at worst, both sides.
pub(super) fn own_bound(entry: &SocketEntry) -> Option<Bytes> {
    let bounds = sides(entry).filter_map(|side| side.worst).map(|worst| worst.bytes.0);
    bounds.reduce(u64::saturating_add).map(Bytes)
}

/// Whether that is known of both sides.
pub(super) fn is_bounded(entry: &SocketEntry) -> bool {
    sides(entry).all(|side| side.worst.is_some())
}

/// What the kernel charges for both sides.
pub(super) fn charged(entry: &SocketEntry) -> Option<Truesize> {
    let charges = sides(entry).filter_map(|side| side.charged).map(|charge| charge.0);
    charges.reduce(u64::saturating_add).map(Truesize)
}

/// What was measured; and whether that is all.
fn pinned(entry: &SocketEntry) -> Option<(Bytes, bool)> {
    match &entry.exact {
        Ok(exact) => {
            let bytes = exact.pinned.0.saturating_add(exact.send_pinned.0);
            let is_whole = exact.is_whole(&entry.socket);
            (is_whole || bytes > 0).then_some((Bytes(bytes), is_whole))
        }
        Err(NotMeasured::Empty) => Some((Bytes(0), true)),
        Err(_) => None,
    }
}
