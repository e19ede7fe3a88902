//! Takes a snapshot of a host.

use std::time::Instant;

use crate::collect::pass;
use crate::collect::read;
use crate::engine::{Engine, Limits};
use crate::host::Host;
use crate::memory::ledger::files::host_ledger;
use crate::model::error::Error;
use crate::model::gap::Missing;
use crate::model::query::Query;
use crate::snapshot::draft::Depth;
use crate::snapshot::join;
use crate::snapshot::report::Snapshot;

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
/// for report in &snapshot.sockets {
///     println!("{:?} {:?}", report.socket.local, report.footprint.received.charged);
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
    let config = read::kernel_config(host);
    let facts = read::host_facts(host, config.as_ref(), &mut gaps);
    let ledger = host_ledger(host, config.as_ref(), &mut gaps);
    let first = match pass::run(host, query, &facts, engine, &mut gaps) {
        Ok(first) => first,
        Err(error) => {
            let unanswered = host.unanswered();
            if !unanswered.iter().any(|gap| gap.what == Missing::Partial) {
                return Err(error.with(unanswered));
            }
            // Told to end before there was anything: that is all there is to report.
            gaps.extend(unanswered);
            let duration = started.elapsed();
            return Ok(Snapshot { taken_at, duration, ledger, gaps, ..Snapshot::empty(facts) });
        }
    };
    let finds = first.closed.is_some();
    let source = first.source;
    let scanned = first.scanned;
    let unlisted = first.unlisted_tcp_mem();
    let depth = engine.map(|engine| Depth { engine, limits, finds });
    let joined = join::run(host, query, &facts, first, depth, started, &mut gaps);
    let unlisted_noise = read::unlisted_noise(host);
    gaps.extend(host.unanswered());
    Ok(Snapshot {
        taken_at,
        duration: started.elapsed(),
        source,
        engine: engine.filter(|_| finds || joined.walked).map(Engine::name),
        host: facts,
        ledger,
        scanned,
        sockets: joined.sockets,
        pages: joined.pages,
        processes: joined.processes,
        unlisted_tcp_mem: unlisted,
        unlisted_noise,
        namespaces: joined.namespaces,
        gaps,
    })
}
