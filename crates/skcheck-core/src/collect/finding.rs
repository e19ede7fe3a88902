//! What an engine found in its pass over all descriptors.

use std::io;
use std::time::Instant;

use crate::engine::{Engine, Found, Pass};
use crate::model::query::Query;

/// What an engine found.
pub(crate) struct Finding {
    pub(crate) pass: Pass,
    /// Each with the time at which it came.
    pub(crate) found: Vec<(Found, Instant)>,
}

impl Finding {
    pub(crate) fn of(engine: &dyn Engine, query: &Query) -> io::Result<Finding> {
        let mut found = Vec::new();
        let pass = engine.find(query, &mut |it| found.push((it, Instant::now())))?;
        Ok(Finding { pass, found })
    }
}
