//! Which records may match a query, before anything is joined to them.

use crate::collect::survey::descriptors::Descriptors;
use crate::footprint::{Footprint, HostFacts, Side};
use crate::model::query::Query;
use crate::model::socket::Socket;

impl Query {
    /// Decides on a bare record, nothing joined to it yet: `false` only if no join could make it match.
    pub fn may_match(&self, socket: &Socket, host: &HostFacts) -> bool {
        if !(self.include_idle || socket.holds_something()) || !self.matches_record(socket) {
            return false;
        }
        if self.min_charged.is_none() && self.min_worst.is_none() {
            return true;
        }
        // A unix reader's charge is its senders' and not in its record. For the others, what a
        // join can add (out-of-order packets) only ever lowers the bound.
        socket.protocol.charges_senders() || self.matches_footprint(&Footprint::of(socket, None, host))
    }

    /// Whether one of the two sides satisfies the sizes that the footprint decides.
    pub(crate) fn matches_footprint(&self, footprint: &Footprint) -> bool {
        let sides = [&footprint.received, &footprint.sent];
        let charged = |side: &Side| side.charged.map(|charge| charge.0);
        let worst = |side: &Side| side.worst.map(|worst| worst.bytes.0);
        let rings = footprint.rings.map(|rings| rings.0);
        let reaches = |min: Option<u64>, size: fn(&Side) -> Option<u64>| {
            min.is_none_or(|min| rings >= Some(min) || sides.iter().any(|side| size(side) >= Some(min)))
        };
        reaches(self.min_charged, charged) && reaches(self.min_worst, worst)
    }
}

/// Whether a unix reader matches, for whose queue somebody is charged.
pub(crate) fn is_asked_for(query: &Query, facts: &HostFacts, reader: &Socket) -> bool {
    Query { include_idle: true, ..query.clone() }.may_match(reader, facts)
}

/// Whether a socket can be one of the processes that are asked for.
pub(crate) fn may_be_held_by(descriptors: &Descriptors, socket: &Socket, pids: &[u32]) -> bool {
    if pids.is_empty() {
        return true;
    }
    let Some(inode) = socket.inode else { return true };
    let mut holders = descriptors.holders(inode).peekable();
    holders.peek().is_none() || holders.any(|holder| pids.contains(&holder.pid))
}
