use std::time::Duration;

use skcheck_core::watch::cause::{Cause, CauseCode, End, Fact, Over, Wait};
use skcheck_core::watch::progress::Writing;
use skcheck_core::watch::{SocketKey, judge};
use skcheck_core::{
    Connections, Cookie, Endpoint, Family, Holder, Holding, HostFacts, PageSize, Payload, Process, Protocol,
    RecvQueue, SendQueue, Socket, State, testing,
};

use super::*;
use crate::report::circumstances::{EngineUse, Privilege};

/// There is nothing to say beside what was found.
static NONE: Circumstances =
    Circumstances { missing_pid: None, engine: EngineUse::NotTried, privilege: Privilege::User, gap: None };

/// Two samples without sockets, and what to fill them with.
pub(crate) struct World {
    pub(crate) before: Sample,
    pub(crate) now: Sample,
    pub(crate) judgement: Judgement,
}

impl World {
    /// A window of `seconds`.
    pub(crate) fn new(seconds: u64) -> World {
        let now = testing::snapshot(HostFacts::assumed(PageSize(4096)));
        let before = testing::sample(Duration::ZERO, now.clone());
        let now = testing::sample(Duration::from_secs(seconds), now);
        let judgement = judge(&before, &now);
        World { before, now, judgement }
    }

    /// A TCP connection of a process, with so much unread and unsent; judged as idle.
    pub(crate) fn socket(&mut self, pid: u32, fd: u32, unread: u64, unsent: u64) -> &mut Judged {
        let at = self.now.snapshot.sockets.len();
        let mut socket = Socket::unknown(Family::Ipv4, Protocol::Tcp, State::Established);
        socket.cookie = Some(Cookie(at as u64 + 1));
        socket.recv_q = RecvQueue::Payload(Payload(unread));
        socket.send_q = SendQueue::Payload(Payload(unsent));
        socket.local = Endpoint::Ip { addr: [10, 0, 0, 5].into(), port: 80 };
        socket.peer = Endpoint::Ip { addr: [10, 0, 0, 20].into(), port: 9000 };
        let charge = |bytes: u64| Some(u32::try_from(bytes * 2).unwrap());
        (socket.skmem.rmem_alloc, socket.skmem.wmem_queued) = (charge(unread), charge(unsent));
        let mut report = testing::entry(socket, &self.now.snapshot.host);
        report.holders = vec![Holder::new(pid, fd)];
        let mut judged = testing::judged(SocketKey::of(&report).unwrap());
        (judged.now, judged.before) = (Some(at), Some(at));
        (judged.reading, judged.writing) = (Reading::Idle, Writing::Idle);
        self.now.snapshot.sockets.push(report);
        self.now.asked_for += 1;
        self.judgement.sockets.push(judged);
        self.judgement.sockets.last_mut().unwrap()
    }

    /// A listener with a full queue of one at which nobody accepts, and why.
    pub(crate) fn unaccepted(
        &mut self,
        (pid, fd): (u32, u32),
        code: CauseCode,
        facts: Vec<Fact>,
    ) -> &mut Judged {
        let at = self.now.snapshot.sockets.len();
        self.stalled((pid, fd), 0, code, facts);
        let report = &mut self.now.snapshot.sockets[at];
        report.socket.state = State::Listen;
        (report.socket.recv_q, report.socket.send_q) = queue(2, 1);
        (report.footprint.received.payload, report.footprint.received.charged) = (Some(Payload(0)), None);
        let judged = &mut self.judgement.sockets[at];
        (judged.consumed, judged.arriving, judged.accepted) = (None, None, Some(0));
        judged
    }

    /// A reader that stands still, and why.
    pub(crate) fn stalled(
        &mut self,
        (pid, fd): (u32, u32),
        unread: u64,
        code: CauseCode,
        evidence: Vec<Fact>,
    ) -> &mut Judged {
        let judged = self.socket(pid, fd, unread, 0);
        judged.reading = Reading::Stalled;
        (judged.consumed, judged.arriving, judged.drops) = (Some(0), Some(0), Some(0));
        judged.cause = Some(Cause::new(code, Some(pid), evidence));
        judged
    }

    /// Gives a process its name.
    pub(crate) fn named(&mut self, pid: u32, comm: &str) {
        let mut process = Process::default();
        (process.pid, process.comm) = (pid, Some(comm.as_bytes().to_vec()));
        self.now.snapshot.processes.push(process);
        self.now.snapshot.processes.sort_by_key(|process| process.pid);
    }

    /// Arranged, after this one window.
    pub(crate) fn report(&self) -> WatchReport<'_> {
        let mut history = History::default();
        history.note(&self.before, &self.now, &self.judgement);
        WatchReport::new(&self.now, &self.judgement, &history, &Query::default(), &NONE)
    }
}

/// So many wait at a listener, of so many.
fn queue(waiting: u32, limit: u32) -> (RecvQueue, SendQueue) {
    (RecvQueue::Connections(Connections(waiting)), SendQueue::BacklogLimit(Connections(limit)))
}

