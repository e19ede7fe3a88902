//! From a process that does not read because it cannot write, to the one that keeps it from writing. Pure.
//!
//! A link leads from a process's writer that stands still to the reader at its other end, and on to the
//! writers of that reader's process. The chain ends at a process that waits for nobody, at an address that
//! is not on this host, or where it comes back to a process that it has passed.

mod peers;

use rustc_hash::FxHashSet;

use crate::holders::Holder;
use crate::units::Payload;
use crate::watch::cause::{self, Cause, CauseCode, Fact, Link, Own, Root};
use crate::watch::evidence::Unread;
use crate::watch::progress::{Reading, tcp};
use crate::watch::scene::Scene;

pub(in crate::watch) use crate::watch::chain::peers::Peers;

/// How many links are looked at for one socket.
const MOST_STEPS: usize = 512;

/// How many writers of one process are followed, the largest first.
const MOST_WRITERS: usize = 32;

/// Where a chain ends.
enum End {
    /// At a process that does not read, and why.
    Process(Holder, Cause),
    /// Off this host.
    OffHost,
    /// On this host, at nobody who may be seen.
    Hidden,
    /// At a process that it has passed, or that others were found to come back to.
    Circle(u32),
    /// Where it became too long to be followed.
    TooFar,
}

struct Chain {
    links: Vec<Link>,
    end: End,
}

impl Chain {
    fn root(self) -> Root {
        let is_circle = matches!(self.end, End::Circle(_));
        let end = match self.end {
            End::Process(holder, cause) => Some((holder, Box::new(cause))),
            End::OffHost | End::Hidden | End::Circle(_) | End::TooFar => None,
        };
        Root { links: self.links, end, is_circle }
    }
}

/// Why a reader that stands still does, and who is at the end of what keeps it.
pub(in crate::watch) fn of_reader(scene: &Scene<'_>, at: usize) -> Option<(Cause, Option<Root>)> {
    let report = scene.socket(at)?;
    let owns = cause::owns(scene, report);
    for own in owns.iter().filter(|own| !own.is_helpless) {
        let mut walk = Walk::new(scene, own.holder.pid);
        if let Some(chain) = walk.follow(own) {
            return Some((backpressure(scene, own, &chain), Some(chain.root())));
        }
    }
    let first = owns.into_iter().next().map(|own| own.cause);
    Some((first.unwrap_or_else(|| cause::unheld(scene, report)), None))
}

/// Who keeps a writer that stands still from writing.
pub(in crate::watch) fn of_writer(scene: &Scene<'_>, at: usize) -> Option<Root> {
    let holder = *scene.socket(at)?.holders.first()?;
    let mut walk = Walk::new(scene, holder.pid);
    walk.step(holder, at).map(Chain::root)
}

/// The cause of a process at the beginning of a chain: what it has unsent, and what it does about it.
fn backpressure(scene: &Scene<'_>, own: &Own, chain: &Chain) -> Cause {
    let pid = own.holder.pid;
    let code = match chain.end {
        End::Circle(closed_at) if closed_at == pid => CauseCode::Deadlock,
        _ => CauseCode::Backpressure,
    };
    let mut evidence = Vec::new();
    if let Some(Link { writer, unsent, socket, .. }) = chain.links.first() {
        evidence.push(Fact::UnsentAt(*writer, *unsent));
        let fds = scene.socket(*socket).map(|report| Scene::fds(&report.holders, pid)).unwrap_or_default();
        evidence.extend(scene.process(pid).map(|look| look.writers(&fds)).unwrap_or_default());
    }
    let of_own = own.cause.evidence.iter().filter(|fact| !evidence.contains(fact)).cloned();
    let of_own: Vec<Fact> = of_own.collect();
    evidence.extend(of_own);
    if matches!(chain.end, End::Hidden) {
        evidence.push(Fact::Missing(Unread::Descriptors));
    }
    Cause { code, pid: Some(pid), evidence }
}

struct Walk<'s, 'a> {
    scene: &'s Scene<'a>,
    /// The processes on the way.
    path: Vec<u32>,
    /// Those that have been followed: a second time they lead nowhere else.
    seen: FxHashSet<u32>,
    /// How many steps are left.
    steps: usize,
}

