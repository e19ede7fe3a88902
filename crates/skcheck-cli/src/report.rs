//! What a snapshot says, arranged: sorted, grouped by process, cut, summed up. No strings.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use skcheck_core::footprint::worst;
use skcheck_core::{
    Connections, Holding, HostFacts, Query, RecvQueue, Report as SocketReport, Side, Snapshot, State, Totals,
    Truesize,
};

use crate::args::{By, SortKey};
use crate::config::Arrangement;

/// A snapshot, arranged for output.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) by: By,
    /// Over all sockets of the snapshot, shown or not.
    pub(crate) totals: Totals,
    /// TCP sockets that are closed and still held, shown or not.
    pub(crate) closed_held: u64,
    /// The owner with the largest charge, whatever the order of the report.
    pub(crate) heaviest: Option<Group<'a>>,
    /// The owners to show, in order, each with the sockets to show.
    pub(crate) groups: Vec<Group<'a>>,
    /// The sockets to show, in order, each once.
    pub(crate) sockets: Vec<&'a SocketReport>,
    /// What is not shown.
    pub(crate) rest: Rest,
}

/// Whose a socket is, as far as a reader looks for someone to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    /// A process that holds it, or the listener that it waits at.
    Process(u32),
    /// Nobody any more: its process has closed it.
    Orphaned,
    /// The kernel, a message in flight, or io_uring.
    Kernel,
    /// A process that may not be read.
    Hidden,
}

/// The sockets of one owner.
#[derive(Debug, Clone)]
pub(crate) struct Group<'a> {
    pub(crate) owner: Owner,
    /// Over all its sockets, shown or not.
    pub(crate) sums: Sums,
    /// The sockets to show, heaviest first.
    pub(crate) sockets: Vec<&'a SocketReport>,
}

/// Numbers of several sockets, units kept apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// How many sockets.
    pub(crate) sockets: u64,
    /// How many of them are closed and still held.
    pub(crate) closed_held: u64,
    /// Connections that wait at listeners.
    pub(crate) waiting: u64,
    /// Payload that was not read.
    pub(crate) unread: Sum,
    /// Payload that the peers have not acknowledged.
    pub(crate) unsent: Sum,
    /// The receiving side.
    pub(crate) received: Charge,
    /// The sending side.
    pub(crate) sent: Charge,
}

/// What one side of several sockets is charged and can pin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) charged: Sum,
    pub(crate) worst: Sum,
}

/// A sum of which a part may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) known: u64,
    /// How many sockets add an unknown amount, or more than what is known.
    pub(crate) unknown: u64,
}

/// What was cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// How many owners, or sockets where the list is flat.
    pub(crate) count: u64,
    pub(crate) sums: Sums,
}

impl Sum {
    fn add(&mut self, number: Option<u64>, is_floor: bool) {
        self.known = self.known.saturating_add(number.unwrap_or(0));
        self.unknown += u64::from(number.is_none() || is_floor);
    }
}

impl Sums {
    fn add(&mut self, report: &SocketReport) {
        let footprint = &report.footprint;
        self.sockets += 1;
        self.closed_held += u64::from(report.socket.state == State::ClosedHeld);
        if let RecvQueue::Connections(Connections(waiting)) = report.socket.recv_q {
            self.waiting += u64::from(waiting);
        }
        self.unread.add(footprint.received.payload.map(|payload| payload.0), false);
        self.unsent.add(footprint.sent.payload.map(|payload| payload.0), false);
        self.received.add(&footprint.received, footprint.charged_is_floor);
        self.sent.add(&footprint.sent, false);
    }

    /// Over these sockets.
    pub(crate) fn of<'a>(sockets: impl IntoIterator<Item = &'a SocketReport>) -> Sums {
        let mut sums = Sums::default();
        sockets.into_iter().for_each(|report| sums.add(report));
        sums
    }

    /// Whether the sending side is charged more than the receiving one.
    pub(crate) fn mostly_sent(&self) -> bool {
        self.sent.charged.known > self.received.charged.known
    }
}

impl Charge {
    fn add(&mut self, side: &Side, is_floor: bool) {
        self.charged.add(side.charged.map(|charge| charge.0), is_floor);
        self.worst.add(side.worst.map(|worst| worst.bytes.0), is_floor);
    }
}

