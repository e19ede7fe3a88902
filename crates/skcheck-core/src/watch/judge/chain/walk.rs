//! One look from a process along all its chains. Pure.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::holder::Holder;
use crate::model::units::Payload;
use crate::watch::judge::cause::link::{Link, Over, Wait};
use crate::watch::judge::cause::root::{End, Root};
use crate::watch::judge::chain::candidate::WriterCandidate;
use crate::watch::judge::chain::choice::Choice;
use crate::watch::judge::chain::far_end::FarEnd;
use crate::watch::judge::chain::gait::Gait;
use crate::watch::judge::chain::reader::ReadEnd;
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::holders::slow_reader;
use crate::watch::judge::holders::slow_reader::Slow;
use crate::watch::judge::progress::arrival::NotArriving;
use crate::watch::judge::scene::Scene;

/// How many links are looked at for one socket.
const MOST_STEPS: usize = 512;

pub(crate) struct ChainWalk<'s, 'a> {
    scene: &'s Scene<'a>,
    /// The processes on the way.
    path: Vec<u32>,
    /// Those that were found to be in a circle: a second time they lead nowhere else.
    in_circles: FxHashSet<u32>,
    /// Where the readers lead that have been followed, each in one process.
    followed: FxHashMap<(ReadEnd, u32), Root>,
    /// How many steps are left.
    steps: usize,
}

impl<'s, 'a> ChainWalk<'s, 'a> {
    pub(crate) fn new(scene: &'s Scene<'a>, pid: u32) -> ChainWalk<'s, 'a> {
        ChainWalk {
            scene,
            path: vec![pid],
            in_circles: FxHashSet::default(),
            followed: FxHashMap::default(),
            steps: MOST_STEPS,
        }
    }

    /// Follows the writers of a process for which this reader of it may wait, whose
    /// `gait` this is. A circle among others is what is left when no writer leads to an end.
    pub(crate) fn follow(&mut self, own: &HolderCause, reader: ReadEnd, gait: Gait) -> Option<Root> {
        let choice = Choice::of(self.scene, own, reader, gait);
        let (mut found, mut circle) = (Vec::new(), None);
        for WriterCandidate { writer, wait, over } in choice.candidates() {
            match self.step(*writer, *over, gait).map(|chain| chain.begun(*wait)) {
                Some(chain) if self.is_no_circle(*wait, &chain) => {}
                Some(chain) if self.is_circle_of_others(&chain) => circle = circle.or(Some(chain)),
                Some(chain) => found.push(chain),
                None => {}
            }
        }
        choice.among(found).or(circle)
    }

    /// Whether a chain comes back, but over a process that has other threads: these might read.
    pub(crate) fn is_no_circle(&self, wait: Wait, chain: &Root) -> bool {
        wait == Wait::OneThread
            && matches!(chain.end, End::Circle(closed_at) if self.path.contains(&closed_at))
    }

    fn is_circle_of_others(&self, chain: &Root) -> bool {
        matches!(chain.end, End::Circle(closed_at) if self.path.first() != Some(&closed_at))
    }

    /// Goes from a writer to its reader, and on from there; `None` where that reader has nothing to read:
    /// then it is not the one that keeps the writer waiting. `gait` is that of the writer's process.
    pub(crate) fn step(&mut self, writer: Holder, over: Over, gait: Gait) -> Option<Root> {
        if let Some(chain) = self.not_arriving(writer, over) {
            return Some(chain);
        }
        let far = FarEnd::of(self.scene, writer, over, gait)?;
        let link = |reader| Link {
            taken: far.taken,
            pace: far.pace,
            ..Link::new(writer, Wait::Unknown, far.unsent, reader, over)
        };
        let gait = Gait::of(far.pace.is_some());
        if let Some(own) = far.owns.iter().find(|own| self.is_known(own)) {
            // Those that read do not wait for each other.
            let circle = Root::new(vec![link(Some(own.holder))], End::Circle(own.holder.pid));
            return Some(circle).filter(|_| !gait.reads());
        }
        let Some(steps) = self.steps.checked_sub(1) else {
            let reader = far.owns.first().map(|own| own.holder);
            return Some(Root::new(vec![link(reader)], End::TooFar));
        };
        self.steps = steps;
        let slow = self.slow(&far);
        // Who has no time to read is not kept waiting by others.
        let may_wait = !slow.as_ref().is_some_and(|slow| slow.is_certain);
        for own in far.owns.iter().filter(|own| may_wait && !own.is_helpless) {
            if let Some(Root { links, end }) = far.reader.and_then(|reader| self.go_on(own, reader, gait)) {
                let links = std::iter::once(link(Some(own.holder))).chain(links).collect();
                return Some(Root { links, end });
            }
        }
        let reader = far.owns.first().map(|own| own.holder);
        let link = link(reader);
        Some(Root::new(vec![link], far.end(slow)))
    }

    /// Whether it is on the way, or in a circle that was found.
    fn is_known(&self, own: &HolderCause) -> bool {
        self.path.contains(&own.holder.pid) || !own.is_helpless && self.in_circles.contains(&own.holder.pid)
    }

    /// Why the socket at a far end is read slowly, as far as that is its own process.
    fn slow(&self, far: &FarEnd) -> Option<Slow> {
        let at = far.reader.filter(|_| far.pace.is_some())?.socket()?;
        slow_reader::slow(self.scene, self.scene.socket(at)?)
    }

    /// A chain that ends where it is not the reader that keeps a writer waiting.
    fn not_arriving(&self, writer: Holder, over: Over) -> Option<Root> {
        let Over::Socket(at) = over else { return None };
        let went = self.scene.went(at);
        let shown = went.not_arriving.filter(NotArriving::is_tried_again)?;
        let other = self.scene.socket(at)?.peer_holders.first().copied();
        let unsent = Some(Payload(self.scene.unsent(at)));
        let link = Link { taken: went.taken, ..Link::new(writer, Wait::Unknown, unsent, other, over) };
        Some(Root::new(vec![link], End::NotArriving(shown)))
    }

    /// Follows a reader of the next process.
    fn go_on(&mut self, own: &HolderCause, reader: ReadEnd, gait: Gait) -> Option<Root> {
        let pid = own.holder.pid;
        if let Some(chain) = self.followed.get(&(reader, pid)) {
            return Some(chain.clone());
        }
        self.path.push(pid);
        let rest = self.follow(own, reader, gait).filter(|chain| !chain.is_unsure());
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
