//! Sums over the sockets of each process.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::footprint::Certainty;
use crate::model::units::{Bytes, Payload, Truesize};
use crate::snapshot::contents::Snapshot;
use crate::snapshot::entry::SocketEntry;

/// Sums over the sockets that one process holds, each side by itself.
///
/// What a unix socket has sent waits in the queue of its reader and is charged there too: sums of the two sides have it
/// twice, once for the writer and once for the reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessSum {
    /// The process; `None`: nobody is seen to hold these sockets ([`SocketEntry::holding`] says of each why).
    pub pid: Option<u32>,
    /// How many sockets.
    pub sockets: u64,
    /// Bytes of payload that it has not read, where they are known ([`Side::payload`](crate::Side::payload)).
    pub unread: Payload,
    /// How many of the sockets hold an unknown amount of payload.
    pub unread_unknown: u64,
    /// Bytes that the kernel charges for what waits (truesize), where it is known
    /// ([`Side::charged`](crate::Side::charged)).
    pub charged: Truesize,
    /// How many of the sockets have a charge that is unknown, a floor or an estimate
    /// ([`Footprint::certainty`](crate::Footprint::certainty)).
    pub charged_unknown: u64,
    /// Bytes of memory that it can pin at worst: the sum of the sockets' bounds
    /// ([`Side::worst`](crate::Side::worst)), not capped by what the host has.
    pub worst: Bytes,
    /// Bytes of payload that it has sent and nobody has taken, where they are known
    /// ([`Footprint::sent`](crate::Footprint::sent)).
    pub unsent: Payload,
    /// How many of the sockets have sent an unknown amount of payload that nobody has taken.
    pub unsent_unknown: u64,
    /// Bytes that the kernel charges for what was sent (truesize), where it is known.
    pub send_charged: Truesize,
    /// How many of the sockets have an unknown charge for what was sent.
    pub send_charged_unknown: u64,
    /// Bytes of memory that what was sent can pin at worst: the sum of the sockets' bounds.
    pub send_worst: Bytes,
}

impl Snapshot {
    /// Sums over the sockets of each process, the heaviest by charge for what was received first; of equally heavy
    /// ones that with more unread payload, then that with more charge for what was sent, then that with the lower
    /// pid.
    ///
    /// A socket that several processes hold counts for each of them, so these sums add up to more than
    /// [`totals`](Self::totals), which has each socket once. So does a connection that nobody has accepted, for
    /// each process that may accept it. Sockets that nobody is seen to hold are under a
    /// [`pid`](ProcessSum::pid) of `None`.
    ///
    /// ```
    /// use skcheck_core::{Live, Query, scan};
    ///
    /// let snapshot = scan(&Live::new(), &Query::default())?;
    /// if let Some(heaviest) = snapshot.by_process().first() {
    ///     println!("{:?} has {} B unread, {} B charged", heaviest.pid, heaviest.unread.0, heaviest.charged.0);
    /// }
    /// # Ok::<(), skcheck_core::Error>(())
    /// ```
    pub fn by_process(&self) -> Vec<ProcessSum> {
        let mut sums: BTreeMap<Option<u32>, ProcessSum> = BTreeMap::new();
        for entry in &self.sockets {
            let nobody = (entry.pids().len() == 0).then_some(None);
            for pid in entry.pids().map(Some).chain(nobody) {
                sums.entry(pid).or_insert(ProcessSum { pid, ..ProcessSum::default() }).add(entry);
            }
        }
        let mut sums: Vec<ProcessSum> = sums.into_values().collect();
        sums.sort_by_key(|sum| Reverse(sum.rank()));
        sums
    }
}

impl ProcessSum {
    fn rank(&self) -> (Truesize, Payload, Truesize, Reverse<u32>) {
        (self.charged, self.unread, self.send_charged, Reverse(self.pid.unwrap_or(u32::MAX)))
    }

