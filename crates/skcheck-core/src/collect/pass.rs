//! Runs the first pass: by an engine, or over /proc.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::collect::client::Asker;
use crate::collect::dump::{Dump, Stream};
use crate::collect::finding::Finding;
use crate::collect::first_pass::{FirstPass, Sources};
use crate::collect::processes::{Survey, Unreadable};
use crate::collect::scanned::Source;
use crate::collect::tables::{dump, dump_held};
use crate::collect::{engine_pass, proc_net, processes, unlisted};
use crate::diag::request::States;
use crate::engine::Engine;
use crate::footprint::HostFacts;
use crate::host::Host;
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::netns::Netns;
use crate::model::place::Place;
use crate::model::query::Query;
use crate::model::table::Table;

/// Runs the first pass; without the engine when that fails or there is none.
pub(crate) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    engine: Option<&dyn Engine>,
    gaps: &mut Vec<Gap>,
) -> Result<FirstPass, Error> {
    if let Some(engine) = engine {
        let found = engine_pass::knows_pids_of(host).and_then(|()| Finding::of(engine, query));
        match found {
            Ok(finding) => {
                if let Some(first) = engine_pass::run(host, query, facts, finding, gaps) {
                    return Ok(first);
                }
            }
            Err(error) => {
                let remedy = format!("{error}; descriptors were read from /proc instead");
                gaps.push(Gap::uncounted(Missing::Engine, Place::Engine(engine.name()), remedy));
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
    let survey = processes::run(host, &query.netns, None, &mut of_survey);
    let scanned = survey.scanned(host, Unreadable::NotLookedAt, gaps);
    gaps.append(&mut of_survey);
    let mut dumps = dump_all(host, query, facts, &survey);
    let mut source = Source::SockDiag;
    if let (Some(netns), Some(dump)) = (survey.namespaces.first(), dumps.first_mut())
        && netns.own
        && let Some(refusal) = &dump.refusal
    {
        *dump = proc_net::dump(host, query, facts, &survey.descriptors, refusal);
        source = Source::ProcNet;
    }
    let is_about_them = query.wants_closed_held() || query.wants_all_protocols();
    let unlisted = if is_about_them { unlisted::look(host, &survey) } else { Vec::new() };
    let has_tcp = || unlisted.iter().any(|it| unlisted::tcp_family(it).is_some());
    if dumps.iter().any(|dump| dump.may_have_bound) && has_tcp() {
        ask_for_bound(host, query, facts, &survey, &mut dumps);
    }
    let held = query.tables_held(&unlisted::names(&unlisted));
    let told = dump_held(host, query, facts, &survey, held, &mut dumps);
    let mut apart = unlisted::without_table(&unlisted, query);
    unlisted::forget_told(&mut apart, &told);
    gaps.extend(unlisted::gap(&apart, query));
    FirstPass::of(host, query, survey, dumps, Sources { source, scanned, closed: None, unlisted }, gaps)
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
