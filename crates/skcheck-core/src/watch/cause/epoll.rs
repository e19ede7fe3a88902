//! The epoll sets of a process that a socket is in. Pure.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::watch::cause::threads::Threads;
use crate::watch::cause::{CauseCode, Fact};
use crate::watch::evidence::{EpollEvidence, Interest};

/// A socket's place in a set: the set's descriptor, and the events.
type Place = (u32, u32);

/// The interests of all sets of a process, by what they refer to.
pub(super) struct Sets {
    by_inode: FxHashMap<u64, Vec<Place>>,
    /// Those whose inode was not told.
    by_fd: FxHashMap<u32, Vec<Place>>,
    /// All of them, by the descriptor under which they were added: for sets within sets, and for sockets
    /// whose inode is not known.
    any_by_fd: FxHashMap<u32, Vec<Place>>,
    count: usize,
}

impl Sets {
    pub(super) fn of(epolls: &[EpollEvidence]) -> Sets {
        let mut sets = Sets {
            by_inode: FxHashMap::default(),
            by_fd: FxHashMap::default(),
            any_by_fd: FxHashMap::default(),
            count: epolls.len(),
        };
        for (set, Interest { fd, events, inode }) in
            epolls.iter().flat_map(|set| set.interests.iter().map(move |interest| (set.fd, *interest)))
        {
            sets.any_by_fd.entry(fd).or_default().push((set, events));
            match inode {
                Some(inode) => sets.by_inode.entry(inode).or_default().push((set, events)),
                None => sets.by_fd.entry(fd).or_default().push((set, events)),
            }
        }
        sets
    }

    /// How many sets there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Where a socket is. An interest outlives the number that it was added under, and that number can
    /// refer to another file by now: it counts only where the inode is not told.
    pub(super) fn places(&self, inode: Option<u64>, fds: &[u32]) -> Vec<Place> {
        let by_fd = if inode.is_some() { &self.by_fd } else { &self.any_by_fd };
        let by_inode = inode.and_then(|inode| self.by_inode.get(&inode));
        let by_fd = fds.iter().filter_map(|fd| by_fd.get(fd));
        by_inode.into_iter().chain(by_fd).flatten().copied().collect()
    }

    /// Whether a thread waits in this set, or in one that this set is in.
    pub(super) fn is_waited_in(&self, set: u32, threads: &Threads) -> bool {
        let mut seen = FxHashSet::default();
        let mut todo = vec![set];
        while let Some(set) = todo.pop() {
            if threads.waits.contains(&set) {
                return true;
            }
            if seen.insert(set) {
                todo.extend(self.any_by_fd.get(&set).into_iter().flatten().map(|(outer, _)| *outer));
            }
        }
        false
    }
}

/// What the places of a socket with data in its queue tell; no code where somebody should be reading it
/// right now. Those that ask for data go before those that do not: a set can be for writing only.
pub(super) fn judge(places: &[Place], sets: &Sets, threads: &Threads) -> (Option<CauseCode>, Vec<Fact>) {
    let asks = |events: u32| events & (Interest::IN | Interest::RDNORM) != 0;
    let (asking, not_asking): (Vec<Place>, Vec<Place>) = places.iter().partition(|(_, events)| asks(*events));
    let (levels, edges): (Vec<Place>, Vec<Place>) =
        asking.into_iter().partition(|(_, events)| events & Interest::EDGE == 0);
    let was_told = |events: u32| events & Interest::ONESHOT != 0 && events & !Interest::PRIVATE == 0;
    let (told, without): (Vec<Place>, Vec<Place>) =
        not_asking.into_iter().partition(|(_, events)| was_told(*events));
    let is_waited_in = |places: &[Place]| places.iter().any(|(set, _)| sets.is_waited_in(*set, threads));
    let (code, places) = if is_waited_in(&levels) {
        (None, levels)
    } else if !edges.is_empty() {
        (Some(CauseCode::EdgeNotRead), edges)
    } else if !levels.is_empty() {
        (threads.calls_known.then_some(CauseCode::NobodyWaits), levels)
    } else if !told.is_empty() {
        (Some(CauseCode::OneshotNotRearmed), told)
    } else {
        (Some(CauseCode::NoEpollin), without)
    };
    (code, places.into_iter().map(|(set, events)| Fact::Epoll { set, events }).collect())
}