    fn add(&mut self, entry: &SocketEntry) {
        let side = &entry.footprint.received;
        let is_exact = entry.footprint.certainty == Certainty::Exact;
        self.sockets += 1;
        self.unread.0 = self.unread.0.saturating_add(side.payload.map_or(0, |payload| payload.0));
        self.unread_unknown += u64::from(side.payload.is_none());
        self.charged.0 = self.charged.0.saturating_add(side.charged.map_or(0, |charge| charge.0));
        self.charged_unknown += u64::from(side.charged.is_none() || !is_exact);
        self.worst.0 = self.worst.0.saturating_add(side.worst.map_or(0, |worst| worst.bytes.0));
        let side = &entry.footprint.sent;
        self.unsent.0 = self.unsent.0.saturating_add(side.payload.map_or(0, |payload| payload.0));
        self.unsent_unknown += u64::from(side.payload.is_none());
        self.send_charged.0 = self.send_charged.0.saturating_add(side.charged.map_or(0, |charge| charge.0));
        self.send_charged_unknown += u64::from(side.charged.is_none());
        self.send_worst.0 = self.send_worst.0.saturating_add(side.worst.map_or(0, |worst| worst.bytes.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::footprint::{Footprint, HostFacts};
    use crate::model::holder::Holder;
    use crate::model::protocol::{Family, Protocol};
    use crate::model::queues::{RecvQueue, SendQueue};
    use crate::model::socket::Socket;
    use crate::model::state::State;
    use crate::model::units::PageSize;

    /// A socket with these holders, and what it has unread and is charged.
    fn entry(holders: &[u32], unread: Option<u64>, charged: Option<u32>) -> SocketEntry {
        let mut socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
        if let Some(bytes) = unread {
            socket.recv_q = RecvQueue::Payload(Payload(bytes));
        }
        socket.skmem.rmem_alloc = charged;
        let footprint = Footprint::of(&socket, None, &HostFacts::assumed(PageSize(4096)));
        let mut entry = SocketEntry::bare(socket, footprint);
        // Two descriptors of one process are one holder of it.
        entry.holders = holders.iter().flat_map(|pid| [Holder::new(*pid, 3), Holder::new(*pid, 4)]).collect();
        entry
    }

    fn sums(sockets: Vec<SocketEntry>) -> Vec<(Option<u32>, u64, u64, u64, u64, u64)> {
        let mut snapshot = Snapshot::empty(HostFacts::assumed(PageSize(4096)));
        snapshot.sockets = sockets;
        let numbers = |it: &ProcessSum| {
            (it.pid, it.sockets, it.unread.0, it.unread_unknown, it.charged.0, it.charged_unknown)
        };
        snapshot.by_process().iter().map(numbers).collect()
    }

    #[test]
    fn each_holder_of_a_shared_socket_has_all_of_it_and_nobody_is_one_too() {
        let sockets = vec![
            entry(&[20, 10], Some(100), Some(4000)),
            entry(&[20], Some(7), Some(1000)),
            entry(&[], Some(9), Some(4500)),
            entry(&[], None, None),
        ];
        let expected =
            [(Some(20), 2, 107, 0, 5000, 0), (None, 2, 9, 1, 4500, 1), (Some(10), 1, 100, 0, 4000, 0)];
        assert_eq!(sums(sockets), expected);
        assert_eq!(sums(Vec::new()), []);
    }

    #[test]
    fn of_equal_charge_more_unread_comes_first_then_the_lower_pid() {
        let of = |pid, unread| entry(&[pid], Some(unread), Some(4000));
        let sockets = vec![entry(&[], Some(5), Some(4000)), of(30, 5), of(10, 5), of(20, 6)];
        let order: Vec<Option<u32>> = sums(sockets).iter().map(|sum| sum.0).collect();
        assert_eq!(order, [Some(20), Some(10), Some(30), None]);
    }

    #[test]
    fn who_only_writes_has_what_nobody_took() {
        let writer = |charge: Option<u32>, sent: Option<u64>| {
            let mut socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
            socket.skmem.wmem_queued = charge;
            if let Some(bytes) = sent {
                socket.send_q = SendQueue::Payload(Payload(bytes));
            }
            let footprint = Footprint::of(&socket, None, &HostFacts::assumed(PageSize(4096)));
            let mut entry = SocketEntry::bare(socket, footprint);
            entry.holders = vec![Holder::new(10, 3)];
            entry
        };
        let mut snapshot = Snapshot::empty(HostFacts::assumed(PageSize(4096)));
        snapshot.sockets = vec![
            entry(&[9], None, None),
            writer(Some(5000), Some(100)),
            writer(Some(70), Some(3)),
            writer(None, None),
        ];
        let by_process = snapshot.by_process();
        let numbers = |it: &ProcessSum| {
            (it.pid, it.unsent.0, it.unsent_unknown, it.send_charged.0, it.send_charged_unknown, it.unread.0)
        };
        let sums: Vec<_> = by_process.iter().map(numbers).collect();
        assert_eq!(sums, [(Some(10), 103, 1, 5070, 1, 0), (Some(9), 0, 1, 0, 1, 0)]);
        assert!(by_process.first().is_some_and(|sum| sum.send_worst.0 > 5070));
    }

    #[test]
    fn worst_is_the_sum_of_the_bounds() {
        let mut snapshot = Snapshot::empty(HostFacts::assumed(PageSize(4096)));
        snapshot.sockets = vec![entry(&[10], Some(1), Some(4000)), entry(&[10], Some(1), Some(2000))];
        let bounds = snapshot.sockets.iter().filter_map(|it| it.footprint.received.worst);
        let bounds: u64 = bounds.map(|worst| worst.bytes.0).sum();
        assert!(bounds > 6000);
        assert_eq!(snapshot.by_process().first().map(|sum| sum.worst), Some(Bytes(bounds)));
    }
}
