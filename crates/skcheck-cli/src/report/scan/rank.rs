//! What weighs how much in an order.

use std::cmp::Reverse;

use skcheck_core::{Direction, HostFacts, Snapshot, SocketEntry, Truesize, Worst};

use crate::report::scan::group::OwnerGroup;
use crate::report::scan::request::SortKey;
use crate::report::sums::{Sums, is_closed_unknown};
use crate::report::weight::{SharedPages, charge, weight_beside};

/// What weighs how much in an order.
pub(super) struct Scale<'a> {
    snapshot: &'a Snapshot,
    facts: &'a HostFacts,
    /// What one closed socket that is still held weighs: its share of the TCP memory that belongs
    /// to no listed socket. They are the first suspects for it, so they must not be ranked as if
    /// they held nothing.
    closed_held_share: Truesize,
    shared: SharedPages,
}

/// Places in an order, best first: weight, closed sockets still held, what waits for accept.
type Rank = (Reverse<u64>, Reverse<u64>, Reverse<u64>, Reverse<u64>);

impl<'a> Scale<'a> {
    /// `unlisted` is TCP memory that belongs to no listed socket.
    pub(super) fn new(snapshot: &'a Snapshot, unlisted: Option<u64>) -> Scale<'a> {
        let closed_held = snapshot.sockets.iter().filter(|report| is_closed_unknown(report)).count() as u64;
        Scale {
            snapshot,
            facts: &snapshot.host,
            closed_held_share: Truesize(unlisted.unwrap_or(0).checked_div(closed_held).unwrap_or(0)),
            shared: SharedPages::of(snapshot),
        }
    }

    /// All sockets, best first.
    pub(super) fn in_order(&self, sort: SortKey) -> Vec<&'a SocketEntry> {
        let mut sockets: Vec<&SocketEntry> = self.snapshot.sockets.iter().collect();
        sockets.sort_by_cached_key(|report| self.rank_socket(report, sort));
        sockets
    }

    fn rank_socket(&self, report: &SocketEntry, sort: SortKey) -> impl Ord + use<> {
        let socket = &report.socket;
        let rank = self.rank(&Sums::of([report]), &[report], sort);
        let pid = report.pids().next().unwrap_or(u32::MAX);
        let by_pid = if sort == SortKey::Pid { pid } else { 0 };
        let inode = socket.inode.map_or(u32::MAX, skcheck_core::Inode::get);
        (by_pid, rank, pid, report.holders.first().copied(), inode, socket.cookie)
    }

    pub(super) fn rank_group<'g>(&self, group: &OwnerGroup<'g>, sort: SortKey) -> impl Ord + use<'g> {
        let by_pid = (sort == SortKey::Pid).then_some(group.owner);
        (by_pid, self.rank(&group.sums, &group.sockets, sort), group.owner)
    }

    fn rank(&self, sums: &Sums, sockets: &[&SocketEntry], sort: SortKey) -> Rank {
        let received = sums.received.charged.known;
        let (weight, tie) = match sort {
            // Many pin the same one block: then who is charged more comes first.
            SortKey::Pinned | SortKey::Pid => (self.pinned(sums, sockets), received),
            SortKey::Charged => {
                let charged = all(sockets, |report| charge(report, Direction::Received));
                (
                    self.with_others(charged.max(sums.sent.charged.known), sums, self.closed_held_share.0),
                    charged,
                )
            }
            SortKey::Worst => {
                let share = Worst::of(self.closed_held_share, None, self.facts).bytes.0;
                let larger = sums.received.worst.known.max(sums.sent.worst.known);
                (self.with_others(larger, sums, share), sums.received.worst.known)
            }
            SortKey::RecvQ => (all(sockets, |report| report.socket.recv_q.size().unwrap_or(0)), received),
            SortKey::SendQ => {
                (all(sockets, |report| report.socket.send_q.size().unwrap_or(0)), sums.sent.charged.known)
            }
            SortKey::Unread => (sums.unread.known, received),
        };
        (Reverse(weight), Reverse(sums.closed_held), Reverse(tie), Reverse(sums.waiting))
    }

    fn pinned(&self, sums: &Sums, sockets: &[&SocketEntry]) -> u64 {
        let weigh = |direction| all(sockets, |report| weight_beside(report, direction, &self.shared));
        let larger = weigh(Direction::Received).max(weigh(Direction::Sent));
        self.with_others(larger, sums, self.closed_held_share.0)
    }

    /// What the larger side weighs, with what is on neither: rings, which take what they take, and closed
    /// sockets of unknown size, each with its share of what belongs to no listed socket.
    fn with_others(&self, larger: u64, sums: &Sums, closed_held_share: u64) -> u64 {
        let closed = closed_held_share.saturating_mul(sums.closed_held);
        larger.saturating_add(sums.rings.known).saturating_add(closed)
    }
}

fn all(sockets: &[&SocketEntry], size: impl Fn(&SocketEntry) -> u64) -> u64 {
    sockets.iter().map(|report| size(report)).fold(0, u64::saturating_add)
}
