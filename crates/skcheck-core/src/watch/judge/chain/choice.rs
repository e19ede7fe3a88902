//! For which of its writers a process waits that does not read. Pure.

use std::time::Duration;

use crate::model::holder::Holder;
use crate::occupancy::would_block;
use crate::watch::judge::cause::code::CauseCode;
use crate::watch::judge::cause::link::{Link, Over, Pairing, Wait};
use crate::watch::judge::cause::root::{End, Root};
use crate::watch::judge::chain::candidate::{WriterCandidate, by_threads};
use crate::watch::judge::chain::gait::Gait;
use crate::watch::judge::chain::reader::ReadEnd;
use crate::watch::judge::chain::{answers, conduits, connections};
use crate::watch::judge::holders::holder_cause::HolderCause;
use crate::watch::judge::scene::Scene;
use crate::watch::judge::scene::pairing::Pairs;

/// How many writers of one process are looked at, the largest first.
const MOST_WRITERS: usize = 32;

/// By how much a writer must have begun to stand still after a reader at least, to be no cause of that.
const CLEARLY_LATER: Duration = Duration::from_secs(1);

/// The writers for which one reader may wait.
pub(crate) struct Choice {
    candidates: Vec<WriterCandidate>,
    /// What singled out the only one, if there is one.
    pairing: Pairing,
    /// The reader's descriptor.
    reader: Holder,
}

impl Choice {
    /// Leaves of the writers of a process those that this reader of it may wait for.
    pub(crate) fn of(scene: &Scene<'_>, own: &HolderCause, reader: ReadEnd, gait: Gait) -> Choice {
        let mut candidates = all(scene, own, reader, gait);
        let count = candidates.len();
        // Bytes pair sockets alone.
        let pairs = scene.pairs(own.holder.pid).zip(reader.socket());
        if let Some((writer, pairing)) = pairs.and_then(|(pairs, at)| pairs.writer_of(at)) {
            let goes_with = |it: &WriterCandidate| it.over == Over::Socket(writer);
            if candidates.iter().any(goes_with) {
                candidates.retain(goes_with);
                return Choice { candidates, pairing, reader: own.holder };
            }
        }
        leave_out(scene, pairs, gait, &mut candidates);
        keep_if_any(&mut candidates, |it| match (reader, it.over) {
            (ReadEnd::Socket(at), Over::Socket(writer)) => !began_later(scene, at, writer),
            _ => true,
        });
        let pairing = match candidates.as_slice() {
            [only] if has_rivals(own, pairs, only) => Pairing::Unsure,
            [_] if count > 1 => Pairing::Left,
            _ => Pairing::Only,
        };
        Choice { candidates, pairing, reader: own.holder }
    }

    /// Those that are left.
    pub(crate) fn candidates(&self) -> &[WriterCandidate] {
        &self.candidates
    }

    /// Of the chains over the candidates that lead somewhere the one that counts; one that ends at several
    /// links where nothing tells which.
    pub(crate) fn among(&self, mut found: Vec<Root>) -> Option<Root> {
        keep_if_any(&mut found, |chain| chain.end != End::TooFar);
        let pairing = match found.len() {
            // Others were there, but lead nowhere.
            1 if self.candidates.len() > 1 && self.pairing == Pairing::Only => Pairing::Left,
            _ => self.pairing,
        };
        let leads_to = |chain: &Root| chain.reader().map(|reader| reader.pid);
        let mut chains = found.iter();
        let first = chains.next()?;
        let same_end = first.is_circle() || leads_to(first).is_some();
        let is_same = |other: &Root| {
            same_end && other.is_circle() == first.is_circle() && leads_to(other) == leads_to(first)
        };
        if chains.all(is_same) {
            let mut first = found.into_iter().next()?;
            first.links.first_mut()?.pairing = pairing;
            return Some(first);
        }
        let mut links: Vec<Link> = found.into_iter().filter_map(|it| it.links.into_iter().next()).collect();
        self.hint(&mut links);
        Some(Root::new(Vec::new(), End::OneOf(links)))
    }

    /// A proxy opens the one connection right after it has accepted the other: descriptors that are next to
    /// each other go together, probably.
    fn hint(&self, links: &mut [Link]) {
        let is_next = |link: &Link| link.writer.fd.abs_diff(self.reader.fd) == 1;
        if links.iter().filter(|link| is_next(link)).count() == 1 {
            links.sort_by_key(|link| !is_next(link));
            if let Some(first) = links.first_mut() {
                first.pairing = Pairing::Neighbours;
            }
        }
    }
}

/// How a process's readers and writers go together, and the place of one of the readers.
type PairsOf<'p> = Option<(&'p Pairs, usize)>;