impl<'a> Report<'a> {
    /// Arranges a snapshot.
    pub(crate) fn new(snapshot: &'a Snapshot, query: &Query, arrangement: Arrangement) -> Report<'a> {
        let Arrangement { sort, by, top, per_process } = arrangement;
        let scale = Scale::new(snapshot);
        let mut sockets: Vec<&SocketReport> = snapshot.sockets.iter().collect();
        sockets.sort_by_cached_key(|report| scale.rank_socket(report, sort));
        let mut groups = by_owner(&sockets, snapshot.scanned.unreadable > 0);
        groups.retain(|group| is_asked_for(group.owner, snapshot, query));
        groups.sort_by_cached_key(|group| scale.rank_group(group, SortKey::Charged));
        let heaviest = groups.first().cloned();
        groups.sort_by_cached_key(|group| scale.rank_group(group, sort));

        let mut report = Report {
            snapshot,
            by,
            totals: snapshot.totals(),
            closed_held: Sums::of(sockets.iter().copied()).closed_held,
            heaviest,
            groups: Vec::new(),
            sockets,
            rest: Rest::default(),
        };
        match by {
            By::Process => report.keep_groups(groups, top, per_process),
            By::Socket => report.keep_sockets(top),
        }
        report
    }

    fn keep_groups(&mut self, mut groups: Vec<Group<'a>>, top: Option<usize>, per_process: Option<usize>) {
        let shown = top.unwrap_or(groups.len()).min(groups.len());
        let cut = groups.split_off(shown);
        let seen: HashSet<*const SocketReport> = groups
            .iter()
            .flat_map(|group| &group.sockets)
            .map(|socket| std::ptr::from_ref(*socket))
            .collect();
        let mut counted = HashSet::new();
        let only_cut = cut.iter().flat_map(|group| group.sockets.iter().copied()).filter(|socket| {
            let address = std::ptr::from_ref(*socket);
            !seen.contains(&address) && counted.insert(address)
        });
        self.rest = Rest { sums: Sums::of(only_cut), count: cut.len() as u64 };
        if let Some(limit) = per_process {
            groups.iter_mut().for_each(|group| group.sockets.truncate(limit));
        }
        let kept: HashSet<*const SocketReport> = groups
            .iter()
            .flat_map(|group| &group.sockets)
            .map(|socket| std::ptr::from_ref(*socket))
            .collect();
        self.sockets.retain(|socket| kept.contains(&std::ptr::from_ref(*socket)));
        self.groups = groups;
    }

    fn keep_sockets(&mut self, top: Option<usize>) {
        let shown = top.unwrap_or(self.sockets.len()).min(self.sockets.len());
        let cut = self.sockets.split_off(shown);
        self.rest = Rest { count: cut.len() as u64, sums: Sums::of(cut) };
    }
}

/// Whose this socket is: every process that holds it, or the one pseudo owner.
pub(crate) fn owners(report: &SocketReport, some_unreadable: bool) -> Vec<Owner> {
    if !report.holders.is_empty() {
        return report.pids().into_iter().map(Owner::Process).collect();
    }
    let owner = match report.holding {
        Holding::Orphan => Owner::Orphaned,
        Holding::Hidden => Owner::Hidden,
        _ if some_unreadable => Owner::Hidden,
        _ => Owner::Kernel,
    };
    vec![owner]
}

/// Whether the table shows the sending side of this socket: the larger one, and not memory that
/// the receiving side already shows.
pub(crate) fn shows_sent(report: &SocketReport) -> bool {
    let charged = |side: &Side| side.charged.map_or(0, |charge| charge.0);
    charged(&report.footprint.sent) > charged(&report.footprint.received)
}

/// Whether the query leaves this owner in: those who share a socket with a process that was asked
/// for are not asked for themselves.
fn is_asked_for(owner: Owner, snapshot: &Snapshot, query: &Query) -> bool {
    let Owner::Process(pid) = owner else { return true };
    let named = |name: &Vec<u8>| snapshot.process(pid).is_some_and(|process| process.is_named(name));
    (query.pids.is_empty() || query.pids.contains(&pid)) && query.process.as_ref().is_none_or(named)
}

fn by_owner<'a>(sockets: &[&'a SocketReport], some_unreadable: bool) -> Vec<Group<'a>> {
    let mut by_owner: BTreeMap<Owner, Vec<&SocketReport>> = BTreeMap::new();
    for &report in sockets {
        for owner in owners(report, some_unreadable) {
            by_owner.entry(owner).or_default().push(report);
        }
    }
    let group = |(owner, sockets): (Owner, Vec<&'a SocketReport>)| Group {
        owner,
        sums: Sums::of(sockets.iter().copied()),
        sockets,
    };
    by_owner.into_iter().map(group).collect()
}

