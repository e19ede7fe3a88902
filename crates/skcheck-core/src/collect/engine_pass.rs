//! Collects with an engine: one look at all descriptors gives the sockets that may match. Tables are
//! dumped only in namespaces that have sockets which no descriptor holds.

use std::cell::OnceCell;
use std::io;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::collect::asking::client::Asker;
use crate::collect::asking::conversation::is_gone;
use crate::collect::collected::{Collected, Sources};
use crate::collect::dumps::dump::Dump;
use crate::collect::dumps::tables::{TableReader, dump_apart, dump_tables};
use crate::collect::finding::Finding;
use crate::collect::netns::namespace::Namespace;
use crate::collect::scanned::Source;
use crate::collect::survey::descriptors::Descriptors;
use crate::collect::survey::processes;
use crate::collect::survey::processes::Unreadable;
use crate::engine::{Found, Tally};
use crate::footprint::HostFacts;
use crate::host::Host;
use crate::model::gap::Gap;
use crate::model::netns::{Netns, NetnsId};
use crate::model::query::Query;
use crate::model::state::State;
use crate::procfs::sockstat::{sockets_used, waiting_for_end};

/// An engine numbers processes as its caller's pid namespace does. The host's /proc may be that of another.
///
/// # Errors
/// When it is.
pub(crate) fn knows_pids_of(host: &dyn Host) -> io::Result<()> {
    if host.shows_own_pids() {
        return Ok(());
    }
    Err(io::Error::other(
        "/proc is that of another pid namespace: run in the host's (hostPID: true, or nsenter --target 1 --pid)",
    ))
}

/// Collects around what an engine found; `None` where the kernel's tables may not be asked at
/// all.
pub(crate) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    finding: Finding,
    gaps: &mut Vec<Gap>,
) -> Option<Collected> {
    let mut of_survey = Vec::new();
    let (survey, mut namespaces) = processes::survey(host, &query.netns, Some(&finding), &mut of_survey);
    let Finding { pass, found, mut idle, holders } = finding;
    drop(holders);
    let tallies: FxHashMap<NetnsId, Tally> =
        pass.namespaces.into_iter().map(|tally| (tally.netns, tally)).collect();
    let mut found_in = by_netns(found);
    let mut closed = Vec::new();
    let mut all_held = true;
    for namespace in &mut namespaces {
        let id = namespace.netns.id;
        let tally = id.and_then(|id| tallies.get(&id));
        all_held &= dump_what_lacks(host, query, facts, &survey.descriptors, tally, namespace);
        let Namespace { netns, dump } = namespace;
        if netns.own && dump.refusal.is_some() {
            return None;
        }
        for found in id.and_then(|id| found_in.remove(&id)).unwrap_or_default() {
            if found.0.socket.state == State::ClosedHeld {
                closed.push(found);
            } else {
                dump.add_found(found, query, facts, &survey.descriptors);
            }
        }
        if let Some(mut found) = id.and_then(|id| idle.remove(&id)) {
            dump.asked = true;
            found.append(std::mem::take(&mut dump.idle));
            dump.idle = found;
        }
        dump.drop_repeats();
    }
    let unreadable = if all_held { Unreadable::HoldNothingElse } else { Unreadable::LookedAt };
    let mut scanned = survey.scanned(host, unreadable, gaps);
    gaps.append(&mut of_survey);
    scanned.descriptors = pass.descriptors;
    gaps.extend(dump_apart(host, query, facts, &survey.descriptors, pass.apart, &mut namespaces));
    let sources = Sources { source: Source::SockDiag, scanned, closed: Some(closed), unlisted: Vec::new() };
    Collected::of(host, query, survey, namespaces, sources, gaps).ok()
}

fn by_netns(found: Vec<(Found, Instant)>) -> FxHashMap<NetnsId, Vec<(Found, Instant)>> {
    let mut by_netns: FxHashMap<NetnsId, Vec<(Found, Instant)>> = FxHashMap::default();
    for (found, read_at) in found {
        by_netns.entry(found.netns).or_default().push((found, read_at));
    }
    by_netns
}

/// Dumps the tables of a namespace that the engine does not look for; all of them where there are sockets that
/// no descriptor holds. Returns whether descriptors hold all.
fn dump_what_lacks(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    tally: Option<&Tally>,
    namespace: &mut Namespace,
) -> bool {
    let Some(asker) = only_descriptors(host, query, &namespace.netns, tally) else {
        dump_tables(host, query, facts, descriptors, namespace);
        return false;
    };
    namespace.dump = Dump::of_tally(tally);
    if let Some(asker) = &asker {
        let (netns, protocols) = (&namespace.netns, OnceCell::new());
        TableReader { host, query, facts, descriptors, netns, asker, protocols }
            .dump_beside_engine(&mut namespace.dump);
    }
    true
}

/// A conversation with a namespace of which descriptors that the engine saw hold every socket; `None` where
/// they do not, or where idle ones are asked for and some connections are but remembered (FIN-WAIT-2). Nothing
/// leads to one that has no way in, and there is no conversation: what the engine saw is
/// all that can be told.
fn only_descriptors<'h>(
    host: &'h dyn Host,
    query: &Query,
    netns: &'h Netns,
    tally: Option<&Tally>,
) -> Option<Option<Asker<'h>>> {
    match Asker::open(host, netns) {
        Ok(asker) => {
            let seen = tally.map_or(0, |tally| tally.sockets);
            let sockstat = asker.sockstat();
            let holds_all = sockets_used(&sockstat).is_some_and(|used| used <= seen);
            let are_all_sockets = !query.include_idle || waiting_for_end(&sockstat) == Some(0);
            (holds_all && are_all_sockets).then_some(Some(asker))
        }
        Err(error) => is_gone(&error).then_some(None),
    }
}
