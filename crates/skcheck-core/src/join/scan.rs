//! Takes a snapshot of a host.

use std::time::Instant;

use crate::collect::{collector, host_facts};
use crate::engine::{Engine, Limits};
use crate::host::Host;
use crate::join::passes;
use crate::join::sockets::{Depth, Join};
use crate::memory::ledger::files::host_ledger;
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
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
            passes::run(&mut join);
            joined(blank, join)
        }
        Err(error) => told_to_end(blank, host, error, gaps)?,
    };
    Ok(Snapshot { duration: started.elapsed(), ..snapshot })
}

/// The snapshot of what was joined.
fn joined(blank: Snapshot, join: Join<'_>) -> Snapshot {
    let Join { host, depth, collected, sockets, processes, pages, walked, mut gaps, .. } = join;
    let unlisted_tcp_mem = collected.unlisted_tcp_mem();
    let unlisted_noise = host_facts::unlisted_noise(host);
    gaps.extend(host.unanswered());
    Snapshot {
        source: collected.source,
        engine: depth.filter(|depth| depth.finds || walked).map(|depth| depth.engine.name()),
        scanned: collected.scanned,
        sockets: sockets.into_iter().map(|joined| joined.entry).collect(),
        pages,
        processes,
        unlisted_tcp_mem,
        unlisted_noise,
        namespaces: collected.namespaces.into_iter().map(|namespace| namespace.netns).collect(),
        gaps,
        ..blank
    }
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
