//! From a process that does not read because it cannot write, to the one that keeps it from writing. Pure.
//!
//! A link leads from a process's writer that cannot write to the reader at its other end, and on to the
//! writers of that reader's process. The chain ends at a process that waits for nobody, whether it reads
//! nothing or slowly, at an address that is not on this host, or where it comes back to a process that it has
//! passed. That is a circle only where each process on it is known to wait for its writing: with a thread
//! that does something else, which might read, it is that process where the chain ends.

mod peers;

use rustc_hash::FxHashSet;

use crate::holders::Holder;
use crate::snapshot::Report;
use crate::socket::State;
use crate::units::Payload;
use crate::watch::cause::{self, Cause, CauseCode, End, Fact, Link, Own, Root, Wait};
use crate::watch::evidence::Unread;
use crate::watch::progress::{Reading, Writing, tcp};
use crate::watch::scene::{Scene, Went};

pub(in crate::watch) use crate::watch::chain::peers::Peers;

/// How many links are looked at for one socket.
const MOST_STEPS: usize = 512;

/// How many writers of one process are followed, the largest first.
const MOST_WRITERS: usize = 32;

/// What a look at a process found: the links from it on, and where they lead.
type Chain = Root;

impl Chain {
    /// What shows that its first process waits.
    fn begun(mut self, wait: Wait) -> Chain {
        if let Some(first) = self.links.first_mut() {
            first.wait = wait;
        }
        self
    }
}

/// Why a reader that stands still does, and who is at the end of what keeps it.
pub(in crate::watch) fn of_reader(scene: &Scene<'_>, at: usize) -> Option<(Cause, Option<Root>)> {
    let report = scene.socket(at)?;
    let owns = cause::owns(scene, report);
    for own in owns.iter().filter(|own| !own.is_helpless) {
        let mut walk = Walk::new(scene, own.holder.pid);
        if let Some(chain) = walk.follow(own, false) {
            return Some((backpressure(scene, own, &chain), Some(chain)));
        }
    }
    let first = owns.into_iter().next().map(|own| own.cause);
    Some((first.unwrap_or_else(|| cause::unheld(scene, report)), None))
}

/// Who keeps a reader from reading faster: its process writes what it reads, and no more than others take.
pub(in crate::watch) fn of_slow_reader(scene: &Scene<'_>, at: usize) -> Option<(Cause, Root)> {
    let report = scene.socket(at).filter(|report| report.socket.state != State::Listen)?;
    if report.holders.iter().all(|holder| scene.writers(holder.pid).is_empty()) {
        return None;
    }
    cause::owns(scene, report).iter().filter(|own| !own.is_helpless).find_map(|own| {
        let found = Walk::new(scene, own.holder.pid).follow(own, true);
        let chain = found.filter(|chain| !chain.is_circle())?;
        Some((backpressure(scene, own, &chain), chain))
    })
}

