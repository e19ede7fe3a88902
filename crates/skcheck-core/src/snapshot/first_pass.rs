//! The first pass: streams over all descriptors and all tables of all namespaces, and keeps whole
//! records only of sockets that may match.
//!
//! Descriptors come first. What a descriptor held before the dump and still holds after it was held
//! during the dump; so if no table names it, that is no accident of timing.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustix::io::Errno;

use crate::diag::request::{States, Table};
use crate::engine::{Engine, Found};
use crate::error::Error;
use crate::footprint::HostFacts;
use crate::gap::{Gap, Missing};
use crate::host::Host;
use crate::namespaces::{Netns, NetnsChoice};
use crate::query::Query;
use crate::snapshot::ask::{Asker, is_gone};
use crate::snapshot::by_engine::{self, Finding};
use crate::snapshot::dump::{Dump, Stream};
use crate::snapshot::survey::{self, Survey, Unreadable};
use crate::snapshot::tables::dump;
use crate::snapshot::unlisted::{self, Unlisted};
use crate::snapshot::{Scanned, Source, closed, fallback, read};
use crate::units::Bytes;

/// What the first pass leaves for the second.
pub(crate) struct FirstPass {
    pub source: Source,
    pub scanned: Scanned,
    pub survey: Survey,
    /// What each namespace of the survey gave, in its order.
    pub dumps: Vec<Dump>,
    /// Every namespace that was found was asked for all its TCP sockets of the query's families.
    pub tcp_complete: bool,
    /// TCP sockets that are in no table, where an engine found them.
    pub closed: Option<Vec<(Found, Instant)>>,
    /// What no table had named after the first dumps, where no engine looked.
    pub unlisted: Vec<Unlisted>,
    /// The TCP families of the query are both families.
    all_tcp: bool,
    /// The host's TCP memory, read right after the dumps.
    tcp_memory: Option<Bytes>,
}

impl FirstPass {
    /// Sums up what all namespaces gave.
    pub(super) fn of(
        host: &dyn Host,
        query: &Query,
        survey: Survey,
        mut dumps: Vec<Dump>,
        sources: Sources,
        gaps: &mut Vec<Gap>,
    ) -> Result<FirstPass, Error> {
        let Sources { source, mut scanned, closed, unlisted } = sources;
        gaps.extend(not_entered(query, &survey, &dumps, closed.is_some()));
        gaps.extend(merged(dumps.iter_mut().flat_map(|dump| std::mem::take(&mut dump.gaps)).collect()));
        if !dumps.iter().any(|dump| dump.asked) {
            return Err(Error::no_tables(std::mem::take(gaps)));
        }
        scanned.sockets = dumps.iter().map(|dump| dump.scanned).sum();
        let vanished = |dump: &Dump| dump.refusal.is_some() && !is_refused(dump);
        Ok(FirstPass {
            source,
            scanned,
            closed,
            unlisted,
            all_tcp: query.wants_all_tcp(),
            tcp_complete: query.tcp && dumps.iter().all(|dump| dump.tcp_complete || vanished(dump)),
            tcp_memory: read::tcp_memory(host),
            survey,
            dumps,
        })
    }

    /// The host's TCP memory that belongs to no dumped socket.
    pub(super) fn unlisted_tcp_mem(&self) -> Option<i64> {
        let memory = i64::try_from(self.tcp_memory?.0).ok()?;
        let listed = self.dumps.iter().fold(0, |sum: i64, dump| sum.saturating_add(dump.tcp_listed));
        let is_charged = !self.dumps.iter().any(|dump| dump.tcp_uncharged);
        let is_told = self.tcp_complete && self.all_tcp && is_charged;
        is_told.then(|| memory.saturating_sub(listed))
    }
}

/// Runs the first pass; without the engine when that fails or there is none.
pub(crate) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    engine: Option<&dyn Engine>,
    gaps: &mut Vec<Gap>,
) -> Result<FirstPass, Error> {
    if let Some(engine) = engine {
        let found = by_engine::knows_pids_of(host).and_then(|()| Finding::of(engine, query));
        match found {
            Ok(finding) => {
                if let Some(first) = by_engine::run(host, query, facts, finding, gaps) {
                    return Ok(first);
                }
            }
            Err(error) => {
                let remedy = format!("{error}; descriptors were read from /proc instead");
                gaps.push(Gap::uncounted(Missing::Engine, engine.name(), remedy));
            }
        }
    }
    by_proc(host, query, facts, gaps)
}

