//! Of all that hold a socket, the one to look at. Pure.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::Fact;
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::process::view::ProcessView;
use crate::watch::judge::scene::Scene;

/// How many other holders a cause names.
const MOST_OTHERS: usize = 8;

/// Of several holders each could read. Those that show that they do (a thread reads it, an epoll set has it)
/// count before those that merely have it from a parent. A process that can do nothing is the cause only
/// where none is left that could; and where nothing is known of one of these, nothing is known. One that
/// sleeps elsewhere may be a parent that waits for its children: others go before it. A connection whose
/// holder can do nothing, and that its children have merely inherited, is that one's. What the first says of
/// the others, where none of them reads: together they are the answer.
pub(crate) fn rank(scene: &Scene<'_>, mut owns: Vec<HolderCause>, is_listener: bool) -> Vec<HolderCause> {
    if owns.iter().any(|own| own.is_involved) {
        owns.retain(|own| own.is_involved);
    }
    let masters = masters(scene, &owns);
    owns.retain(|own| !masters.contains(&own.holder.pid));
    let all_idle = !owns.iter().any(|own| own.is_involved);
    let pids: Vec<u32> = owns.iter().map(|own| own.holder.pid).collect();
    let is_heir = |pid: u32, of: u32| pid == of || scene.ancestors(pid).any(|ancestor| ancestor == of);
    let has_left_it =
        |own: &HolderCause| !is_listener && all_idle && pids.iter().all(|pid| is_heir(*pid, own.holder.pid));
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
fn masters(scene: &Scene<'_>, owns: &[HolderCause]) -> FxHashSet<u32> {
    let name = |pid: u32| scene.process(pid).and_then(|view| view.now.comm.as_deref());
    let may_be = |own: &&HolderCause| {
        !own.is_involved && scene.process(own.holder.pid).is_some_and(ProcessView::may_be_a_master)
    };
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