/// What weighs how much in an order.
struct Scale<'a> {
    facts: &'a HostFacts,
    /// What one closed socket that is still held weighs: its share of the TCP memory that belongs
    /// to no listed socket. They are the first suspects for it, so they must not be ranked as if
    /// they held nothing.
    closed_held_share: Truesize,
}

/// Places in an order, best first: weight, closed sockets still held, what waits for accept.
type Rank = (Reverse<u64>, Reverse<u64>, Reverse<u64>, Reverse<u64>);

impl<'a> Scale<'a> {
    fn new(snapshot: &'a Snapshot) -> Scale<'a> {
        let closed_held =
            snapshot.sockets.iter().filter(|report| report.socket.state == State::ClosedHeld).count() as u64;
        let unlisted = unlisted_beyond_noise(snapshot).unwrap_or(0);
        Scale {
            facts: &snapshot.host,
            closed_held_share: Truesize(unlisted.checked_div(closed_held).unwrap_or(0)),
        }
    }

    fn rank_socket(&self, report: &SocketReport, sort: SortKey) -> impl Ord + use<> {
        let socket = &report.socket;
        let rank = self.rank(&Sums::of([report]), &[report], sort);
        let pid = report.holders.first().map_or(u32::MAX, |holder| holder.pid);
        let by_pid = if sort == SortKey::Pid { pid } else { 0 };
        let inode = socket.inode.map_or(u32::MAX, skcheck_core::Inode::get);
        (by_pid, rank, pid, report.holders.first().copied(), inode, socket.cookie)
    }

    fn rank_group(&self, group: &Group<'_>, sort: SortKey) -> impl Ord + use<> {
        let by_pid = (sort == SortKey::Pid).then_some(group.owner);
        (by_pid, self.rank(&group.sums, &group.sockets, sort), group.owner)
    }

    fn rank(&self, sums: &Sums, sockets: &[&SocketReport], sort: SortKey) -> Rank {
        let queues = |size: fn(&SocketReport) -> Option<u64>| {
            sockets.iter().filter_map(|report| size(report)).fold(0, u64::saturating_add)
        };
        let closed = |each: u64| each.saturating_mul(sums.closed_held);
        let (weight, tie) = match sort {
            SortKey::Charged | SortKey::Pid => {
                let (received, sent) = (sums.received.charged.known, sums.sent.charged.known);
                (received.max(sent).saturating_add(closed(self.closed_held_share.0)), received)
            }
            SortKey::Worst => {
                let share = worst(self.closed_held_share, None, self.facts).bytes.0;
                let (received, sent) = (sums.received.worst.known, sums.sent.worst.known);
                (received.max(sent).saturating_add(closed(share)), received)
            }
            SortKey::Recvq => (queues(|report| report.socket.recv_q.size()), sums.received.charged.known),
            SortKey::Sendq => (queues(|report| report.socket.send_q.size()), sums.sent.charged.known),
            SortKey::Unread => (sums.unread.known, sums.received.charged.known),
        };
        (Reverse(weight), Reverse(sums.closed_held), Reverse(tie), Reverse(sums.waiting))
    }
}

/// TCP memory of the host that belongs to no listed socket, where that is more than what the
/// kernel's own counting can be off by.
pub(crate) fn unlisted_beyond_noise(snapshot: &Snapshot) -> Option<u64> {
    let unlisted = u64::try_from(snapshot.unlisted_tcp_mem?).ok()?;
    (unlisted > snapshot.unlisted_noise.0).then_some(unlisted)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixStream;

    use skcheck_core::footprint::footprint;
    use skcheck_core::{Bytes, Family, Holder, Inode, Live, Payload, Protocol, Socket, scan};

    use super::*;

    /// A snapshot of this process, without its sockets, and a report to make others from: the
    /// library's records cannot be made from nothing.
    fn empty() -> (Snapshot, SocketReport) {
        let (mut writer, reader) = UnixStream::pair().unwrap();
        writer.write_all(b"x").unwrap();
        let mut query = Query::default();
        (query.tcp, query.udp, query.pids) = (false, false, vec![std::process::id()]);
        let mut snapshot = scan(&Live::new(), &query).unwrap();
        let fd = u32::try_from(reader.as_raw_fd()).unwrap();
        let is_reader = |report: &&SocketReport| report.holders.iter().any(|holder| holder.fd == fd);
        let template = snapshot.sockets.iter().find(is_reader).unwrap().clone();
        snapshot.sockets.clear();
        snapshot.scanned.unreadable = 0;
        (snapshot.unlisted_tcp_mem, snapshot.unlisted_noise) = (Some(0), Bytes(1 << 20));
        (snapshot, template)
    }

    /// Sockets as (inode, holders' pids, received, sent).
    fn snapshot(sockets: &[(u32, &[u32], u32, u32)]) -> Snapshot {
        let (mut snapshot, template) = empty();
        for &(inode, pids, received, sent) in sockets {
            let mut socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
            socket.inode = Inode::new(inode);
            socket.recv_q = RecvQueue::Payload(Payload(received.into()));
            (socket.skmem.rmem_alloc, socket.skmem.wmem_queued) = (Some(received), Some(sent));
            let mut report = template.clone();
            report.footprint = footprint(&socket, None, &snapshot.host);
            report.socket = socket;
            report.holders = pids.iter().map(|&pid| Holder { pid, fd: inode }).collect();
            report.holding = if pids.is_empty() { Holding::Orphan } else { Holding::Descriptors };
            snapshot.sockets.push(report);
        }
        snapshot
    }

    fn close(snapshot: &mut Snapshot, inode: u32) {
        let host = snapshot.host.clone();
        let of_inode = |report: &&mut SocketReport| report.socket.inode.map(Inode::get) == Some(inode);
        let report = snapshot.sockets.iter_mut().find(of_inode).unwrap();
        report.socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::ClosedHeld);
        report.socket.inode = Inode::new(inode);
        report.footprint = footprint(&report.socket, None, &host);
    }