fn by_proc(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    gaps: &mut Vec<Gap>,
) -> Result<FirstPass, Error> {
    let mut of_survey = Vec::new();
    let survey = survey::run(host, &query.netns, None, &mut of_survey);
    let scanned = survey.scanned(host, Unreadable::NotLookedAt, gaps);
    gaps.append(&mut of_survey);
    let mut dumps = dump_all(host, query, facts, &survey);
    let mut source = Source::SockDiag;
    if let (Some(netns), Some(dump)) = (survey.namespaces.first(), dumps.first_mut())
        && netns.own
        && let Some(refusal) = &dump.refusal
    {
        *dump = fallback::dump(host, query, facts, &survey.descriptors, refusal);
        source = Source::ProcNet;
    }
    let is_about_them = query.wants_closed_held() || query.wants_all_protocols();
    let unlisted = if is_about_them { unlisted::look(host, &survey) } else { Vec::new() };
    let has_tcp = || unlisted.iter().any(|it| closed::tcp_family(it).is_some());
    if dumps.iter().any(|dump| dump.may_have_bound) && has_tcp() {
        ask_for_bound(host, query, facts, &survey, &mut dumps);
    }
    gaps.extend(unlisted::gap(&unlisted::without_table(&unlisted, query), query));
    FirstPass::of(host, query, survey, dumps, Sources { source, scanned, closed: None, unlisted }, gaps)
}

/// Where a first pass has its records from.
pub(super) struct Sources {
    pub source: Source,
    pub scanned: Scanned,
    pub closed: Option<Vec<(Found, Instant)>>,
    pub unlisted: Vec<Unlisted>,
}

/// The namespaces that could not be entered, and what would help.
fn not_entered(query: &Query, survey: &Survey, dumps: &[Dump], by_engine: bool) -> Option<Gap> {
    let mut refusals = dumps.iter().filter(|dump| is_refused(dump)).filter_map(|dump| dump.refusal.as_ref());
    let asked_for = survey.namespaces.first().and_then(|netns| netns.files.first());
    let asked_for = asked_for.filter(|_| query.netns != NetnsChoice::All);
    let first = dumps.first().and_then(|dump| dump.refusal.as_ref());
    if let (Some(file), Some(error)) = (asked_for, first)
        && error.kind() != io::ErrorKind::PermissionDenied
    {
        return Some(survey::not_a_namespace(&file.path, error));
    }
    let error = refusals.next()?;
    let place = asked_for.map_or_else(|| error.to_string(), |file| file.path.display().to_string());
    let is_short = |errno: Errno| matches!(errno, Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE);
    let remedy = if Errno::from_io_error(error).is_some_and(is_short) {
        "raise the limits (ulimit -n, ulimit -u, pids.max), and run again"
    } else if by_engine {
        "run as root, or grant CAP_SYS_ADMIN; without it their sockets that no descriptor holds are not shown"
    } else {
        "run as root, or grant CAP_SYS_ADMIN; without it their sockets are not shown"
    };
    Some(Gap::counted(Missing::Namespaces, place, 1 + refusals.count() as u64, remedy))
}

/// A namespace that vanished meanwhile is no loss; any other that could not be asked is.
fn is_refused(dump: &Dump) -> bool {
    // Who does not answer is named by the host.
    dump.refusal.as_ref().is_some_and(|error| !is_gone(error) && error.kind() != io::ErrorKind::TimedOut)
}

/// The same gap in many namespaces is one gap.
fn merged(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut merged: Vec<Gap> = Vec::new();
    for gap in gaps {
        let same = |other: &&mut Gap| {
            (other.what, &other.place, &other.remedy) == (gap.what, &gap.place, &gap.remedy)
        };
        match merged.iter_mut().find(same) {
            Some(known) => known.count = known.count.zip(gap.count).map(|(a, b)| a.saturating_add(b)),
            None => merged.push(gap),
        }
    }
    merged
}

/// Dumps every namespace of the survey, on as many threads as there are processors.
fn dump_all(host: &dyn Host, query: &Query, facts: &HostFacts, survey: &Survey) -> Vec<Dump> {
    let one = |netns: &Netns| dump(host, query, facts, &survey.descriptors, netns);
    if survey.namespaces.len() <= 1 {
        return survey.namespaces.iter().map(one).collect();
    }
    let workers = processors().min(survey.namespaces.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(netns) = survey.namespaces.get(at) else { return done };
            done.push((at, one(netns)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        // Where no thread can be had, those that there are do its work.
        let another = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..workers).filter_map(another).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_default());
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, dump)| dump).collect()
}

/// How many processors this process may run on (`sched_getaffinity`). That of a control group's quota is not
/// asked for: its files could be anywhere.
fn processors() -> usize {
    rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count().max(1) as usize)
}

/// Asks for the TCP sockets that sockstat does not count. The kernel walks the bound ports of the
/// whole host for each answer, so only where a descriptor holds a TCP socket that no table knows.
fn ask_for_bound(host: &dyn Host, query: &Query, facts: &HostFacts, survey: &Survey, dumps: &mut [Dump]) {
    let skipped = survey.namespaces.iter().zip(dumps).filter(|(_, dump)| dump.may_have_bound);
    for (netns, dump) in skipped {
        let Ok(asker) = Asker::open(host, netns) else { continue };
        for table in query.tables().into_iter().filter(|table| matches!(table, Table::Tcp(_))) {
            let descriptors = &survey.descriptors;
            let mut stream = Stream { query, facts, descriptors, dump: &mut *dump, unheld: 0 };
            // What cannot be asked was a gap of the dump.
            let shortcomings = asker.dump(table, States::Bound, &mut stream).unwrap_or_default();
            dump.gaps.extend(shortcomings);
        }
        dump.drop_repeats();
    }
}
