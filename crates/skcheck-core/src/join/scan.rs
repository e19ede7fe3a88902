//! Takes a snapshot of a host.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::collect::{collector, host_facts};
use crate::engine::{Engine, Limits};
use crate::host::Host;
use crate::join::idle::IdleOrder;
use crate::join::parties::rare_searches::RareSearches;
use crate::join::passes;
use crate::join::sockets::{Depth, Join};
use crate::memory::ledger::files::host_ledger;
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::process::Process;
use crate::model::query::Query;
use crate::snapshot::contents::Snapshot;

/// Scans a host: dumps its socket tables, finds who holds what, and joins both.
///
/// Reads only; never changes the host. What could not be seen is in [`Snapshot::gaps`].
///
/// # Errors
/// When the query names no table, and when not one table could be read.
///
/// # Examples
/// ```no_run
/// let snapshot = skcheck_core::scan(&skcheck_core::Live::new(), &skcheck_core::Query::default())?;
/// for entry in &snapshot.sockets {
///     println!("{:?} {:?}", entry.socket.local, entry.footprint.received.charged);
/// }
/// # Ok::<(), skcheck_core::Error>(())
/// ```
pub fn scan(host: &dyn Host, query: &Query) -> Result<Snapshot, Error> {
    scan_with(host, query, None, &Limits::default())
}

/// Scans a host with the help of an engine, which finds the sockets in one pass over all descriptors,
/// and walks the queues of those that are reported, the heaviest first. Where the engine fails, the
/// report is that of [`scan`], with a gap that says why.
///
/// # Errors
/// As [`scan`].
pub fn scan_with(
    host: &dyn Host,
    query: &Query,
    engine: Option<&dyn Engine>,
    limits: &Limits,
) -> Result<Snapshot, Error> {
    scan_again(host, query, engine, limits, None)
}

/// The same of a host that is looked at again and again, with what searches for rare holders have found before.
pub(crate) fn scan_again(
    host: &dyn Host,
    query: &Query,
    engine: Option<&dyn Engine>,
    limits: &Limits,
    rare: Option<&RareSearches>,
) -> Result<Snapshot, Error> {
    let (mut sockets, mut processes) = (Vec::new(), Vec::new());
    let mut add = |part: Snapshot| {
        sockets.extend(part.sockets);
        processes.extend(part.processes);
        ControlFlow::Continue(())
    };
    let snapshot = in_parts(host, query, (engine, limits), rare, &mut add)?;
    processes.sort_by_key(|process: &Process| process.pid);
    processes.dedup_by_key(|process| process.pid);
    Ok(Snapshot { sockets, processes, ..snapshot })
}

/// The same for a report that may be of very many sockets: hands it on in parts, each a snapshot with some of the
/// sockets and their processes, and without gaps. The first has all that hold something; what holds nothing
/// ([`Query::include_idle`]) comes after it, ordered by process and descriptor, until `on_part` breaks. Returns the
/// rest: the gaps and the pages of all parts, no sockets and no processes.
///
/// A part takes some 5 MiB, and what holds nothing some 300 bytes a socket until the end. Everything comes in one part
/// where each would look at all there is: with [`Query::deep`], of some processes ([`Query::pids`]), and where
/// NETLINK_SOCK_DIAG is refused.
///
/// # Errors
/// As [`scan`]; nothing has been handed on then.
pub fn scan_in_parts(
    host: &dyn Host,
    query: &Query,
    engine: Option<&dyn Engine>,
    limits: &Limits,
    on_part: &mut dyn FnMut(Snapshot) -> ControlFlow<()>,
) -> Result<Snapshot, Error> {
    in_parts(host, query, (engine, limits), None, on_part)
}

