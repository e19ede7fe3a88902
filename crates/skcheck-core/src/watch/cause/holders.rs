//! Why a socket is not read: of all that hold it, the one to look at. Pure.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::holder::{Holder, Via};
use crate::model::socket::Inode;
use crate::model::state::State;
use crate::snapshot::entry::{Holding, SocketEntry};
use crate::watch::cause::decide::{Decided, Look, Target, decide};
use crate::watch::cause::{Cause, CauseCode, Fact, accept};
use crate::watch::conduit::{Conduit, ConduitKind};
use crate::watch::evidence::Unread;
use crate::watch::scene::Scene;

/// How many other holders a cause names.
const MOST_OTHERS: usize = 8;

/// One holder, and why its process does not read the socket.
pub(in crate::watch) struct Own {
    pub(in crate::watch) holder: Holder,
    pub(in crate::watch) cause: Cause,
    /// The process can do nothing at all, so that it does not wait for anyone.
    pub(in crate::watch) is_helpless: bool,
    is_involved: bool,
}

/// The holders that matter, the most telling first; none where nobody is known to hold it.
pub(in crate::watch) fn owns(scene: &Scene<'_>, report: &SocketEntry) -> Vec<Own> {
    match report.holding {
        Holding::AwaitingAccept { .. } => choose(scene, accept::owns(scene, report), true),
        // No thread can read it as things are.
        Holding::IoUring => Vec::new(),
        Holding::InFlight { .. } => of_receiver(scene, report),
        _ if report.socket.state == State::Listen => {
            choose(scene, accept::owns_of_listener(scene, report), true)
        }
        _ => choose(scene, each(scene, &report.holders, report.socket.inode, false), false),
    }
}

/// The readers of a conduit that matter, the most telling first. A writer that has the other end, too,
/// without reading it is none where others have it.
pub(in crate::watch) fn owns_of_conduit(scene: &Scene<'_>, conduit: &Conduit) -> Vec<Own> {
    let writes = |pid: u32| conduit.writers.iter().any(|writer| writer.pid == pid);
    let mut readers = conduit.readers.clone();
    if readers.iter().any(|reader| !writes(reader.pid)) {
        readers.retain(|reader| !writes(reader.pid));
    }
    let inode = conduit.inode.and_then(|inode| Inode::new(u32::try_from(inode).ok()?));
    let mut owns = choose(scene, each(scene, &readers, inode, false), false);
    if conduit.kind == ConduitKind::Terminal {
        owns.iter_mut().for_each(|own| forgive(&mut own.cause));
    }
    owns
}

/// A terminal can be held up by its user (Ctrl-S) while there is nothing to be read at its other end. Who
/// waits there then is not to blame.
fn forgive(cause: &mut Cause) {
    let asks_not = matches!(
        cause.code,
        CauseCode::NotPolled
            | CauseCode::NoEpollin
            | CauseCode::EdgeNotRead
            | CauseCode::OneshotNotRearmed
            | CauseCode::NobodyWaits
    );
    if asks_not {
        cause.code = CauseCode::Unknown;
    }
}

/// Who should receive the message that a socket is in, where only one can, and why he does not.
fn of_receiver(scene: &Scene<'_>, report: &SocketEntry) -> Vec<Own> {
    let [at] = report.holders.as_slice() else { return Vec::new() };
    let channel = scene.held_by(at.descriptor()).filter(|it| it.holding == Holding::Descriptors);
    let mut owns = channel.map(|channel| owns(scene, channel)).unwrap_or_default();
    for own in &mut owns {
        own.cause.evidence.insert(0, Fact::InFlight(*at));
    }
    owns
}

/// Every process that holds a socket, its lowest descriptor for all of them.
pub(super) fn each(
    scene: &Scene<'_>,
    holders: &[Holder],
    inode: Option<Inode>,
    is_listener: bool,
) -> Vec<Own> {
    let mut by_pid: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for holder in holders {
        by_pid.entry(holder.pid).or_default().push(holder.fd);
    }
    let own = |(pid, fds): (u32, Vec<u32>)| {
        let fd = fds.iter().copied().min()?;
        let holder = if fd == Holder::NO_FD { Holder::of_mapping(pid) } else { Holder::new(pid, fd) };
        let Some(look) = scene.process(pid) else {
            let evidence = vec![Fact::Missing(Unread::NotLookedAt)];
            let cause = Cause { code: CauseCode::Unknown, pid: Some(pid), evidence };
            return Some(Own { holder, cause, is_helpless: false, is_involved: false });
        };
        let Decided { cause, is_helpless, is_involved } =
            decide(look, &Target { inode, fds: &fds, left: scene.left(inode), is_listener });
        Some(Own { holder, cause, is_helpless, is_involved })
    };
    by_pid.into_iter().filter_map(own).collect()
}

