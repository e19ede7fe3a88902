//! Two samples, and the one socket in them that a test is about.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::time::Duration;

use skcheck_bpf::Bpf;
use skcheck_core::engine::Engine;
use skcheck_core::watch::cause::{Cause, CauseCode, Fact, Root};
use skcheck_core::watch::progress::{Reading, Writing};
use skcheck_core::watch::{Judged, Judgement, Probe, Sample, judge};
use skcheck_core::{Holder, Inode, Live, NetnsChoice, Query, SocketEntry};

use crate::support::child::no_child_is_born;

/// Long enough to tell whether somebody moves.
pub(crate) const SHORT: Duration = Duration::from_millis(700);
/// Long enough to tell a rate: a step of 10 ms, late by 50, is no more than one part in thirty.
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
    before: Sample,
    pub(crate) now: Sample,
    judgement: Judgement,
}

/// Samples twice, with the engine where there is one.
pub(crate) fn watch(window: Duration) -> Seen {
    watch_by(engine(), &here(), || std::thread::sleep(window))
}

/// Samples, does `between`, and samples again.
pub(crate) fn watch_by(engine: Option<&dyn Engine>, query: &Query, between: impl FnOnce()) -> Seen {
    let host = Live::new();
    let mut probe = Probe::new(&host, query.clone());
    let mut sample = |before: Option<&Sample>| {
        let _quiet = no_child_is_born();
        probe.sample(engine, before).expect("the host can be sampled")
    };
    let before = sample(None);
    between();
    let now = sample(Some(&before));
    let judgement = judge(&before, &now);
    Seen { before, now, judgement }
}

impl Seen {
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

/// Checks a rate: right to a tenth.
pub(crate) fn is_rate(is: Option<u64>, should: u64, of: &dyn Debug) {
    let rate = is.unwrap_or_else(|| panic!("no rate: {of:#?}"));
    assert!(rate.abs_diff(should) * 10 <= should, "{rate} a second instead of {should}: {of:#?}");
}
