//! Two samples, and the one socket in them that a test is about.

use std::sync::OnceLock;
use std::time::Duration;

use skcheck_bpf::Bpf;
use skcheck_core::engine::Engine;
use skcheck_core::watch::cause::{Cause, CauseCode, Fact, Root};
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::watch::{Judged, Judgement, Probe, Sample, judge};
use skcheck_core::{Holder, Inode, Live, NetnsChoice, Query, SocketEntry};

use crate::role::Role;
use crate::support::child::no_child_is_born;

/// Long enough to tell whether somebody moves.
pub(crate) const SHORT: Duration = Duration::from_millis(700);
/// Long enough to tell a rate: roles move something a hundred times in it.
pub(crate) const LONG: Duration = Duration::from_secs(2);

/// The engine, where this kernel and this user can have one.
pub(crate) fn engine() -> Option<&'static dyn Engine> {
    static ENGINE: OnceLock<Option<Bpf>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Bpf::load(&Live::new()).ok());
    engine.as_ref().map(|engine| engine as &dyn Engine)
}

/// What holds something in the namespace of the test.
pub(crate) fn here() -> Query {
    let mut query = Query::default();
    query.netns = NetnsChoice::Current;
    query
}

/// Two samples, and what they say.
pub(crate) struct Seen {
    pub(crate) before: Sample,
    pub(crate) now: Sample,
    judgement: Judgement,
    moved: Vec<Moved>,
}

/// How many bytes a role has read and written between two samples: at least what it did from the end of the
/// first to the beginning of the second, at most what it did from the beginning of the first to the end of the
/// second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    pub(crate) least: u64,
    pub(crate) most: u64,
}

/// Samples twice, with the engine where there is one.
pub(crate) fn watch(window: Duration) -> Seen {
    watch_by(engine(), &here(), || std::thread::sleep(window))
}

/// Samples, does `between`, and samples again.
pub(crate) fn watch_by(engine: Option<&dyn Engine>, query: &Query, between: impl FnOnce()) -> Seen {
    watch_moving(engine, query, [], between)
}

/// The same as [`watch`], beside roles whose bytes are counted.
pub(crate) fn watch_counting<const N: usize>(window: Duration, roles: [&Role; N]) -> Seen {
    watch_moving(engine(), &here(), roles, || std::thread::sleep(window))
}

fn watch_moving<const N: usize>(
    engine: Option<&dyn Engine>,
    query: &Query,
    roles: [&Role; N],
    between: impl FnOnce(),
) -> Seen {
    let host = Live::new();
    let mut probe = Probe::new(&host, query.clone());
    let count = || roles.map(Role::moved);
    let mut sample = |before: Option<&Sample>| {
        let _quiet = no_child_is_born();
        let begins = count();
        let sample = probe.sample(engine, before).expect("the host can be sampled");
        (begins, sample, count())
    };
    let (a_begins, before, a_ends) = sample(None);
    between();
    let (b_begins, now, b_ends) = sample(Some(&before));
    let moved = (0..N)
        .map(|role| Moved { least: b_begins[role] - a_ends[role], most: b_ends[role] - a_begins[role] });
    Seen::of(before, now, moved.collect())
}

impl Moved {
    /// Whether so many can be those. What is on its way, in the role or between the sockets, is one part in
    /// twenty at most.
    pub(crate) fn is(self, amount: u64) -> bool {
        amount + amount / 20 >= self.least && amount - amount / 20 <= self.most
    }

    /// How many more than another, at least.
    pub(crate) fn least_more(self, other: Moved) -> i64 {
        self.least.cast_signed() - other.most.cast_signed()
    }

    /// How many more than another, at most.
    pub(crate) fn most_more(self, other: Moved) -> i64 {
        self.most.cast_signed() - other.least.cast_signed()
    }

    /// Whether so many are no more than those.
    pub(crate) fn is_at_least(self, amount: u64) -> bool {
        amount - amount / 20 <= self.most
    }
}

impl Seen {
    pub(crate) fn of(before: Sample, now: Sample, moved: Vec<Moved>) -> Seen {
        let judgement = judge(&before, &now);
        Seen { before, now, judgement, moved }
    }

    /// What became of this socket.
    pub(crate) fn socket(&self, inode: Inode) -> &Judged {
        self.that(|report| report.socket.inode == Some(inode))
            .unwrap_or_else(|| panic!("inode {} is not judged: {:#?}", inode.get(), self.judgement))
    }