/// Of several holders each could read. Those that show that they do (a thread reads it, an epoll set has it)
/// count before those that merely have it from a parent. A process that can do nothing is the cause only
/// where none is left that could; and where nothing is known of one of these, nothing is known. One that
/// sleeps elsewhere may be a parent that waits for its children: others go before it. A connection whose
/// holder can do nothing, and that its children have merely inherited, is that one's. What the first says of
/// the others, where none of them reads: together they are the answer.
fn choose(scene: &Scene<'_>, mut owns: Vec<Own>, is_listener: bool) -> Vec<Own> {
    if owns.iter().any(|own| own.is_involved) {
        owns.retain(|own| own.is_involved);
    }
    let masters = masters(scene, &owns);
    owns.retain(|own| !masters.contains(&own.holder.pid));
    let all_idle = !owns.iter().any(|own| own.is_involved);
    let pids: Vec<u32> = owns.iter().map(|own| own.holder.pid).collect();
    let is_heir = |pid: u32, of: u32| pid == of || scene.ancestors(pid).any(|ancestor| ancestor == of);
    let has_left_it =
        |own: &Own| !is_listener && all_idle && pids.iter().all(|pid| is_heir(*pid, own.holder.pid));
    owns.sort_by_cached_key(|own| {
        let is_unknown = own.cause.code == CauseCode::Unknown;
        (
            own.is_helpless && !has_left_it(own),
            !own.is_helpless,
            is_unknown != all_idle,
            own.cause.code == CauseCode::Blocked,
            own.cause.code,
            own.holder,
        )
    });
    if let Some((first, others)) = owns.split_first_mut() {
        let pid = first.holder.pid;
        let others = others.iter().filter(|other| other.holder.pid != pid);
        let also = others.map(|other| Fact::AlsoHeld { pid: other.holder.pid, code: other.cause.code });
        first.cause.evidence.extend(also.take(MOST_OTHERS));
    }
    owns
}

/// Processes that have left a socket to their workers, and wait for these: a descendant holds it too, and
/// does something with it or is the same program. Whoever does something with it himself is none, nor is one
/// that stands still by itself: its child may merely have inherited what it had.
fn masters(scene: &Scene<'_>, owns: &[Own]) -> FxHashSet<u32> {
    let name = |pid: u32| scene.process(pid).and_then(|look| look.now.comm.as_deref());
    let may_be =
        |own: &&Own| !own.is_involved && scene.process(own.holder.pid).is_some_and(Look::may_be_a_master);
    let idle: FxHashMap<u32, Option<&[u8]>> =
        owns.iter().filter(may_be).map(|own| (own.holder.pid, name(own.holder.pid))).collect();
    let mut masters = FxHashSet::default();
    for own in owns {
        let is_same = |name_of: &Option<&[u8]>| name_of.is_some() && *name_of == name(own.holder.pid);
        let ancestors = scene.ancestors(own.holder.pid);
        let idle_ones =
            ancestors.filter(|pid| idle.get(pid).is_some_and(|name_of| own.is_involved || is_same(name_of)));
        masters.extend(idle_ones);
    }
    masters
}

/// Why a socket is not read that no descriptor is known to hold.
pub(in crate::watch) fn unheld(scene: &Scene<'_>, report: &SocketEntry) -> Cause {
    let registered = report.holders.iter().copied().find(|holder| holder.via == Via::IoUring);
    let ring = registered.or_else(|| report.socket.inode.and_then(|inode| scene.ring_with(inode)));
    let (pid, evidence) = match (ring, report.holding, report.holders.first()) {
        (Some(ring), ..) => (Some(ring.pid), vec![Fact::Ring(ring.fd)]),
        (None, Holding::InFlight { ambiguous: false }, Some(at)) => (Some(at.pid), vec![Fact::InFlight(*at)]),
        (None, Holding::Hidden | Holding::AwaitingAccept { .. }, _) => {
            (None, vec![Fact::Missing(Unread::Descriptors)])
        }
        _ => (None, Vec::new()),
    };
    let mut cause = Cause { code: CauseCode::Unknown, pid, evidence };
    accept::blame(&mut cause, report);
    cause
}
