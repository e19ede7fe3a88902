//! Collects what a host has: by an engine's pass over all descriptors, or by /proc.

use crate::collect::collected::Collected;
use crate::collect::finding::Finding;
use crate::collect::{engine_pass, proc_pass};
use crate::engine::Engine;
use crate::footprint::HostFacts;
use crate::host::Host;
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::query::Query;

/// Collects what a host has; without the engine when that fails or there is none.
pub(crate) fn collect(
    host: &dyn Host,
    query: &Query,
    facts: &HostFacts,
    engine: Option<&dyn Engine>,
    gaps: &mut Vec<Gap>,
) -> Result<Collected, Error> {
    if let Some(engine) = engine {
        let found = engine_pass::knows_pids_of(host).and_then(|()| Finding::of(engine, query));
        match found {
            Ok(finding) => {
                if let Some(collected) = engine_pass::run(host, query, facts, finding, gaps) {
                    return Ok(collected);
                }
            }
            Err(error) => {
                let remedy = format!("{error}; descriptors were read from /proc instead");
                gaps.push(Gap::uncounted(Missing::Engine, Place::Engine(engine.name()), remedy));
            }
        }
    }
    proc_pass::run(host, query, facts, gaps)
}