    /// The one socket of which this holds, now or before.
    pub(crate) fn that(&self, is_it: impl Fn(&SocketEntry) -> bool) -> Option<&Judged> {
        let holds = |sample: &Sample, place: Option<usize>| {
            place.and_then(|place| sample.snapshot.sockets.get(place)).is_some_and(&is_it)
        };
        let mut found = self
            .judgement
            .sockets
            .iter()
            .filter(|judged| holds(&self.now, judged.now) || holds(&self.before, judged.before));
        let first = found.next();
        assert!(found.next().is_none(), "it is judged twice");
        first
    }

    /// The sockets that were asked for.
    pub(crate) fn asked_for(&self) -> Vec<Inode> {
        self.now.asked_for().iter().filter_map(|report| report.socket.inode).collect()
    }

    /// The same where nobody can hold a socket who may not be looked at, as on most hosts, or somebody can.
    pub(crate) fn judged_with_all_seen(mut self, all_processes: bool) -> Seen {
        for sample in [&mut self.before, &mut self.now] {
            sample.snapshot.scanned.all_processes = all_processes;
        }
        self.judgement = judge(&self.before, &self.now);
        self
    }

    /// What the role at this place was seen to move.
    pub(crate) fn moved(&self, role: usize) -> Moved {
        self.moved[role]
    }

    /// How many of so many a second those are that went between the two looks at this socket.
    pub(crate) fn of_rate(&self, rate: u64, judged: &Judged) -> u64 {
        let read_at = |sample: &Sample, place: Option<usize>| {
            let report = place.and_then(|place| sample.snapshot.sockets.get(place));
            sample.at + report.map_or(Duration::ZERO, |report| report.read_after)
        };
        let window = read_at(&self.now, judged.now).saturating_sub(read_at(&self.before, judged.before));
        let amount = u128::from(rate) * window.as_nanos() / 1_000_000_000;
        u64::try_from(amount).expect("small")
    }

    /// Checks that a rate is right: it makes what the role at this place has moved meanwhile.
    pub(crate) fn is_rate(&self, rate: Option<u64>, judged: &Judged, role: usize) {
        let amount = self.of_rate(rate.unwrap_or_else(|| panic!("no rate: {judged:#?}")), judged);
        let moved = self.moved(role);
        assert!(moved.is(amount), "{amount} bytes, {moved:?}: {judged:#?}");
    }

    /// Checks that each rate that is told is right: the first role reads and the second writes.
    pub(crate) fn rates_are_right(&self, judged: &Judged) {
        if judged.consumed_at_least {
            let consumed = self.of_rate(judged.consumed.expect("at least that"), judged);
            assert!(
                self.moved(0).is_at_least(consumed),
                "{consumed} bytes, {:?}: {judged:#?}",
                self.moved(0)
            );
        } else if judged.consumed.is_some() {
            self.is_rate(judged.consumed, judged, 0);
        }
        if judged.arriving.is_some() {
            self.is_rate(judged.arriving, judged, 1);
        }
    }

    pub(crate) fn reading(&self, inode: Inode) -> Reading {
        self.socket(inode).reading
    }

    pub(crate) fn writing(&self, inode: Inode) -> Writing {
        self.socket(inode).writing
    }

    /// The cause for which this socket stands still.
    ///
    /// # Panics
    /// When it does not, or for another.
    pub(crate) fn stalled_by(&self, inode: Inode, code: CauseCode) -> &Cause {
        let judged = self.socket(inode);
        assert_eq!(judged.reading, Reading::Stalled, "{judged:#?}");
        assert!(judged.consumed.is_none_or(|rate| rate == 0), "{judged:#?}");
        let cause = judged.cause.as_ref().unwrap_or_else(|| panic!("no cause: {judged:#?}"));
        assert_eq!(cause.code, code, "{judged:#?}");
        cause
    }

    /// Who is at the end of the chain that keeps this socket waiting.
    pub(crate) fn root(&self, inode: Inode) -> &Root {
        let judged = self.socket(inode);
        judged.root.as_ref().unwrap_or_else(|| panic!("no root: {judged:#?}"))
    }
}

/// Checks that a cause is about this process, and stands on a fact like that.
pub(crate) fn stands_on(cause: &Cause, pid: u32, is_it: impl Fn(&Fact) -> bool) {
    assert_eq!(cause.pid, Some(pid), "{cause:#?}");
    assert!(cause.evidence.iter().any(is_it), "the telling fact is not there: {cause:#?}");
}

/// Checks the reader at the end of a chain.
pub(crate) fn ends_at(root: &Root, holder: Holder, code: CauseCode) {
    let cause = root.cause().unwrap_or_else(|| panic!("nobody stands still at the end: {root:#?}"));
    assert_eq!((root.reader(), cause.code, cause.pid), (Some(holder), code, Some(holder.pid)), "{root:#?}");
}
