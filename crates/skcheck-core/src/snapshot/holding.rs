//! Who is behind each socket of a report.

use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::first_pass::FirstPass;
use crate::collect::{processes, read};
use crate::engine::Engine;
use crate::footprint::HostFacts;
use crate::holders::hidden;
use crate::holders::hidden::{Rare, Search};
use crate::holders::listeners::Held;
use crate::holders::unix_links::UnixLinks;
use crate::host::Host;
use crate::model::gap::{Gap, Missing};
use crate::model::holder::{Holder, Via};
use crate::model::place::Place;
use crate::model::protocol::Protocol;
use crate::model::query::Query;
use crate::model::socket::Inode;
use crate::procfs::link::socket_inode;
use crate::snapshot::draft::Draft;
use crate::snapshot::entry::{Holding, SocketEntry, Waiter};

/// What joins to a draft.
pub(super) struct Context<'a> {
    pub first: &'a FirstPass,
    /// When the scan began.
    pub started: Instant,
    pub found: Found,
    pub unix: UnixLinks,
}

/// Holders that the first pass has not met.
#[derive(Default)]
pub(super) struct Found {
    late: FxHashMap<Inode, Vec<Holder>>,
    /// What was looked for where holders are rare. Of no other socket is it guessed that it is in flight.
    sought: FxHashSet<Inode>,
    /// What a mapping can hold, of that.
    mappable: FxHashSet<Inode>,
    rare: Rare,
}

impl Context<'_> {
    /// The report of a draft whose holders are yet to be found.
    pub(super) fn unheld(&self, draft: &Draft, facts: &HostFacts) -> SocketEntry {
        let socket = draft.socket.clone();
        let footprint = self.unix.footprint(&socket, facts);
        let clients = self.unix.waiting_at(socket.inode).iter().copied().map(Waiter::Client);
        let connections = self.first.dumps.get(draft.netns).map(|dump| dump.unaccepted.at(&socket));
        let connections = connections.into_iter().flatten().map(Waiter::Connection);
        SocketEntry {
            waiters: connections.chain(clients).collect(),
            read_after: draft.read_at.saturating_duration_since(self.started),
            peer_inferred: draft.peer_inferred,
            netns: self.first.survey.namespaces.get(draft.netns).and_then(|netns| netns.id),
            ..SocketEntry::bare(socket, footprint)
        }
    }

    pub(super) fn add_holders(&self, report: &mut SocketEntry, draft: &Draft) {
        (report.holding, report.holders) = self.holding(&draft.held);
        let waits_at =
            || self.unix.waits_at(draft.socket.inode).map(|listener| Held::AwaitingAccept(vec![listener]));
        let other_end = || draft.socket.peer_inode.map(Held::ByFile).or_else(waits_at);
        let peer = if draft.socket.protocol.is_acknowledged() { draft.peer.clone() } else { other_end() };
        report.peer_holders = match peer.map(|held| self.holding(&held)) {
            // A guess is made for sockets of the report alone.
            Some((Holding::InFlight { ambiguous: true }, _)) | None => Vec::new(),
            Some((_, holders)) => holders,
        };
    }

    pub(super) fn holding(&self, held: &Held) -> (Holding, Vec<Holder>) {
        match held {
            Held::ByFile(inode) => {
                let holders = self.holders_of(*inode);
                match holders.iter().map(|holder| holder.via).min() {
                    Some(Via::Fd | Via::ThreadFd) => (Holding::Descriptors, holders),
                    Some(Via::Map) => (Holding::Mapping, holders),
                    Some(Via::IoUring) => (Holding::IoUring, holders),
                    Some(_) => (Holding::InFlight { ambiguous: false }, holders),
                    None if self.may_be_in_flight(*inode) => {
                        (Holding::InFlight { ambiguous: true }, self.found.rare.receivers.clone())
                    }
                    None if self.found.rare.is_blind_to_maps && self.found.mappable.contains(inode) => {
                        (Holding::Hidden, holders)
                    }
                    None if self.first.scanned.all_processes => (Holding::Kernel, holders),
                    None => (Holding::Hidden, holders),
                }
            }
            Held::AwaitingAccept(listeners) => {
                let holders = listeners.iter().flat_map(|inode| self.holders_of(*inode));
                let holders = holders.map(|holder| holder.leading(Via::AcceptQueue)).collect();
                (Holding::AwaitingAccept { ambiguous: listeners.len() > 1 }, holders)
            }
            Held::Orphan => (Holding::Orphan, Vec::new()),
        }
    }

    fn may_be_in_flight(&self, inode: Inode) -> bool {
        !self.found.rare.receivers.is_empty() && self.found.sought.contains(&inode)
    }

    fn holders_of(&self, inode: Inode) -> Vec<Holder> {
        let late = self
            .found
            .late
            .get(&inode)
            .into_iter()
            .chain(self.found.rare.holders.get(&inode))
            .flatten()
            .copied();
        let mut holders: Vec<Holder> = self.first.survey.descriptors.holders(inode).chain(late).collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }
}