fn in_parts(
    host: &dyn Host,
    query: &Query,
    (engine, limits): (Option<&dyn Engine>, &Limits),
    rare: Option<&RareSearches>,
    on_part: &mut dyn FnMut(Snapshot) -> ControlFlow<()>,
) -> Result<Snapshot, Error> {
    let started = Instant::now();
    let taken_at = host.now();
    if query.tables().is_empty() {
        return Err(Error::empty_query());
    }
    let mut gaps = Vec::new();
    let config = host_facts::kernel_config(host);
    let facts = host_facts::host_facts(host, config.as_ref(), &mut gaps);
    let ledger = host_ledger(host, config.as_ref(), &mut gaps);
    let collected = collector::collect(host, query, &facts, engine, &mut gaps);
    let blank = Snapshot { taken_at, ledger, ..Snapshot::empty(facts) };
    let snapshot = match collected {
        Ok(collected) => {
            let facts = blank.host.clone();
            let finds = collected.closed.is_some();
            let depth = engine.map(|engine| Depth { engine, limits, finds });
            let mut join = Join::new(host, query, &facts, depth, started, collected, gaps);
            join.rare = rare;
            join_in_parts(&mut join, &blank, on_part);
            rest(blank, join)
        }
        Err(error) => told_to_end(blank, host, error, gaps)?,
    };
    Ok(Snapshot { duration: started.elapsed(), ..snapshot })
}

/// Joins what holds something, then the rest, some at a time.
fn join_in_parts(
    join: &mut Join<'_>,
    blank: &Snapshot,
    on_part: &mut dyn FnMut(Snapshot) -> ControlFlow<()>,
) {
    passes::run(join);
    let mut order = IdleOrder::of(join);
    let mut goes_on = on_part(part(join, blank)).is_continue();
    // These are told once, and were.
    join.collected.namespaces.iter_mut().for_each(|namespace| namespace.dump.charges.clear());
    let (walked, pages) = (join.walked, std::mem::take(&mut join.pages));
    while goes_on && order.take_some(join) {
        let known = join.gaps.len();
        passes::run_idle(join);
        // They were joined namespace by namespace.
        join.sockets.sort_by_key(|joined| {
            let first = joined.entry.holders.first();
            (first.is_none(), first.map(|holder| (holder.pid, holder.fd)))
        });
        // What the parts before lacked this one may lack too.
        for gap in join.gaps.split_off(known) {
            if !join.gaps.contains(&gap) {
                join.gaps.push(gap);
            }
        }
        goes_on = on_part(part(join, blank)).is_continue();
    }
    (join.walked, join.pages) = (walked, pages);
}

/// The snapshot of what was joined since the last one.
fn part(join: &mut Join<'_>, blank: &Snapshot) -> Snapshot {
    let sockets = std::mem::take(&mut join.sockets);
    Snapshot {
        sockets: sockets.into_iter().map(|joined| joined.entry).collect(),
        processes: std::mem::take(&mut join.processes),
        pages: join.pages.clone(),
        ..surroundings(blank.clone(), join)
    }
}

/// What is the same for all parts.
fn surroundings(blank: Snapshot, join: &Join<'_>) -> Snapshot {
    let Join { host, depth, collected, walked, .. } = join;
    Snapshot {
        source: collected.source,
        engine: depth.filter(|depth| depth.finds || *walked).map(|depth| depth.engine.name()),
        scanned: collected.scanned,
        unlisted_tcp_mem: collected.unlisted_tcp_mem(),
        unlisted_noise: host_facts::unlisted_noise(*host),
        namespaces: collected.namespaces.iter().map(|namespace| namespace.netns.clone()).collect(),
        ..blank
    }
}

/// What is left when all parts have been handed on.
fn rest(blank: Snapshot, mut join: Join<'_>) -> Snapshot {
    let (mut gaps, pages) = (std::mem::take(&mut join.gaps), std::mem::take(&mut join.pages));
    gaps.extend(join.host.unanswered());
    Snapshot { pages, gaps, ..surroundings(blank, &join) }
}

/// The snapshot of a scan that was told to end before there was anything: that is all there is to report.
fn told_to_end(
    blank: Snapshot,
    host: &dyn Host,
    error: Error,
    mut gaps: Vec<Gap>,
) -> Result<Snapshot, Error> {
    let unanswered = host.unanswered();
    if !unanswered.iter().any(|gap| gap.what == Missing::Partial) {
        return Err(error.with(unanswered));
    }
    gaps.extend(unanswered);
    Ok(Snapshot { gaps, ..blank })
}
