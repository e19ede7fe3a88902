//! One look from a process along all its chains. Pure.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::holders::Holder;
use crate::snapshot::Report;
use crate::units::Payload;
use crate::watch::cause::{self, End, Link, Own, Wait};
use crate::watch::chain::Chain;
use crate::watch::chain::choice::{Candidate, Choice};
use crate::watch::progress::{NotArriving, Reading};
use crate::watch::scene::{Scene, Went};

/// How many links are looked at for one socket.
const MOST_STEPS: usize = 512;

pub(super) struct Walk<'s, 'a> {
    scene: &'s Scene<'a>,
    /// The processes on the way.
    path: Vec<u32>,
    /// Those that were found to be in a circle: a second time they lead nowhere else.
    in_circles: FxHashSet<u32>,
    /// Where the readers lead that have been followed, each in one process.
    followed: FxHashMap<(usize, u32), Chain>,
    /// How many steps are left.
    steps: usize,
}

impl<'s, 'a> Walk<'s, 'a> {
    pub(super) fn new(scene: &'s Scene<'a>, pid: u32) -> Walk<'s, 'a> {
        Walk {
            scene,
            path: vec![pid],
            in_circles: FxHashSet::default(),
            followed: FxHashMap::default(),
            steps: MOST_STEPS,
        }
    }

    /// Follows the writers of a process for which its reader at `at` may wait, which stands still or `reads`
    /// slowly. A circle among others is what is left when no writer leads to an end.
    pub(super) fn follow(&mut self, own: &Own, at: usize, reads: bool) -> Option<Chain> {
        let choice = Choice::of(self.scene, own, at, reads);
        let (mut found, mut circle) = (Vec::new(), None);
        for Candidate { writer, wait, at } in choice.candidates() {
            match self.step(*writer, *at).map(|chain| chain.begun(*wait)) {
                Some(chain) if self.is_no_circle(*wait, &chain) => {}
                Some(chain) if self.is_circle_of_others(&chain) => circle = circle.or(Some(chain)),
                Some(chain) => found.push(chain),
                None => {}
            }
        }
        choice.among(found).or(circle)
    }

    /// Whether a chain comes back, but over a process that has other threads: these might read.
    pub(super) fn is_no_circle(&self, wait: Wait, chain: &Chain) -> bool {
        wait == Wait::OneThread
            && matches!(chain.end, End::Circle(closed_at) if self.path.contains(&closed_at))
    }

    fn is_circle_of_others(&self, chain: &Chain) -> bool {
        matches!(chain.end, End::Circle(closed_at) if self.path.first() != Some(&closed_at))
    }

    /// Goes from a writer to its reader, and on from there; `None` where that reader has nothing to read:
    /// then it is not the one that keeps the writer waiting.
    pub(super) fn step(&mut self, writer: Holder, at: usize) -> Option<Chain> {
        let scene = self.scene;
        let report = scene.socket(at)?;
        let reader = scene.peers.of(scene.sockets, at);
        let writer_went = scene.went(at);
        let (unsent, taken) = (Payload(scene.unsent(at)), writer_went.taken);
        if let Some(shown) = writer_went.not_arriving.filter(NotArriving::is_tried_again) {
            let other = report.peer_holders.first().copied();
            let link = Link { taken, ..Link::new(writer, Wait::Unknown, unsent, other, at) };
            return Some(Chain::new(vec![link], End::NotArriving(shown)));
        }
        let Went { reading, pace, .. } = reader.map_or(Went::UNKNOWN, |reader| scene.went(reader));
        // What was read empty just now is filled in again, if it is the reader for which the writer waits.
        let has_read = reading == Reading::Idle
            && pace.consumed.is_some_and(|bytes| bytes > 0)
            && writer_went.window_closed != Some(false);
        let reads = matches!(reading, Reading::Slow | Reading::Draining) || has_read;
        // A sample has every socket that holds something.
        let is_empty = reader.is_none() && !report.peer_holders.is_empty();
        if is_empty || reading == Reading::Idle && !has_read {
            return None;
        }
        let owns = readers(scene, at);
        let pace = reads.then_some(pace);
        let link = |reader| Link { taken, pace, ..Link::new(writer, Wait::Unknown, unsent, reader, at) };
        let is_known = |own: &&Own| {
            self.path.contains(&own.holder.pid)
                || !own.is_helpless && self.in_circles.contains(&own.holder.pid)
        };
        if let Some(own) = owns.iter().find(is_known) {
            // Those that read do not wait for each other.
            let circle = Chain::new(vec![link(Some(own.holder))], End::Circle(own.holder.pid));
            return Some(circle).filter(|_| !reads);
        }
        let why = reader.filter(|_| reads).and_then(|at| cause::slow(scene, scene.socket(at)?));
        // Who has no time to read is not kept waiting by others.
        let (why, is_certain) = why.map(|it| (Box::new(it.cause), it.is_certain)).unzip();
        let Some(steps) = self.steps.checked_sub(1) else {
            let reader = owns.first().map(|own| own.holder);
            return Some(Chain::new(vec![link(reader)], End::TooFar));
        };
        self.steps = steps;
        let may_wait = is_certain != Some(true);
        for own in owns.iter().filter(|own| may_wait && !own.is_helpless) {
            let Some(Chain { links, end }) = reader.and_then(|reader| self.go_on(own, reader, reads)) else {
                continue;
            };
            let links = std::iter::once(link(Some(own.holder))).chain(links).collect();
            return Some(Chain { links, end });
        }
        Some(match owns.into_iter().next() {
            Some(Own { holder, cause, .. }) => {
                let end = pace
                    .map_or_else(|| End::Stalled(holder, Box::new(cause)), |it| End::Slow(holder, it, why));
                Chain::new(vec![link(Some(holder))], end)
            }
            None => Chain::new(vec![link(None)], self.end_without_holder(report, reader)),
        })
    }

    /// Follows a reader of the next process.
    fn go_on(&mut self, own: &Own, reader: usize, reads: bool) -> Option<Chain> {
        let pid = own.holder.pid;
        if let Some(chain) = self.followed.get(&(reader, pid)) {
            return Some(chain.clone());
        }
        self.path.push(pid);
        let rest = self.follow(own, reader, reads).filter(|chain| !chain.is_unsure());
        self.path.pop();
        let rest = rest?;
        if rest.is_circle() {
            self.in_circles.insert(pid);
        } else {
            self.followed.insert((reader, pid), rest.clone());
        }
        Some(rest)
    }

    /// Where a chain ends whose last reader nobody is known to hold.
    fn end_without_holder(&self, writer: &Report, reader: Option<usize>) -> End {
        if reader.is_some() || self.scene.peers.has_on_this_host(writer) {
            End::Hidden
        } else if self.scene.looked_everywhere {
            End::OffHost
        } else {
            End::NotFound
        }
    }
}

/// Who should read what this socket has written, the most telling first.
pub(super) fn readers(scene: &Scene<'_>, at: usize) -> Vec<Own> {
    let reader = scene.peers.of(scene.sockets, at).and_then(|reader| scene.socket(reader));
    reader.map(|reader| cause::owns(scene, reader)).unwrap_or_default()
}

/// What the threads of a process show of its waiting for this writer.
pub(super) fn by_threads(scene: &Scene<'_>, pid: u32, fds: &[u32]) -> Option<Wait> {
    let look = scene.process(pid).filter(|look| look.writes_to(fds))?;
    Some(if look.only_writes() { Wait::Blocked } else { Wait::OneThread })
}