/// Looks for the holders of sockets that the first pass has not met: with the engine, else in /proc; and then
/// where holders are rare.
pub(super) fn find(
    host: &dyn Host,
    query: &Query,
    context: &Context<'_>,
    engine: Option<&dyn Engine>,
    drafts: &[Draft],
    sockets: &[SocketEntry],
    gaps: &mut Vec<Gap>,
) -> Found {
    let first = context.first;
    let by_engine =
        engine.map(|engine| holders_by_engine(engine, &wanted(query, context, drafts, sockets), gaps));
    let (late, everywhere) = match by_engine {
        Some(Some(late)) => (late, false),
        Some(None) => (FxHashMap::default(), true),
        None => (late_holders(host, first, drafts), true),
    };
    let sought = unheld(query, first, &late, sockets);
    let mappable = mappable(first, &late, sockets, &sought);
    let mut rare = Rare::default();
    if !sought.is_empty() {
        let until = (!query.deep).then(|| Instant::now() + hidden::PATIENCE);
        let namespaces = &first.survey.namespaces;
        let search = Search { wanted: &sought, mappable: &mappable, namespaces, everywhere, until };
        rare = hidden::look(host, &search, gaps);
        // Whoever may look at few processes: it is likelier that one of the others has it.
        if first.scanned.unreadable > 0 && !read::may_look_at_others(host) {
            rare.receivers.clear();
        }
    }
    Found { late, sought, mappable, rare }
}

/// What a mapping alone can hold of these: no descriptor is known, and the kernel lets such sockets be mapped
/// (`packet_mmap`, `tcp_mmap`).
fn mappable(
    first: &FirstPass,
    late: &FxHashMap<Inode, Vec<Holder>>,
    sockets: &[SocketEntry],
    sought: &FxHashSet<Inode>,
) -> FxHashSet<Inode> {
    let can_be = sockets.iter().filter(|it| matches!(it.socket.protocol, Protocol::Packet | Protocol::Tcp));
    let inodes = can_be.filter_map(|report| report.socket.inode);
    inodes.filter(|inode| sought.contains(inode) && !is_held(first, late, *inode)).collect()
}

/// Whether a descriptor is known to hold a socket.
fn is_held(first: &FirstPass, late: &FxHashMap<Inode, Vec<Holder>>, inode: Inode) -> bool {
    let late = late.get(&inode).is_some_and(|holders| !holders.is_empty());
    late || first.survey.descriptors.holders(inode).next().is_some()
}

/// Holders of sockets that nobody held when the descriptors were read: accepted or passed on since.
/// One more look at all processes, only when there are any.
fn late_holders(host: &dyn Host, first: &FirstPass, drafts: &[Draft]) -> FxHashMap<Inode, Vec<Holder>> {
    let mut late: FxHashMap<Inode, Vec<Holder>> = drafts
        .iter()
        .filter(|draft| !draft.socket.is_of_kernel())
        .filter_map(|draft| draft.socket.inode)
        .filter(|inode| first.survey.descriptors.holders(*inode).next().is_none())
        .map(|inode| (inode, Vec::new()))
        .collect();
    if !late.is_empty() {
        processes::each_descriptor(host, &mut |holder, target| {
            if let Some(holders) = socket_inode(target).and_then(|inode| late.get_mut(&inode)) {
                holders.push(holder);
            }
        });
    }
    late
}

/// The sockets that carry data and that nobody has who was looked at so far; where everything is asked for,
/// every socket of the report that a file holds. No process has the kernel's own.
fn unheld(
    query: &Query,
    first: &FirstPass,
    late: &FxHashMap<Inode, Vec<Holder>>,
    sockets: &[SocketEntry],
) -> FxHashSet<Inode> {
    let carries_data = |report: &&SocketEntry| {
        let charged = report.footprint.received.charged.is_some_and(|charge| charge.0 > 0);
        report.socket.holds_something() || charged
    };
    let not_of_kernel = sockets.iter().filter(|report| !report.socket.is_of_kernel());
    let inodes = not_of_kernel.filter(|report| query.deep || carries_data(report));
    inodes
        .filter_map(|report| report.socket.inode)
        .filter(|inode| query.deep || !is_held(first, late, *inode))
        .collect()
}

/// The sockets whose holders are yet to be found: those of the report and their other ends, as far as no
/// descriptor has been met of them. An engine that is asked for processes leaves out the descriptors of
/// all others, so then all of them.
fn wanted(query: &Query, context: &Context<'_>, drafts: &[Draft], sockets: &[SocketEntry]) -> Vec<Inode> {
    let mut wanted: FxHashSet<Inode> = FxHashSet::default();
    for draft in drafts {
        let held = [Some(&draft.held), draft.peer.as_ref()];
        wanted.extend(held.into_iter().flatten().flat_map(Held::inodes));
        wanted.extend(draft.socket.peer_inode);
        wanted.extend(context.unix.waits_at(draft.socket.inode));
    }
    wanted.extend(sockets.iter().filter_map(|report| report.socket.inode));
    if query.pids.is_empty() && !query.deep {
        wanted.retain(|inode| context.first.survey.descriptors.holders(*inode).next().is_none());
    }
    wanted.into_iter().collect()
}

/// Who holds these sockets, as an engine knows it; `None` when it fails.
fn holders_by_engine(
    engine: &dyn Engine,
    inodes: &[Inode],
    gaps: &mut Vec<Gap>,
) -> Option<FxHashMap<Inode, Vec<Holder>>> {
    let mut holders: FxHashMap<Inode, Vec<Holder>> = FxHashMap::default();
    if inodes.is_empty() {
        return Some(holders);
    }
    let asked = engine.holders(inodes, &mut |inode, holder| holders.entry(inode).or_default().push(holder));
    if let Err(error) = asked {
        let remedy = format!("{error}; some sockets and other ends show no holder");
        gaps.push(Gap::uncounted(Missing::Engine, Place::Engine(engine.name()), remedy));
        return None;
    }
    Some(holders)
}
