//! Looks for holders that were not met while the descriptors were collected, and walks the queues meanwhile.

use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::collected::Collected;
use crate::collect::host_facts;
use crate::collect::survey::processes;
use crate::engine::Engine;
use crate::holders::hidden::look::look;
use crate::holders::hidden::search::{HiddenHolders, PATIENCE, Search};
use crate::holders::listeners::HeldBy;
use crate::join::measure;
use crate::join::measure::Measured;
use crate::join::parties::found_holders::FoundHolders;
use crate::join::sockets::{Depth, Join};
use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;
use crate::model::place::Place;
use crate::model::socket::Inode;
use crate::procfs::link::socket_inode;
use crate::snapshot::entry::SocketEntry;

type Late = FxHashMap<Inode, Vec<Holder>>;

/// Looks for holders, and walks the queues of a report that few of its sockets will drop out of.
pub(crate) fn run(join: &mut Join<'_>) -> Option<Measured> {
    // What asks for processes leaves most sockets out: those are not walked.
    let early = join.depth.filter(|_| !join.is_about_few());
    let mut of_search = Vec::new();
    let so_far = &*join;
    let (found, walked) = std::thread::scope(|scope| {
        // Both take one look at everything: at the same time they take as long as one.
        let walk = early.map(|Depth { engine, limits, .. }| {
            let walk = move || {
                let mut gaps = Vec::new();
                let entries = measure::entries(so_far);
                (measure::walk(engine, limits, so_far.facts, entries, &mut gaps), gaps)
            };
            // Where there is no thread to be had, one does both.
            std::thread::Builder::new().spawn_scoped(scope, walk).map_err(|_| walk)
        });
        let found = find(so_far, &mut of_search);
        let walked = walk.and_then(|walk| match walk {
            Ok(thread) => thread.join().ok(),
            Err(walk) => Some(walk()),
        });
        (found, walked)
    });
    join.found.add(found);
    join.gaps.extend(of_search);
    walked.map(|(measured, of_walk)| {
        join.gaps.extend(of_walk);
        measured
    })
}

/// Looks for the holders of sockets that were not met yet: with the engine, else in /proc; and then where
/// holders are hidden.
fn find(join: &Join<'_>, gaps: &mut Vec<Gap>) -> FoundHolders {
    let finder = join.depth.filter(|depth| depth.finds).map(|depth| depth.engine);
    let by_engine = finder.map(|engine| late_by_engine(engine, &wanted(join), gaps));
    let (late, everywhere) = match by_engine {
        Some(Some(late)) => (late, false),
        Some(None) => (Late::default(), true),
        None => (late_by_proc(join), true),
    };
    let sought = unheld(join, &late);
    let mappable = mappable(join, &late, &sought);
    let mut hidden = HiddenHolders::default();
    if !sought.is_empty() {
        let until = (!join.query.deep).then(|| Instant::now() + PATIENCE);
        let namespaces = &join.collected.namespaces;
        let search = Search { wanted: &sought, mappable: &mappable, namespaces, everywhere, until };
        hidden = match join.rare {
            Some(rare) => {
                let is_there = |pid| join.collected.survey.netns_of.contains_key(&pid);
                rare.find(&sought, &is_there, gaps, |gaps| look(join.host, &search, gaps))
            }
            None => look(join.host, &search, gaps),
        };
        // Whoever may look at few processes: it is likelier that one of the others has it.
        if join.collected.scanned.unreadable > 0 && !host_facts::may_look_at_others(join.host) {
            hidden.receivers.clear();
        }
    }
    FoundHolders { late, sought, mappable, hidden }
}

/// What a mapping alone can hold of these: no descriptor is known, and the kernel lets such sockets be mapped
/// (`packet_mmap`, `tcp_mmap`).
fn mappable(join: &Join<'_>, late: &Late, sought: &FxHashSet<Inode>) -> FxHashSet<Inode> {
    let can_be = join.entries().filter(|it| it.socket.protocol.row().can_be_mapped);
    let inodes = can_be.filter_map(|entry| entry.socket.inode);
    inodes.filter(|inode| sought.contains(inode) && !is_held(&join.collected, late, *inode)).collect()
}

/// Whether a descriptor is known to hold a socket.
fn is_held(collected: &Collected, late: &Late, inode: Inode) -> bool {
    let late = late.get(&inode).is_some_and(|holders| !holders.is_empty());
    late || collected.survey.descriptors.holders(inode).next().is_some()
}

/// Holders of sockets that nobody held when the descriptors were read: accepted or passed on since.
/// One more look at all processes, only when there are any.
fn late_by_proc(join: &Join<'_>) -> Late {
    let mut late: Late = join
        .entries()
        .filter(|entry| !entry.socket.is_of_kernel())
        .filter_map(|entry| entry.socket.inode)
        .filter(|inode| join.collected.survey.descriptors.holders(*inode).next().is_none())
        .filter(|inode| !join.found.knows(*inode))
        .map(|inode| (inode, Vec::new()))
        .collect();
    if !late.is_empty() {
        processes::each_descriptor(join.host, &mut |holder, target| {
            if let Some(holders) = socket_inode(target).and_then(|inode| late.get_mut(&inode)) {
                holders.push(holder);
            }
        });
    }
    late
}

/// The sockets that carry data and that nobody has who was looked at so far; where everything is asked for,
/// every socket of the report that a file holds. No process has the kernel's own.
fn unheld(join: &Join<'_>, late: &Late) -> FxHashSet<Inode> {
    let query = join.query;
    let carries_data = |entry: &&SocketEntry| {
        let charged = entry.footprint.received.charged.is_some_and(|charge| charge.0 > 0);
        entry.socket.holds_something() || charged
    };
    let not_of_kernel = join.entries().filter(|entry| !entry.socket.is_of_kernel());
    let inodes = not_of_kernel.filter(|entry| query.deep || carries_data(entry));
    inodes
        .filter_map(|entry| entry.socket.inode)
        .filter(|inode| query.deep || !is_held(&join.collected, late, *inode))
        .collect()
}

/// The sockets whose holders are yet to be found: those of the report and their other ends, as far as no
/// descriptor has been met of them. An engine that is asked for processes leaves out the descriptors of
/// all others, so then all of them.
fn wanted(join: &Join<'_>) -> Vec<Inode> {
    let mut wanted: FxHashSet<Inode> = FxHashSet::default();
    for joined in &join.sockets {
        let held_by = std::iter::once(&joined.held_by).chain(&joined.peer_held_by);
        wanted.extend(held_by.flat_map(HeldBy::inodes));
        let socket = &joined.entry.socket;
        wanted.extend(socket.inode.into_iter().chain(socket.peer_inode));
        wanted.extend(join.unix.waits_at(socket.inode));
    }
    wanted.retain(|inode| !join.found.knows(*inode));
    if join.query.pids.is_empty() && !join.query.deep {
        wanted.retain(|inode| join.collected.survey.descriptors.holders(*inode).next().is_none());
    }
    wanted.into_iter().collect()
}

/// Who holds these sockets, as an engine knows it; `None` when it fails.
fn late_by_engine(engine: &dyn Engine, inodes: &[Inode], gaps: &mut Vec<Gap>) -> Option<Late> {
    let mut holders = Late::default();
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
