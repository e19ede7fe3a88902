//! What was typed behind `skcheck leaks` means here.

use std::time::Duration;

use skcheck_core::leaks::Thresholds;

use crate::args::{DocumentFormat, LeaksArgs};
use crate::config::roots::Roots;
use crate::text::Page;

/// One look for processes that never release sockets.
#[derive(Debug, Clone)]
pub(crate) struct LeaksConfig {
    /// From how many on a process is listed.
    pub(crate) thresholds: Thresholds,
    pub(crate) format: DocumentFormat,
    pub(crate) exit_code: bool,
    pub(crate) timeout: Duration,
    pub(crate) roots: Roots,
    pub(crate) page: Page,
}

impl LeaksConfig {
    /// What these arguments mean.
    pub(crate) fn new(args: LeaksArgs, page: Page) -> LeaksConfig {
        LeaksConfig {
            thresholds: Thresholds::new(args.min_open, args.min_leaked),
            format: args.format,
            exit_code: args.exit_code,
            timeout: args.timeout.timeout,
            roots: args.roots.into(),
            page,
        }
    }
}