impl<'s, 'a> Walk<'s, 'a> {
    fn new(scene: &'s Scene<'a>, pid: u32) -> Walk<'s, 'a> {
        Walk { scene, path: vec![pid], seen: FxHashSet::default(), steps: MOST_STEPS }
    }

    /// Follows the writers of a process that does not read. A circle among others is what is left when no
    /// writer leads to an end.
    fn follow(&mut self, own: &Own) -> Option<Chain> {
        let scene = self.scene;
        let pid = own.holder.pid;
        let mut circle = None;
        for at in scene.writers(pid).iter().copied().take(MOST_WRITERS) {
            let Some(report) = scene.socket(at) else { continue };
            let fds = Scene::fds(&report.holders, pid);
            let Some(fd) = fds.iter().copied().min().filter(|_| holds_back(scene, own, at, &fds)) else {
                continue;
            };
            match self.step(Holder::new(pid, fd), at) {
                Some(chain) if self.is_circle_of_others(&chain) => circle = circle.or(Some(chain)),
                Some(chain) => return Some(chain),
                None => {}
            }
        }
        circle
    }

    fn is_circle_of_others(&self, chain: &Chain) -> bool {
        matches!(chain.end, End::Circle(closed_at) if self.path.first() != Some(&closed_at))
    }

    /// Goes from a writer to its reader, and on from there; `None` where that reader does read.
    fn step(&mut self, writer: Holder, at: usize) -> Option<Chain> {
        let scene = self.scene;
        let report = scene.socket(at)?;
        let reader = scene.peers.of(scene.sockets, at);
        let reading = reader.and_then(|reader| scene.reading(reader));
        if matches!(reading, Some(Reading::Idle | Reading::Slow | Reading::Draining)) {
            return None;
        }
        let link = |reader| Link { writer, unsent: Payload(scene.unsent(at)), reader, socket: at };
        let owns = match reader.and_then(|reader| scene.socket(reader)) {
            Some(reader) => cause::owns(scene, reader),
            None => cause::owns_of_holders(scene, &report.peer_holders),
        };
        let is_known = |own: &&Own| {
            self.path.contains(&own.holder.pid) || !own.is_helpless && self.seen.contains(&own.holder.pid)
        };
        if let Some(own) = owns.iter().find(is_known) {
            let end = End::Circle(own.holder.pid);
            return Some(Chain { links: vec![link(Some(own.holder))], end });
        }
        let Some(steps) = self.steps.checked_sub(1) else {
            let reader = owns.first().map(|own| own.holder);
            return Some(Chain { links: vec![link(reader)], end: End::TooFar });
        };
        self.steps = steps;
        for own in owns.iter().filter(|own| !own.is_helpless) {
            self.path.push(own.holder.pid);
            let rest = self.follow(own);
            self.path.pop();
            self.seen.extend(rest.is_some().then_some(own.holder.pid));
            if let Some(Chain { links, end }) = rest {
                let links = std::iter::once(link(Some(own.holder))).chain(links).collect();
                return Some(Chain { links, end });
            }
        }
        let is_here = reader.is_some() || peers::is_local(report);
        Some(match owns.into_iter().next() {
            Some(Own { holder, cause, .. }) => {
                Chain { links: vec![link(Some(holder))], end: End::Process(holder, cause) }
            }
            None => {
                let end = if is_here { End::Hidden } else { End::OffHost };
                Chain { links: vec![link(None)], end }
            }
        })
    }
}

/// Whether it is this writer that keeps a process from reading: a thread is blocked in writing to it; or no
/// more can be written, and the process is an event loop that does not ask for more to read.
fn holds_back(scene: &Scene<'_>, own: &Own, at: usize, fds: &[u32]) -> bool {
    let Some(look) = scene.process(own.holder.pid) else { return false };
    if look.writes_to(fds) {
        return true;
    }
    if !scene.socket(at).is_some_and(|report| tcp::is_clogged(&report.socket)) {
        return false;
    }
    // What a process stops asking for it stops on purpose, whatever its threads do. For the rest it must be
    // seen that it is an event loop, and not stuck somewhere else.
    match own.cause.code {
        CauseCode::NoEpollin | CauseCode::OneshotNotRearmed => look.waits_for_events() || !look.is_known(),
        CauseCode::NotPolled | CauseCode::EdgeNotRead | CauseCode::NobodyWaits | CauseCode::AcceptFull => {
            look.waits_for_events()
        }
        _ => false,
    }
}
