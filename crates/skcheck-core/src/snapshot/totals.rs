//! Sums over the sockets of a snapshot.

use std::collections::BTreeSet;

use crate::footprint::Certainty;
use crate::model::units::{Bytes, Payload, Truesize};
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::SocketEntry;

/// Sums over the sockets of a report, each socket once, however many processes share it. The
/// receiving side only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// How many sockets.
    pub sockets: u64,
    /// How many processes hold them.
    pub processes: u64,
    /// How many of the sockets have something unread, or an unknown amount of it. The others only send, have
    /// rings, connections that wait, or what cannot be read yet.
    pub unread_sockets: u64,
    /// How many processes hold those.
    pub unread_processes: u64,
    /// Unread payload, where it is known.
    pub unread: Payload,
    /// How many sockets hold an unknown amount of payload.
    pub unread_unknown: u64,
    /// What the rings of packet sockets take, where it is known; in none of the other sums.
    pub rings: Bytes,
    /// How many packet sockets may have rings of which nothing is known.
    pub rings_unknown: u64,
    /// What the kernel charges, where it is known.
    pub charged: Truesize,
    /// How many sockets' charge is unknown, a floor or an estimate.
    pub charged_unknown: u64,
    /// What they can pin at worst: the sum of the sockets' bounds, but no more than `cap`.
    pub worst: Bytes,
    /// The distinct pages that the measured sockets pin, both sides; `None` when none was measured.
    pub pinned: Option<Bytes>,
    /// How many sockets were measured.
    pub measured: u64,
    /// Whether `worst` was lowered to what the host's own numbers allow, and by which.
    pub cap: Option<Cap>,
}

/// What lowered [`Totals::worst`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cap {
    /// The charge and all memory that no counter owns
    /// ([`Ledger::unaccounted`](crate::memory::ledger::Ledger::unaccounted)).
    Unowned,
    /// All packets of the host, each with its largest number of fragments.
    HostPackets,
}

/// Sums over the sockets of a report that comes in parts ([`scan_in_parts`](crate::scan_in_parts)).
#[derive(Debug, Clone, Default)]
pub struct RunningTotals {
    sockets: u64,
    pids: BTreeSet<u32>,
    unread_sockets: u64,
    unread_pids: BTreeSet<u32>,
    unread: u64,
    unread_unknown: u64,
    rings: u64,
    rings_unknown: u64,
    charged: u64,
    charged_unknown: u64,
    worst: u64,
    measured: u64,
}

impl RunningTotals {
    /// Adds a socket.
    pub fn add(&mut self, entry: &SocketEntry) {
        let (received, rings) = (&entry.footprint.received, entry.footprint.rings);
        let add = |sum: &mut u64, number: Option<u64>| *sum = sum.saturating_add(number.unwrap_or(0));
        let is_empty = is_empty(entry);
        let payload = received.payload.map(|payload| payload.0);
        self.sockets += 1;
        self.pids.extend(entry.pids());
        if payload.map_or(!is_empty, |unread| unread > 0) {
            self.unread_sockets += 1;
            self.unread_pids.extend(entry.pids());
        }
        add(&mut self.unread, payload);
        add(&mut self.rings, rings.map(|rings| rings.0));
        add(&mut self.charged, received.charged.map(|charge| charge.0));
        add(&mut self.worst, received.worst.map(|worst| worst.bytes.0));
        self.unread_unknown += u64::from(payload.is_none() && !is_empty);
        self.rings_unknown += u64::from(rings.is_none());
        let is_known = entry.footprint.certainty == Certainty::Exact && received.charged.is_some();
        self.charged_unknown += u64::from(!is_known && !is_empty);
        self.measured += u64::from(entry.exact.is_ok());
    }

    /// The sums, where `rest` is what the scan returned beside the parts.
    pub fn finish(&self, rest: &Snapshot) -> Totals {
        let (worst, cap) = rest.capped(Bytes(self.worst), Truesize(self.charged));
        Totals {
            sockets: self.sockets,
            processes: self.pids.len() as u64,
            unread_sockets: self.unread_sockets,
            unread_processes: self.unread_pids.len() as u64,
            unread: Payload(self.unread),
            unread_unknown: self.unread_unknown,
            rings: Bytes(self.rings),
            rings_unknown: self.rings_unknown,
            charged: Truesize(self.charged),
            charged_unknown: self.charged_unknown,
            worst,
            pinned: (self.measured > 0).then(|| rest.pinned(|_| true)),
            measured: self.measured,
            cap,
        }
    }
}

impl Snapshot {
    /// Sums over all sockets of the report.
    pub fn totals(&self) -> Totals {
        self.totals_of(&self.sockets)
    }

    /// Sums over some of them.
    pub(crate) fn totals_of(&self, sockets: &[SocketEntry]) -> Totals {
        let mut running = RunningTotals::default();
        sockets.iter().for_each(|entry| running.add(entry));
        running.finish(self)
    }

    /// What queues that are charged `charged` and have this sum of bounds can pin at worst on this
    /// host: no more than the charge and all memory that nothing else owns, and no more than all
    /// packets of the host together. With what lowered it.
    pub fn capped(&self, worst: Bytes, charged: Truesize) -> (Bytes, Option<Cap>) {
        let charged = charged.0;
        let unowned = self
            .ledger
            .as_ref()
            .map(|ledger| u64::try_from(ledger.unaccounted).unwrap_or(0).saturating_add(charged));
        let packets = self.host.host_bound().map(|bound| bound.0.max(charged));
        let caps = [(unowned, Cap::Unowned), (packets, Cap::HostPackets)];
        caps.into_iter().fold((worst, None), |(least, by), (bound, cap)| match bound {
            Some(bound) if bound < least.0 => (Bytes(bound), Some(cap)),
            _ => (least, by),
        })
    }
}

/// Whether nothing is there to be read: where Recv-Q is 0 and nobody is known to be charged for the queue.
fn is_empty(entry: &SocketEntry) -> bool {
    let charged = entry.footprint.received.charged.map_or(0, |charge| charge.0);
    entry.socket.recv_q.size() == Some(0) && charged == 0
}
