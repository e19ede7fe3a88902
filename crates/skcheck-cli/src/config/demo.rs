//! What was typed behind `skcheck demo` means here.

use skcheck_core::Query;
use skcheck_core::host::Budget;

use crate::args::{DemoArgs, Format};
use crate::config::measuring::Measuring;
use crate::config::roots::Roots;
use crate::config::scan::ScanConfig;
use crate::report::scan::{Arrangement, GroupBy, ScanKind, SortKey};
use crate::text::Page;

/// One demonstration.
#[derive(Debug, Clone)]
pub(crate) struct DemoConfig {
    /// How many unread bytes are left.
    pub(crate) fragments: u32,
    pub(crate) format: Format,
    pub(crate) roots: Roots,
    pub(crate) page: Page,
}

impl DemoConfig {
    /// What these arguments mean.
    pub(crate) fn new(args: &DemoArgs, page: Page) -> DemoConfig {
        let fragments = args.fragments.fragments;
        DemoConfig { fragments, format: args.format, roots: Roots::usual(), page }
    }

    /// How the sockets of the process that has made something are scanned.
    pub(crate) fn scan_of(&self, pid: u32) -> ScanConfig {
        let mut query = Query::default();
        query.pids = vec![pid];
        let all = Arrangement { sort: SortKey::Pinned, by: GroupBy::Process, top: None, per_process: None };
        ScanConfig {
            query,
            kind: ScanKind::Demo,
            measuring: Measuring::unhurried(),
            roots: self.roots.clone(),
            timeout: Budget::USUAL,
            arrangement: all,
            format: self.format,
            page: self.page,
            wide: false,
            verbose: false,
            exit_code: false,
            strict: None,
        }
    }
}
