//! The epoll sets of a process that a socket is in. Pure.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::watch::evidence::process::{EpollEvidence, Interest};
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::fact::Fact;
use crate::watch::judge::process::threads::Threads;

/// A socket's place in a set: the set's descriptor, and the events.
pub(crate) type SetPlace = (u32, u32);

/// The interests of all sets of a process, by what they refer to.
pub(crate) struct Sets {
    by_inode: FxHashMap<u64, Vec<SetPlace>>,
    /// Those whose inode was not told.
    by_fd: FxHashMap<u32, Vec<SetPlace>>,
    /// All of them, by the descriptor under which they were added: for sets within sets, and for sockets
    /// whose inode is not known.
    any_by_fd: FxHashMap<u32, Vec<SetPlace>>,
    count: usize,
}

impl Sets {
    pub(crate) fn of(epolls: &[EpollEvidence]) -> Sets {
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
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Where a socket is. An interest outlives the number that it was added under, and that number can
    /// refer to another file by now: it counts only where the inode is not told.
    pub(crate) fn places(&self, inode: Option<u64>, fds: &[u32]) -> Vec<SetPlace> {
        let by_fd = if inode.is_some() { &self.by_fd } else { &self.any_by_fd };
        let by_inode = inode.and_then(|inode| self.by_inode.get(&inode));
        let by_fd = fds.iter().filter_map(|fd| by_fd.get(fd));
        by_inode.into_iter().chain(by_fd).flatten().copied().collect()
    }

    /// Whether a thread waits in this set, or in one that this set is in.
    pub(crate) fn is_waited_in(&self, set: u32, threads: &Threads) -> bool {
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

/// What becomes of a socket's data on its way to a thread, over one place in a set, or over the sets that
/// this one is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Delivery {
    /// A thread waits, and is told as long as there is data.
    Waited,
    /// Somebody is told once.
    Edge,
    /// Nobody waits.
    Unwaited,
    /// Somebody was told once, and has to ask again.
    Told,
    /// Nobody asks for data.
    Without,
}

impl Sets {
    /// Follows a place to the threads that wait; `inner` is the set that has this place, where that is no
    /// socket's own.
    fn ways(
        &self,
        (set, events): SetPlace,
        inner: Option<u32>,
        threads: &Threads,
        seen: &mut FxHashSet<u32>,
        found: &mut Vec<(Delivery, Fact)>,
    ) {
        let fact = match inner {
            None => Fact::Epoll { set, events },
            Some(inner) => Fact::EpollInEpoll { set, inner, events },
        };
        if events & (Interest::IN | Interest::RDNORM) == 0 {
            let was_told = events & Interest::ONESHOT != 0 && events & !Interest::PRIVATE == 0;
            found.push((if was_told { Delivery::Told } else { Delivery::Without }, fact));
        } else if events & Interest::EDGE != 0 {
            found.push((Delivery::Edge, fact));
        } else if threads.waits.contains(&set) {
            found.push((Delivery::Waited, fact));
        } else {
            let outer = self.any_by_fd.get(&set).filter(|_| seen.insert(set));
            if outer.is_none() {
                found.push((Delivery::Unwaited, fact));
            }
            for place in outer.into_iter().flatten() {
                self.ways(*place, Some(set), threads, seen, found);
            }
        }
    }
}

/// The places themselves.
pub(crate) fn facts(places: &[SetPlace]) -> impl Iterator<Item = Fact> {
    places.iter().map(|(set, events)| Fact::Epoll { set: *set, events: *events })
}

/// What the places of a socket with data in its queue tell; no code where somebody should be reading it
/// right now. Those that ask for data go before those that do not: a set can be for writing only.
pub(crate) fn judge(places: &[SetPlace], sets: &Sets, threads: &Threads) -> (Option<CauseCode>, Vec<Fact>) {
    let mut found = Vec::new();
    for place in places {
        sets.ways(*place, None, threads, &mut FxHashSet::default(), &mut found);
    }
    let Some(best) = found.iter().map(|(way, _)| *way).min() else { return (None, Vec::new()) };
    let code = match best {
        Delivery::Waited => None,
        Delivery::Edge => Some(CauseCode::EdgeNotRead),
        Delivery::Unwaited => threads.calls_known.then_some(CauseCode::NobodyWaits),
        Delivery::Told => Some(CauseCode::OneshotNotRearmed),
        Delivery::Without => Some(CauseCode::NoEpollin),
    };
    let told = found.into_iter().filter(|(way, _)| *way == best);
    (code, told.map(|(_, fact)| fact).collect())
}
