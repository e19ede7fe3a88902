//! What was collected of a host: all descriptors and all tables of all namespaces were gone through, and whole
//! records kept only of sockets that may match.
//!
//! Descriptors come first. What a descriptor held before the dump and still holds after it was held
//! during the dump; so if no table names it, that is no accident of timing.

use std::io;
use std::time::Instant;

use rustix::io::Errno;

use crate::collect::asking::conversation::is_gone;
use crate::collect::dumps::dump::Dump;
use crate::collect::host_facts;
use crate::collect::netns::namespace::Namespace;
use crate::collect::scanned::{Scanned, Source};
use crate::collect::survey::processes;
use crate::collect::survey::processes::Survey;
use crate::collect::survey::unlisted::Unlisted;
use crate::engine::Found;
use crate::host::Host;
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::netns::NetnsChoice;
use crate::model::place::Place;
use crate::model::protocol::Protocol;
use crate::model::query::Query;
use crate::model::units::Bytes;

/// What was collected of a host, for the joins.
pub(crate) struct Collected {
    pub source: Source,
    pub scanned: Scanned,
    pub survey: Survey,
    /// The namespaces that were asked, the scanner's own first where it is among them.
    pub namespaces: Vec<Namespace>,
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

impl Collected {
    /// Sums up what all namespaces gave.
    pub(crate) fn of(
        host: &dyn Host,
        query: &Query,
        survey: Survey,
        mut namespaces: Vec<Namespace>,
        sources: Sources,
        gaps: &mut Vec<Gap>,
    ) -> Result<Collected, Error> {
        let Sources { source, mut scanned, closed, unlisted } = sources;
        gaps.extend(not_entered(query, &namespaces, closed.is_some()));
        gaps.extend(merged(namespaces.iter_mut().flat_map(|it| std::mem::take(&mut it.dump.gaps)).collect()));
        if !namespaces.iter().any(|it| it.dump.asked) {
            return Err(Error::no_tables(std::mem::take(gaps)));
        }
        scanned.sockets = namespaces.iter().map(|it| it.dump.scanned).sum();
        let vanished = |dump: &Dump| dump.refusal.is_some() && !is_refused(dump);
        Ok(Collected {
            source,
            scanned,
            closed,
            unlisted,
            all_tcp: query.wants_all_tcp(),
            tcp_complete: query.wants_protocol(Protocol::Tcp)
                && namespaces.iter().all(|it| it.dump.tcp_complete || vanished(&it.dump)),
            tcp_memory: host_facts::tcp_memory(host),
            survey,
            namespaces,
        })
    }

    /// The host's TCP memory that belongs to no dumped socket.
    pub(crate) fn unlisted_tcp_mem(&self) -> Option<i64> {
        let memory = i64::try_from(self.tcp_memory?.0).ok()?;
        let dumps = || self.namespaces.iter().map(|namespace| &namespace.dump);
        let listed = dumps().fold(0, |sum: i64, dump| sum.saturating_add(dump.tcp_listed));
        let is_charged = !dumps().any(|dump| dump.tcp_uncharged);
        let is_told = self.tcp_complete && self.all_tcp && is_charged;
        is_told.then(|| memory.saturating_sub(listed))
    }
}

/// Where records were collected from.
pub(crate) struct Sources {
    pub source: Source,
    pub scanned: Scanned,
    pub closed: Option<Vec<(Found, Instant)>>,
    pub unlisted: Vec<Unlisted>,
}

/// The namespaces that could not be entered, and what would help.
fn not_entered(query: &Query, namespaces: &[Namespace], by_engine: bool) -> Option<Gap> {
    let refused = || namespaces.iter().filter(|namespace| is_refused(&namespace.dump));
    let asked_for = namespaces.first().and_then(|namespace| namespace.netns.files.first());
    let asked_for = asked_for.filter(|_| query.netns != NetnsChoice::All);
    let first = namespaces.first().and_then(|namespace| namespace.dump.refusal.as_ref());
    if let (Some(file), Some(error)) = (asked_for, first)
        && error.kind() != io::ErrorKind::PermissionDenied
    {
        return Some(processes::not_a_namespace(&file.path, error));
    }
    let error = refused().find_map(|namespace| namespace.dump.refusal.as_ref())?;
    let is_short = |errno: Errno| matches!(errno, Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE);
    let remedy = if Errno::from_io_error(error).is_some_and(is_short) {
        "raise the limits (ulimit -n, ulimit -u, pids.max), and run again"
    } else if by_engine {
        "run as root, or grant CAP_SYS_ADMIN; without it their sockets that no descriptor holds are not shown"
    } else {
        "run as root, or grant CAP_SYS_ADMIN; without it their sockets are not shown"
    };
    let place = Place::namespaces(refused().map(|namespace| &namespace.netns));
    let remedy = format!("{remedy} ({error})");
    Some(Gap::counted(Missing::Namespaces, place, refused().count() as u64, remedy))
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