/// All that a process may wait for.
fn all(scene: &Scene<'_>, own: &HolderCause, reader: ReadEnd, gait: Gait) -> Vec<WriterCandidate> {
    let pid = own.holder.pid;
    let candidate = |at: usize| {
        let fds = Scene::fds(&scene.socket(at)?.holders, pid);
        let writer = Holder::new(pid, fds.iter().copied().min()?);
        let wait = holds_back(scene, own, gait, at, &fds)?;
        Some(WriterCandidate { writer, wait, over: Over::Socket(at) })
    };
    let writers = scene.writers(pid).iter().copied().take(MOST_WRITERS);
    let mut candidates: Vec<WriterCandidate> = writers.filter_map(candidate).collect();
    candidates.extend(conduits::candidates(scene, own, gait));
    if !gait.reads() {
        candidates.extend(answers::candidates(scene, own));
        candidates.extend(connections::candidates(scene, own, reader));
    }
    candidates
}

/// Leaves out sockets that go with another reader, or that show that nobody waits for them.
fn leave_out(scene: &Scene<'_>, pairs: PairsOf<'_>, gait: Gait, candidates: &mut Vec<WriterCandidate>) {
    candidates.retain(|it| {
        let Over::Socket(writer) = it.over else { return true };
        let is_taken = pairs.is_some_and(|(pairs, at)| pairs.is_taken_from(at, writer));
        // Who reads is not held up by a peer that takes nothing.
        let takes_nothing = gait.reads() && scene.went(writer).taken == Some(0);
        let goes_on = !gait.reads() && has_turned_over(scene, writer);
        !is_taken && !takes_nothing && !goes_on
    });
}

/// Whether other readers may wait for the one writer that is left.
fn has_rivals(own: &HolderCause, pairs: PairsOf<'_>, only: &WriterCandidate) -> bool {
    match (pairs, only.over) {
        _ if only.wait == Wait::Blocked => false,
        (Some((pairs, at)), Over::Socket(writer)) => pairs.has_rivals(at, writer),
        (Some((pairs, at)), Over::Conduit(_)) => own.cause.code != CauseCode::Blocked && pairs.has_others(at),
        _ => false,
    }
}

/// Keeps those that pass, unless none does.
fn keep_if_any<T>(all: &mut Vec<T>, passes: impl Fn(&T) -> bool) {
    if all.iter().any(&passes) {
        all.retain(passes);
    }
}

/// Whether a peer has taken as much in the window as a buffer holds: then the process has written to it in
/// the same time, and not waited for it.
fn has_turned_over(scene: &Scene<'_>, writer: usize) -> bool {
    let taken = scene.went(writer).taken.unwrap_or(0);
    let taken = u128::from(taken) * scene.window.as_millis() / 1000;
    taken > 0 && taken >= u128::from(scene.unsent(writer))
}

/// Whether a writer began to stand still only after the reader did: it sent something while that had unread
/// data already. Only a peer that has shut its window tells: where it has not, what was sent last can be sent
/// again and again. And only one that does not read: what a slow one takes comes out of a buffer that may
/// have been full all the time.
fn began_later(scene: &Scene<'_>, reader: usize, writer: usize) -> bool {
    let info = scene.socket(writer).and_then(|entry| entry.socket.tcp_info);
    let sent = info.filter(|info| info.snd_wnd == Some(0)).and_then(|info| info.last_data_sent);
    let age = scene.went(reader).age;
    let later = |(sent, age): (Duration, Duration)| sent.saturating_add(CLEARLY_LATER.max(age / 10)) < age;
    let other_end = || scene.peer_of(writer);
    sent.zip(age).is_some_and(later)
        && scene.went(writer).taken == Some(0)
        && other_end().is_some_and(|other| scene.went(other).stands_still())
}

/// Whether it is this writer that keeps a process from reading: a thread is blocked in writing to it; or no
/// more can be written, and the process is an event loop that does not ask for more to read. Of a process
/// that reads (`gait`) only its one thread can tell: of several another may be the one that reads.
fn holds_back(scene: &Scene<'_>, own: &HolderCause, gait: Gait, at: usize, fds: &[u32]) -> Option<Wait> {
    let view = scene.process(own.holder.pid)?;
    let by_threads = by_threads(scene, own.holder.pid, fds);
    if by_threads.is_some() && (!gait.reads() || view.has_one_thread()) {
        return by_threads;
    }
    if !scene.socket(at).is_some_and(|entry| would_block(&entry.socket)) {
        return None;
    }
    // What a process stops asking for it stops on purpose, whatever its threads do. For the rest it must be
    // seen that it is an event loop, and not stuck somewhere else.
    // Of several threads one that waits in poll says nothing about what the others do not ask for.
    let is_loop = view.waits_for_events() && (view.has_one_thread() || view.waits_in_epoll());
    let is_event_loop = match own.cause.code {
        CauseCode::NoEpollin | CauseCode::OneshotNotRearmed => view.waits_for_events() || !view.is_known(),
        CauseCode::NotPolled => is_loop,
        CauseCode::EdgeNotRead | CauseCode::NobodyWaits | CauseCode::AcceptFull => view.waits_for_events(),
        _ => false,
    };
    is_event_loop.then_some(Wait::EventLoop)
}
