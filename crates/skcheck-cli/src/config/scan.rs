//! What was typed behind `skcheck` alone means here.

use std::time::Duration;

use skcheck_core::{Missing, Query};

use crate::args::{Format, ScanArgs};
use crate::config::arrangement::arrangement;
use crate::config::measuring::{BUDGET, Measuring};
use crate::config::query::query;
use crate::config::roots::Roots;
use crate::report::scan::{Arrangement, ScanKind, ScanRequest, SortKey};
use crate::text::Page;

/// One scan: what to ask, how to arrange it, how to write it, what its exit code says.
#[derive(Debug, Clone)]
pub(crate) struct ScanConfig {
    pub(crate) query: Query,
    pub(crate) kind: ScanKind,
    pub(crate) measuring: Measuring,
    pub(crate) roots: Roots,
    /// How long those that do not answer are waited for, together.
    pub(crate) timeout: Duration,
    pub(crate) arrangement: Arrangement,
    pub(crate) format: Format,
    pub(crate) page: Page,
    /// Whether tables name namespaces and containers even where there is only one.
    pub(crate) wide: bool,
    /// Whether the table says what looked, at how much, and for how long.
    pub(crate) verbose: bool,
    pub(crate) exit_code: bool,
    /// Whether the exit code says that something could not be seen, but for these; `None`: it does not.
    pub(crate) strict: Option<Vec<Missing>>,
}

impl ScanConfig {
    /// What these arguments mean.
    pub(crate) fn new(args: ScanArgs, page: Page) -> ScanConfig {
        let ScanArgs { filter, output, measuring, timeout, roots, stalled, exit_code, strict, accept_gap } =
            args;
        ScanConfig {
            query: query(filter),
            kind: if stalled { ScanKind::Stalled } else { ScanKind::Whole },
            measuring: Measuring::within(&measuring, BUDGET),
            roots: roots.into(),
            timeout: timeout.timeout,
            arrangement: arrangement(&output),
            format: output.format,
            page,
            wide: output.wide,
            verbose: output.verbose,
            exit_code,
            strict: strict.then_some(accept_gap),
        }
    }

    /// Whether what holds nothing comes last in its report, and nothing is left out: then the report can be written as
    /// its parts come.
    pub(crate) fn may_come_in_parts(&self) -> bool {
        let Arrangement { sort, by: _, top, per_process } = self.arrangement;
        self.format != Format::Table && sort != SortKey::Pid && top.is_none() && per_process.is_none()
    }

    /// What its report depends on.
    pub(crate) fn request(&self) -> ScanRequest<'_> {
        ScanRequest {
            query: &self.query,
            kind: self.kind,
            limits: self.measuring.limits,
            arrangement: self.arrangement,
        }
    }
}

#[cfg(test)]
mod tests;
