//! What was typed behind `skcheck packets` means here.

use std::time::Duration;

use skcheck_core::Holder;
use skcheck_core::engine::Limits;

use crate::args::{DocumentFormat, PacketsArgs};
use crate::config::limit::{TABLE_TOP, limit};
use crate::config::measuring::packet_limit;
use crate::config::roots::Roots;
use crate::text::Page;

/// One look at the packets of a socket, or several.
#[derive(Debug, Clone)]
pub(crate) struct PacketsConfig {
    /// Where the socket is.
    pub(crate) holder: Holder,
    pub(crate) limits: Limits,
    /// After how long to look once more; `None`: never.
    pub(crate) again: Option<Duration>,
    /// How many packets of each queue to show; `None`: all.
    pub(crate) top: Option<usize>,
    pub(crate) format: DocumentFormat,
    pub(crate) timeout: Duration,
    pub(crate) roots: Roots,
    pub(crate) page: Page,
}

impl PacketsConfig {
    /// What these arguments mean.
    pub(crate) fn new(args: PacketsArgs, page: Page) -> PacketsConfig {
        let usual = (args.format == DocumentFormat::Table).then_some(TABLE_TOP);
        let mut limits = Limits::new(packet_limit(args.limit), None);
        limits.lock = args.lock;
        PacketsConfig {
            holder: Holder::new(args.pid, args.fd),
            limits,
            again: args.again,
            top: limit(args.top, usual),
            format: args.format,
            timeout: args.timeout.timeout,
            roots: args.roots.into(),
            page,
        }
    }
}
