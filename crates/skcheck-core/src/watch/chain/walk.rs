//! One look from a process along all its chains. Pure.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::holder::Holder;
use crate::model::units::Payload;
use crate::watch::cause;
use crate::watch::cause::End;
use crate::watch::cause::holders::Own;
use crate::watch::cause::link::{Link, Over, Wait};
use crate::watch::chain::Chain;
use crate::watch::chain::choice::{Candidate, Choice};
use crate::watch::chain::far::{Far, Reader};
use crate::watch::progress::arrival::NotArriving;
use crate::watch::scene::Scene;

/// How many links are looked at for one socket.
const MOST_STEPS: usize = 512;

pub(super) struct Walk<'s, 'a> {
    scene: &'s Scene<'a>,
    /// The processes on the way.
    path: Vec<u32>,
    /// Those that were found to be in a circle: a second time they lead nowhere else.
    in_circles: FxHashSet<u32>,
    /// Where the readers lead that have been followed, each in one process.
    followed: FxHashMap<(Reader, u32), Chain>,
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

    /// Follows the writers of a process for which this reader of it may wait, which stands still or `reads`
    /// slowly. A circle among others is what is left when no writer leads to an end.
    pub(super) fn follow(&mut self, own: &Own, reader: Reader, reads: bool) -> Option<Chain> {
        let choice = Choice::of(self.scene, own, reader, reads);
        let (mut found, mut circle) = (Vec::new(), None);
        for Candidate { writer, wait, over } in choice.candidates() {
            match self.step(*writer, *over, reads).map(|chain| chain.begun(*wait)) {
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
    /// then it is not the one that keeps the writer waiting. `reads`: the writer's process does, slowly.
    pub(super) fn step(&mut self, writer: Holder, over: Over, reads: bool) -> Option<Chain> {
        if let Some(chain) = self.not_arriving(writer, over) {
            return Some(chain);
        }
        let Far { reader, owns, pace, unsent, taken, nobody } = Far::of(self.scene, writer, over, reads)?;
        let reads = pace.is_some();
        let link = |reader| Link { taken, pace, ..Link::new(writer, Wait::Unknown, unsent, reader, over) };
        let is_known = |own: &&Own| {
            self.path.contains(&own.holder.pid)
                || !own.is_helpless && self.in_circles.contains(&own.holder.pid)
        };
        if let Some(own) = owns.iter().find(is_known) {
            // Those that read do not wait for each other.
            let circle = Chain::new(vec![link(Some(own.holder))], End::Circle(own.holder.pid));
            return Some(circle).filter(|_| !reads);
        }
        let read = reader.filter(|_| reads).and_then(|reader| self.scene.socket(reader.socket()?));
        let why = read.and_then(|report| cause::slow(self.scene, report));
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
            None => Chain::new(vec![link(None)], nobody),
        })
    }

    /// A chain that ends where it is not the reader that keeps a writer waiting.
    fn not_arriving(&self, writer: Holder, over: Over) -> Option<Chain> {
        let Over::Socket(at) = over else { return None };
        let went = self.scene.went(at);
        let shown = went.not_arriving.filter(NotArriving::is_tried_again)?;
        let other = self.scene.socket(at)?.peer_holders.first().copied();
        let unsent = Some(Payload(self.scene.unsent(at)));
        let link = Link { taken: went.taken, ..Link::new(writer, Wait::Unknown, unsent, other, over) };
        Some(Chain::new(vec![link], End::NotArriving(shown)))
    }

    /// Follows a reader of the next process.
    fn go_on(&mut self, own: &Own, reader: Reader, reads: bool) -> Option<Chain> {
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
}

/// What the threads of a process show of its waiting for this writer.
pub(super) fn by_threads(scene: &Scene<'_>, pid: u32, fds: &[u32]) -> Option<Wait> {
    let look = scene.process(pid).filter(|look| look.writes_to(fds))?;
    Some(if look.only_writes() { Wait::Blocked } else { Wait::OneThread })
}