/// Who keeps a writer from writing.
pub(in crate::watch) fn of_writer(scene: &Scene<'_>, at: usize) -> Option<Root> {
    let report = scene.socket(at)?;
    if scene.went(at).writing != Writing::Stalled && !tcp::is_clogged(&report.socket) {
        return None;
    }
    let holder = *report.holders.first()?;
    let mut walk = Walk::new(scene, holder.pid);
    let wait = by_threads(scene, holder.pid, &Scene::fds(&report.holders, holder.pid));
    let wait = wait.unwrap_or(Wait::Unknown);
    let mut chain = walk.step(holder, at)?.begun(wait);
    if walk.is_no_circle(wait, &chain) {
        chain.links.truncate(1);
        let reader = readers(scene, at).into_iter().next();
        chain.end = reader.map_or(End::Hidden, |own| End::Stalled(own.holder, Box::new(own.cause)));
    }
    Some(chain)
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

    /// Follows the writers of a process that does not read, or slowly. A circle among others is what is left
    /// when no writer leads to an end.
    fn follow(&mut self, own: &Own, reads: bool) -> Option<Chain> {
        let scene = self.scene;
        let pid = own.holder.pid;
        let mut circle = None;
        for at in scene.writers(pid).iter().copied().take(MOST_WRITERS) {
            let Some(report) = scene.socket(at) else { continue };
            let fds = Scene::fds(&report.holders, pid);
            let Some((fd, wait)) = fds.iter().copied().min().zip(holds_back(scene, own, reads, at, &fds))
            else {
                continue;
            };
            match self.step(Holder { pid, fd }, at).map(|chain| chain.begun(wait)) {
                Some(chain) if self.is_no_circle(wait, &chain) => {}
                Some(chain) if self.is_circle_of_others(&chain) => circle = circle.or(Some(chain)),
                Some(chain) => return Some(chain),
                None => {}
            }
        }
        circle
    }

    /// Whether a chain comes back, but over a process that has other threads: these might read.
    fn is_no_circle(&self, wait: Wait, chain: &Chain) -> bool {
        wait == Wait::OneThread
            && matches!(chain.end, End::Circle(closed_at) if self.path.contains(&closed_at))
    }

    fn is_circle_of_others(&self, chain: &Chain) -> bool {
        matches!(chain.end, End::Circle(closed_at) if self.path.first() != Some(&closed_at))
    }

    /// Goes from a writer to its reader, and on from there; `None` where that reader has nothing to read:
    /// then it is not the one that keeps the writer waiting.
    fn step(&mut self, writer: Holder, at: usize) -> Option<Chain> {
        let scene = self.scene;
        let report = scene.socket(at)?;
        let reader = scene.peers.of(scene.sockets, at);
        let Went { reading, pace, .. } = reader.map_or(Went::UNKNOWN, |reader| scene.went(reader));
        // What was read empty just now is filled in again.
        let has_read = reading == Reading::Idle && pace.consumed.is_some_and(|bytes| bytes > 0);
        let reads = matches!(reading, Reading::Slow | Reading::Draining) || has_read;
        // A sample has every socket that holds something.
        let is_empty = reader.is_none() && !report.peer_holders.is_empty();
        if is_empty || reading == Reading::Idle && !has_read {
            return None;
        }
        let owns = readers(scene, at);
        let (unsent, taken) = (Payload(scene.unsent(at)), scene.went(at).taken);
        let pace = reads.then_some(pace);
        let link = |reader| Link { writer, wait: Wait::Unknown, unsent, taken, pace, reader, socket: at };
        let is_known = |own: &&Own| {
            self.path.contains(&own.holder.pid) || !own.is_helpless && self.seen.contains(&own.holder.pid)
        };
        if let Some(own) = owns.iter().find(is_known) {
            // Those that read do not wait for each other.
            let circle = Chain::new(vec![link(Some(own.holder))], End::Circle(own.holder.pid));
            return Some(circle).filter(|_| !reads);
        }
        let Some(steps) = self.steps.checked_sub(1) else {
            let reader = owns.first().map(|own| own.holder);
            return Some(Chain::new(vec![link(reader)], End::TooFar));
        };
        self.steps = steps;
        for own in owns.iter().filter(|own| !own.is_helpless) {
            self.path.push(own.holder.pid);
            let rest = self.follow(own, reads);
            self.path.pop();
            self.seen.extend(rest.is_some().then_some(own.holder.pid));
            if let Some(Chain { links, end }) = rest {
                let links = std::iter::once(link(Some(own.holder))).chain(links).collect();
                return Some(Chain { links, end });
            }
        }
        Some(match owns.into_iter().next() {
            Some(Own { holder, cause, .. }) => {
                let end =
                    pace.map_or_else(|| End::Stalled(holder, Box::new(cause)), |it| End::Slow(holder, it));
                Chain::new(vec![link(Some(holder))], end)
            }
            None => Chain::new(vec![link(None)], self.end_without_holder(report, reader)),
        })
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
fn readers(scene: &Scene<'_>, at: usize) -> Vec<Own> {
    let reader = scene.peers.of(scene.sockets, at).and_then(|reader| scene.socket(reader));
    reader.map(|reader| cause::owns(scene, reader)).unwrap_or_default()
}

/// What the threads of a process show of its waiting for this writer.
fn by_threads(scene: &Scene<'_>, pid: u32, fds: &[u32]) -> Option<Wait> {
    let look = scene.process(pid).filter(|look| look.writes_to(fds))?;
    Some(if look.only_writes() { Wait::Blocked } else { Wait::OneThread })
}

/// Whether it is this writer that keeps a process from reading: a thread is blocked in writing to it; or no
/// more can be written, and the process is an event loop that does not ask for more to read. Of a process
/// that reads (`reads`) only its one thread can tell: of several another may be the one that reads.
fn holds_back(scene: &Scene<'_>, own: &Own, reads: bool, at: usize, fds: &[u32]) -> Option<Wait> {
    let look = scene.process(own.holder.pid)?;
    let by_threads = by_threads(scene, own.holder.pid, fds);
    if by_threads.is_some() && (!reads || look.has_one_thread()) {
        return by_threads;
    }
    if !scene.socket(at).is_some_and(|report| tcp::is_clogged(&report.socket)) {
        return None;
    }
    // What a process stops asking for it stops on purpose, whatever its threads do. For the rest it must be
    // seen that it is an event loop, and not stuck somewhere else.
    let is_event_loop = match own.cause.code {
        CauseCode::NoEpollin | CauseCode::OneshotNotRearmed => look.waits_for_events() || !look.is_known(),
        CauseCode::NotPolled | CauseCode::EdgeNotRead | CauseCode::NobodyWaits | CauseCode::AcceptFull => {
            look.waits_for_events()
        }
        _ => false,
    };
    is_event_loop.then_some(Wait::EventLoop)
}
