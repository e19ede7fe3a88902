//! Collects by /proc: every descriptor is read there, then every table is dumped, however many namespaces.
//!
//! Descriptors come first. What a descriptor held before the dump and still holds after it was held
//! during the dump; so if no table names it, that is no accident of timing.

use std::sync::{Mutex, PoisonError};

use crate::collect::asking::client::Asker;
use crate::collect::collected::{Collected, Sources};
use crate::collect::dumps::proc_net;
use crate::collect::dumps::record_collector::RecordCollector;
use crate::collect::dumps::tables::{dump_apart, dump_tables};
use crate::collect::netns::namespace::Namespace;
use crate::collect::scanned::Source;
use crate::collect::survey::descriptors::Descriptors;
use crate::collect::survey::processes::Unreadable;
use crate::collect::survey::{processes, unlisted};
use crate::diag::request::States;
use crate::footprint::HostFacts;
use crate::host::{Host, processors};
use crate::model::error::Error;
use crate::model::gap::Gap;
use crate::model::query::Query;
use crate::model::table::Table;

/// Collects by /proc.
pub(crate) fn run(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    gaps: &mut Vec<Gap>,
) -> Result<Collected, Error> {
    let mut of_survey = Vec::new();
    let (survey, mut namespaces) = processes::survey(host, &query.netns, None, &mut of_survey);
    let scanned = survey.scanned(host, Unreadable::NotLookedAt, gaps);
    gaps.append(&mut of_survey);
    dump_all(host, query, facts, &survey.descriptors, &mut namespaces);
    let mut source = Source::SockDiag;
    if let Some(Namespace { netns, dump }) = namespaces.first_mut()
        && netns.own
        && let Some(refusal) = &dump.refusal
    {
        *dump = proc_net::dump(host, query, facts, &survey.descriptors, refusal);
        source = Source::ProcNet;
    }
    let is_about_them = query.wants_closed_held() || query.wants_all_protocols() || query.asks_later();
    let unlisted = if is_about_them { unlisted::look(host, &survey) } else { Vec::new() };
    let has_tcp = || unlisted.iter().any(|it| unlisted::tcp_family(it).is_some());
    if namespaces.iter().any(|namespace| namespace.dump.may_have_bound) && has_tcp() {
        ask_for_bound(host, query, facts, &survey.descriptors, &mut namespaces);
    }
    let apart = unlisted::without_table(&unlisted, query);
    gaps.extend(dump_apart(host, query, facts, &survey.descriptors, apart, &mut namespaces));
    Collected::of(host, query, survey, namespaces, Sources { source, scanned, closed: None, unlisted }, gaps)
}

/// Dumps the tables of every namespace, on as many threads as there are processors.
fn dump_all(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    namespaces: &mut [Namespace],
) {
    let workers = processors().min(namespaces.len());
    let left = Mutex::new(namespaces.iter_mut());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(namespace) = next() {
            dump_tables(host, query, facts, descriptors, namespace);
        }
    };
    std::thread::scope(|scope| {
        // Where no thread can be had, those that there are do its work.
        let another = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..workers).filter_map(another).collect();
        work();
        for other in others {
            let _ = other.join();
        }
    });
}

/// Asks for the TCP sockets that sockstat does not count. The kernel walks the bound ports of the
/// whole host for each answer, so only where a descriptor holds a TCP socket that no table knows.
fn ask_for_bound(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    descriptors: &Descriptors,
    namespaces: &mut [Namespace],
) {
    for Namespace { netns, dump } in namespaces.iter_mut().filter(|namespace| namespace.dump.may_have_bound) {
        let Ok(asker) = Asker::open(host, netns) else { continue };
        for table in query.tables().into_iter().filter(|table| matches!(table, Table::Tcp(_))) {
            let mut collector = RecordCollector { query, facts, descriptors, dump, unheld: 0 };
            // What cannot be asked was a gap of the dump.
            let shortcomings = asker.dump(table, States::Bound, &mut collector).unwrap_or_default();
            dump.gaps.extend(shortcomings);
        }
        dump.drop_repeats();
    }
}
