//! What weighs how much in an order.

use std::cmp::Reverse;

use skcheck_core::footprint::worst;
use skcheck_core::{HostFacts, Snapshot, SocketEntry, State, Truesize};

use crate::args::SortKey;
use crate::report::Group;
use crate::report::measured::{Shared, weight_beside};
use crate::report::sums::{Sums, is_closed_unknown};

/// What weighs how much in an order.
pub(super) struct Scale<'a> {
    facts: &'a HostFacts,
    /// What one closed socket that is still held weighs: its share of the TCP memory that belongs
    /// to no listed socket. They are the first suspects for it, so they must not be ranked as if
    /// they held nothing.
    closed_held_share: Truesize,
    shared: Shared,
}

/// Places in an order, best first: weight, closed sockets still held, what waits for accept.
type Rank = (Reverse<u64>, Reverse<u64>, Reverse<u64>, Reverse<u64>);

impl<'a> Scale<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Scale<'a> {
        let closed_held = snapshot.sockets.iter().filter(|report| is_closed_unknown(report)).count() as u64;
        let unlisted = unlisted_beyond_noise(snapshot).unwrap_or(0);
        Scale {
            facts: &snapshot.host,
            closed_held_share: Truesize(unlisted.checked_div(closed_held).unwrap_or(0)),
            shared: Shared::of(snapshot),
        }
    }

    pub(super) fn rank_socket(&self, report: &SocketEntry, sort: SortKey) -> impl Ord + use<> {
        let socket = &report.socket;
        let rank = self.rank(&Sums::of([report]), &[report], sort);
        let pid = report.pids().first().copied().unwrap_or(u32::MAX);
        let by_pid = if sort == SortKey::Pid { pid } else { 0 };
        let inode = socket.inode.map_or(u32::MAX, skcheck_core::Inode::get);
        (by_pid, rank, pid, report.holders.first().copied(), inode, socket.cookie)
    }

    pub(super) fn rank_group<'g>(&self, group: &Group<'g>, sort: SortKey) -> impl Ord + use<'g> {
        let by_pid = (sort == SortKey::Pid).then_some(group.owner);
        (by_pid, self.rank(&group.sums, &group.sockets, sort), group.owner)
    }

    fn rank(&self, sums: &Sums, sockets: &[&SocketEntry], sort: SortKey) -> Rank {
        let queues = |size: fn(&SocketEntry) -> Option<u64>| {
            sockets.iter().filter_map(|report| size(report)).fold(0, u64::saturating_add)
        };
        let closed = |each: u64| each.saturating_mul(sums.closed_held);
        // Rings are neither received nor sent, and take what they take.
        let rings = sums.rings.known;
        let (weight, tie) = match sort {
            SortKey::Pinned | SortKey::Pid => {
                let weigh = |sending| {
                    let weights = sockets.iter().map(|report| weight_beside(report, sending, &self.shared));
                    weights.fold(0, u64::saturating_add)
                };
                let (received, sent) = (weigh(false), weigh(true));
                // Many pin the same one block: then who is charged more comes first.
                let charged = sums.received.charged.known;
                (
                    received.max(sent).saturating_add(rings).saturating_add(closed(self.closed_held_share.0)),
                    charged,
                )
            }
            SortKey::Charged => {
                // Where a charge is unknown, what is unread weighs: it is charged for more than that.
                let received =
                    sockets.iter().map(|report| weight_received(report)).fold(0, u64::saturating_add);
                let sent = sums.sent.charged.known;
                (
                    received.max(sent).saturating_add(rings).saturating_add(closed(self.closed_held_share.0)),
                    received,
                )
            }
            SortKey::Worst => {
                let share = worst(self.closed_held_share, None, self.facts).bytes.0;
                let (received, sent) = (sums.received.worst.known, sums.sent.worst.known);
                (received.max(sent).saturating_add(rings).saturating_add(closed(share)), received)
            }
            SortKey::Recvq => (queues(|report| report.socket.recv_q.size()), sums.received.charged.known),
            SortKey::Sendq => (queues(|report| report.socket.send_q.size()), sums.sent.charged.known),
            SortKey::Unread => (sums.unread.known, sums.received.charged.known),
        };
        (Reverse(weight), Reverse(sums.closed_held), Reverse(tie), Reverse(sums.waiting))
    }
}

fn weight_received(report: &SocketEntry) -> u64 {
    let received = &report.footprint.received;
    let charged = received.charged.map(|charge| charge.0);
    charged.or(received.payload.map(|payload| payload.0)).unwrap_or(0)
}

/// TCP memory of the host that belongs to no listed socket and to none that an engine found closed, where
/// that is more than what the kernel's own counting can be off by.
pub(crate) fn unlisted_beyond_noise(snapshot: &Snapshot) -> Option<u64> {
    let closed = snapshot.sockets.iter().filter(|report| report.socket.state == State::ClosedHeld);
    let closed = closed.map(|report| report.socket.skmem.accounted()).fold(0, i64::saturating_add);
    let unlisted = u64::try_from(snapshot.unlisted_tcp_mem?.saturating_sub(closed)).ok()?;
    (unlisted > snapshot.unlisted_noise.0).then_some(unlisted)
}