/// nginx (10) reads nothing because app (20) does not read what nginx sends it; app is stopped.
pub(crate) fn chain() -> World {
    let mut world = World::new(5);
    world.named(10, "nginx");
    world.named(20, "app");
    let unsent = Payload(2_936_013);
    let evidence = vec![Fact::UnsentAt(Holder::new(10, 14), unsent)];
    let judged = world.stalled((10, 11), 3_040_870, CauseCode::Backpressure, evidence);
    judged.unread_age = Some(Duration::from_secs(41));
    let reader = Holder::new(20, 7);
    let links =
        vec![testing::link(Holder::new(10, 14), Wait::Blocked, Some(unsent), Some(reader), Over::Socket(1))];
    let stopped = Cause::new(CauseCode::Stopped, Some(20), vec![Fact::State(b'T')]);
    judged.root = Some(testing::root(links, End::Stalled(reader, Box::new(stopped))));
    world.socket(10, 14, 0, unsent.0).writing = Writing::Stalled;
    world.stalled((20, 7), 1_000_000, CauseCode::Stopped, vec![Fact::State(b'T')]);
    world
}

#[test]
fn the_worst_comes_first_and_what_is_idle_not_at_all() {
    let mut world = World::new(1);
    world.socket(1, 1, 0, 0);
    world.socket(2, 2, 9_000, 0).reading = Reading::Draining;
    world.socket(3, 3, 10, 0).reading = Reading::Slow;
    world.stalled((4, 4), 10, CauseCode::Unknown, vec![]);
    world.stalled((5, 5), 20, CauseCode::Unknown, vec![]);
    world.socket(6, 6, 0, 30).writing = Writing::Stalled;
    world.socket(7, 7, 5, 0).reading = Reading::Unknown;
    world.socket(8, 8, 0, 0).reading = Reading::Unknown;
    let report = world.report();
    let pids: Vec<u32> = report.rows.iter().map(|row| row.holder.unwrap().pid).collect();
    assert_eq!(pids, [5, 4, 6, 3, 7, 2]);
    assert_eq!(report.counts, StandingCounts { readers: 2, listeners: 0, all: 2 });
}

/// A listener at which nobody accepts comes before those who wait there, and stands for them.
#[test]
fn listeners_are_counted_apart() {
    let mut world = World::new(1);
    world.unaccepted((3, 3), CauseCode::AcceptFull, vec![]);
    let at = world.now.snapshot.sockets.len();
    world.stalled((3, 3), 900, CauseCode::AcceptFull, vec![]);
    world.now.snapshot.sockets[at].holding = Holding::AwaitingAccept { ambiguous: false };
    let standings = |world: &World| world.report().rows.iter().map(|row| row.standing).collect::<Vec<_>>();
    assert_eq!(standings(&world), [Standing::NobodyAccepts, Standing::NotAccepted]);
    assert_eq!(world.report().counts, StandingCounts { readers: 0, listeners: 1, all: 2 });
    let reading = |world: &mut World, reading, waiting| {
        world.judgement.sockets[0].reading = reading;
        let socket = &mut world.now.snapshot.sockets[0].socket;
        (socket.recv_q, socket.send_q) = queue(waiting, 3);
    };
    reading(&mut world, Reading::Slow, 3);
    assert_eq!(standings(&world), [Standing::NotAccepted, Standing::AcceptsSlowly]);
    assert_eq!(world.report().counts, StandingCounts { readers: 1, listeners: 0, all: 1 });
    reading(&mut world, Reading::Unknown, 3);
    assert_eq!(standings(&world), [Standing::NotAccepted, Standing::Unknown]);
    // Somebody waits for a moment.
    for (how, waiting) in [(Reading::Unknown, 2), (Reading::Draining, 2), (Reading::Idle, 0)] {
        reading(&mut world, how, waiting);
        assert_eq!(standings(&world), [Standing::NotAccepted]);
    }
}

#[test]
fn a_chain_names_its_culprit() {
    let world = chain();
    let report = world.report();
    let row = &report.rows[0];
    assert_eq!(
        row.culprit().map(|(reader, _)| (
            reader.pid,
            row.judged.root.as_ref().unwrap().cause().map(|cause| cause.code)
        )),
        Some((20, Some(CauseCode::Stopped)))
    );
    assert_eq!(report.held_up_by(20), (vec![10], false));
    assert_eq!(report.held_up_by(10), (vec![], false));
    assert_eq!(row.circle(), Vec::<u32>::new());
}

#[test]
fn remembers_since_when() {
    let mut world = World::new(1);
    world.stalled((4, 4), 10, CauseCode::Stopped, vec![]);
    let mut history = History::default();
    history.note(&world.before, &world.now, &world.judgement);
    let key = world.judgement.sockets[0].key;
    (world.before.at, world.now.at) = (Duration::from_secs(1), Duration::from_secs(2));
    history.note(&world.before, &world.now, &world.judgement);
    assert_eq!(history.stalled_for(&key, world.now.at), Some(Duration::from_secs(2)));
    assert_eq!(history.stalled().all, 1);
    assert_eq!(
        WatchReport::new(&world.now, &world.judgement, &history, &Query::default(), &NONE).rows[0].age,
        Some(Duration::from_secs(2))
    );
    let (reason, found) = history.causes()[0];
    assert_eq!((reason.code, reason.pid, found.windows), (Some(CauseCode::Stopped), Some(4), 2));

    world.judgement.sockets[0].reading = Reading::Draining;
    world.judgement.sockets[0].drops = Some(3);
    world.judgement.sockets[0].consumed = Some(1000);
    history.note(&world.before, &world.now, &world.judgement);
    assert_eq!(history.stalled_for(&key, world.now.at), None);
    assert_eq!((history.stalled().all, history.drops, history.consumed), (0, 3, Some(1000)));
    let longest = history.longest.unwrap();
    assert_eq!((longest.time, longest.lasts), (Duration::from_secs(2), false));
}