    const BY_PROCESS: Arrangement =
        Arrangement { sort: SortKey::Charged, by: By::Process, top: None, per_process: None };

    fn order(snapshot: &Snapshot, arrangement: Arrangement) -> Vec<Owner> {
        let report = Report::new(snapshot, &Query::default(), arrangement);
        report.groups.iter().map(|group| group.owner).collect()
    }

    fn inodes(report: &Report<'_>) -> Vec<u32> {
        report.sockets.iter().map(|socket| socket.socket.inode.unwrap().get()).collect()
    }

    use Owner::Process;

    #[test]
    fn a_process_weighs_the_sum_of_its_sockets() {
        let snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 400, 0), (3, &[20], 300, 0)]);
        assert_eq!(order(&snapshot, BY_PROCESS), [Process(20), Process(10)]);
        let by_pid = Arrangement { sort: SortKey::Pid, ..BY_PROCESS };
        assert_eq!(order(&snapshot, by_pid), [Process(10), Process(20)]);
        assert_eq!(Report::new(&snapshot, &Query::default(), by_pid).heaviest.unwrap().owner, Process(20));
    }

    #[test]
    fn unsent_data_weighs_as_much_as_unread_data() {
        let snapshot = snapshot(&[(1, &[10], 600, 0), (2, &[20], 0, 700), (3, &[], 0, 650)]);
        assert_eq!(order(&snapshot, BY_PROCESS), [Process(20), Owner::Orphaned, Process(10)]);
        let by_unread = Arrangement { sort: SortKey::Unread, ..BY_PROCESS };
        assert_eq!(order(&snapshot, by_unread)[0], Process(10));
    }

    #[test]
    fn equal_weights_have_one_order() {
        let mut snapshot =
            snapshot(&[(4, &[30], 9, 0), (3, &[20], 9, 0), (2, &[10], 9, 0), (1, &[10], 9, 0)]);
        let first = order(&snapshot, BY_PROCESS);
        assert_eq!(first, [Process(10), Process(20), Process(30)]);
        snapshot.sockets.reverse();
        assert_eq!(order(&snapshot, BY_PROCESS), first);
        assert_eq!(inodes(&Report::new(&snapshot, &Query::default(), BY_PROCESS)), [1, 2, 3, 4]);
    }

    #[test]
    fn closed_sockets_weigh_their_share_of_unlisted_memory() {
        let mut snapshot = snapshot(&[(1, &[10], 600_000, 0), (2, &[20], 0, 0), (3, &[30], 500_000, 0)]);
        close(&mut snapshot, 2);
        assert_eq!(order(&snapshot, BY_PROCESS), [Process(10), Process(30), Process(20)], "within noise");
        snapshot.unlisted_tcp_mem = Some(2 << 20);
        for sort in [SortKey::Charged, SortKey::Worst] {
            let order = order(&snapshot, Arrangement { sort, ..BY_PROCESS });
            assert_eq!(order[0], Process(20), "{sort:?}");
        }
        let cut = Arrangement { top: Some(0), ..BY_PROCESS };
        assert_eq!(Report::new(&snapshot, &Query::default(), cut).rest.sums.closed_held, 1);
    }

    #[test]
    fn a_shared_socket_is_listed_once_and_counted_once() {
        let snapshot = snapshot(&[(1, &[10, 20], 600, 0), (2, &[20], 1, 0)]);
        let report = Report::new(&snapshot, &Query::default(), BY_PROCESS);
        assert_eq!(report.groups.len(), 2);
        assert_eq!(inodes(&report), [1, 2]);
        assert_eq!((report.totals.sockets, report.totals.charged), (2, Truesize(601)));
        let cut = Arrangement { top: Some(1), ..BY_PROCESS };
        let report = Report::new(&snapshot, &Query::default(), cut);
        assert_eq!((report.rest.count, report.rest.sums.sockets), (1, 0), "all its sockets are shown");
        let mut query = Query::default();
        query.pids = vec![20];
        let report = Report::new(&snapshot, &query, BY_PROCESS);
        assert_eq!(report.groups.iter().map(|group| group.owner).collect::<Vec<_>>(), [Process(20)]);
    }

    #[test]
    fn what_is_cut_is_counted() {
        let snapshot = snapshot(&[(1, &[10], 5, 0), (2, &[10], 4, 0), (3, &[20], 3, 0), (4, &[30], 2, 0)]);
        let cut = Arrangement { top: Some(1), per_process: Some(1), ..BY_PROCESS };
        let report = Report::new(&snapshot, &Query::default(), cut);
        assert_eq!(inodes(&report), [1]);
        assert_eq!((report.groups[0].sums.sockets, report.groups[0].sockets.len()), (2, 1));
        assert_eq!((report.rest.count, report.rest.sums.received.charged.known), (2, 5));
        assert_eq!(report.totals.charged, Truesize(14));
        let flat = Arrangement { by: By::Socket, top: Some(3), ..BY_PROCESS };
        let report = Report::new(&snapshot, &Query::default(), flat);
        assert_eq!((inodes(&report), report.rest.count), (vec![1, 2, 3], 1));
    }

    #[test]
    fn nobody_has_a_name_too() {
        let mut snapshot = snapshot(&[(1, &[], 1, 0), (2, &[], 2, 0), (3, &[], 3, 0), (4, &[], 4, 0)]);
        let holdings =
            [Holding::Orphan, Holding::Kernel, Holding::Hidden, Holding::AwaitingAccept { ambiguous: false }];
        for (report, holding) in snapshot.sockets.iter_mut().zip(holdings) {
            report.holding = holding;
        }
        assert_eq!(order(&snapshot, BY_PROCESS), [Owner::Kernel, Owner::Hidden, Owner::Orphaned]);
        snapshot.scanned.unreadable = 1;
        assert_eq!(order(&snapshot, BY_PROCESS), [Owner::Hidden, Owner::Orphaned]);
    }
}
