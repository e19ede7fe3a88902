//! The first pass with an engine: one look at all descriptors gives the sockets that may match. Tables are
//! dumped only in namespaces that have sockets which no descriptor holds.

use std::cell::OnceCell;
use std::io;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::collect::client::{Asker, is_gone};
use crate::collect::dump::Dump;
use crate::collect::finding::Finding;
use crate::collect::first_pass::{FirstPass, Sources};
use crate::collect::processes;
use crate::collect::processes::Unreadable;
use crate::collect::scanned::Source;
use crate::collect::tables::{Asking, dump, dump_held};
use crate::collect::unlisted;
use crate::engine::{Found, Tally};
use crate::footprint::HostFacts;
use crate::host::Host;
use crate::model::gap::Gap;
use crate::model::netns::{Netns, NetnsId};
use crate::model::query::Query;
use crate::model::state::State;
use crate::procfs::sockstat::sockets_used;

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

/// Runs the first pass over what an engine found; `None` where the kernel's tables may not be asked at
/// all.
pub(crate) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    finding: Finding,
    gaps: &mut Vec<Gap>,
) -> Option<FirstPass> {
    let mut of_survey = Vec::new();
    let survey = processes::run(host, &query.netns, Some(&finding), &mut of_survey);
    let Finding { pass, found } = finding;
    let tallies: FxHashMap<NetnsId, Tally> =
        pass.namespaces.into_iter().map(|tally| (tally.netns, tally)).collect();
    let mut found_in: FxHashMap<NetnsId, Vec<(Found, Instant)>> = FxHashMap::default();
    for (found, read_at) in found {
        found_in.entry(found.netns).or_default().push((found, read_at));
    }
    let mut dumps = Vec::new();
    let mut closed = Vec::new();
    let mut all_held = true;
    for netns in &survey.namespaces {
        let tally = netns.id.and_then(|id| tallies.get(&id));
        let mut dump = match only_descriptors(host, netns, tally) {
            Some(asker) => {
                let mut dump = Dump::of_tally(tally);
                if let Some(asker) = asker {
                    let descriptors = &survey.descriptors;
                    let (asker, protocols) = (&asker, OnceCell::new());
                    Asking { host, query, facts, descriptors, netns, asker, protocols }
                        .dump_beside_engine(&mut dump);
                }
                dump
            }
            None => {
                all_held = false;
                dump(host, query, facts, &survey.descriptors, netns)
            }
        };
        if netns.own && dump.refusal.is_some() {
            return None;
        }
        for (found, read_at) in netns.id.and_then(|id| found_in.remove(&id)).unwrap_or_default() {
            if found.socket.state == State::ClosedHeld {
                closed.push((found, read_at));
            } else {
                dump.add_found((found, read_at), query, facts, &survey.descriptors);
            }
        }
        dump.drop_repeats();
        dumps.push(dump);
    }
    let unreadable = if all_held { Unreadable::HoldNothingElse } else { Unreadable::LookedAt };
    let mut scanned = survey.scanned(host, unreadable, gaps);
    gaps.append(&mut of_survey);
    scanned.descriptors = pass.descriptors;
    let mut apart = pass.apart;
    let names: Vec<&[u8]> = apart.keys().map(Vec::as_slice).collect();
    let held = query.tables_held(&names);
    let told = dump_held(host, query, facts, &survey, held, &mut dumps);
    unlisted::forget_told(&mut apart, &told);
    gaps.extend(unlisted::gap(&apart, query));
    let sources = Sources { source: Source::SockDiag, scanned, closed: Some(closed), unlisted: Vec::new() };
    FirstPass::of(host, query, survey, dumps, sources, gaps).ok()
}

/// A conversation with a namespace of which descriptors that the engine saw hold every socket; `None` where
/// they do not. Nothing leads to one that has no way in, and there is no conversation: what the engine saw is
/// all that can be told.
fn only_descriptors<'h>(
    host: &'h dyn Host,
    netns: &'h Netns,
    tally: Option<&Tally>,
) -> Option<Option<Asker<'h>>> {
    match Asker::open(host, netns) {
        Ok(asker) => {
            let seen = tally.map_or(0, |tally| tally.sockets);
            let holds_all = sockets_used(&asker.sockstat()).is_some_and(|used| used <= seen);
            holds_all.then_some(Some(asker))
        }
        Err(error) => is_gone(&error).then_some(None),
    }
}
