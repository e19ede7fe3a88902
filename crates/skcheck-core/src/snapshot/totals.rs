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

impl Snapshot {
    /// Sums over all sockets of the report.
    pub fn totals(&self) -> Totals {
        self.totals_of(&self.sockets)
    }

    /// Sums over some of them.
    pub(crate) fn totals_of(&self, sockets: &[SocketEntry]) -> Totals {
        let received = || sockets.iter().map(|entry| &entry.footprint.received);
        let rings = || sockets.iter().map(|entry| entry.footprint.rings);
        let pids: BTreeSet<u32> = sockets.iter().flat_map(SocketEntry::pids).collect();
        let sum = |numbers: &mut dyn Iterator<Item = u64>| numbers.fold(0, u64::saturating_add);
        let charged = sum(&mut received().filter_map(|side| side.charged).map(|charge| charge.0));
        let worst = sum(&mut received().filter_map(|side| side.worst).map(|worst| worst.bytes.0));
        let (worst, cap) = self.capped(Bytes(worst), Truesize(charged));
        let has_unread = |entry: &&SocketEntry| match entry.footprint.received.payload {
            Some(Payload(unread)) => unread > 0,
            None => !is_empty(entry),
        };
        let with_unread = || sockets.iter().filter(has_unread);
        let measured = sockets.iter().filter(|entry| entry.exact.is_ok()).count() as u64;
        Totals {
            sockets: sockets.len() as u64,
            processes: pids.len() as u64,
            unread_sockets: with_unread().count() as u64,
            unread_processes: with_unread().flat_map(SocketEntry::pids).collect::<BTreeSet<u32>>().len()
                as u64,
            unread: Payload(sum(&mut received().filter_map(|side| side.payload).map(|payload| payload.0))),
            unread_unknown: count(sockets, |entry| entry.footprint.received.payload.is_none()),
            rings: Bytes(sum(&mut rings().flatten().map(|rings| rings.0))),
            rings_unknown: rings().filter(Option::is_none).count() as u64,
            charged: Truesize(charged),
            charged_unknown: count(sockets, |entry| {
                entry.footprint.certainty != Certainty::Exact || entry.footprint.received.charged.is_none()
            }),
            worst,
            pinned: (measured > 0).then(|| self.pinned(|_| true)),
            measured,
            cap,
        }
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

/// Counts sockets that may have something to read.
fn count(sockets: &[SocketEntry], is_counted: fn(&SocketEntry) -> bool) -> u64 {
    sockets.iter().filter(|entry| is_counted(entry) && !is_empty(entry)).count() as u64
}
