//! What may be typed behind `skcheck mem`.

use std::ffi::OsString;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

use crate::args::format::DocumentFormat;
use crate::args::host::{RootArgs, TimeoutArgs};
use crate::args::measuring::MeasuringArgs;
use crate::args::values::{Ceiling, parse_ceiling};

pub(super) const EXAMPLES: &str = "\
\"Nobody\" means: no counter of the kernel says whose it is. Packets that wait in a socket
are such memory. Run as root to see all sockets, and with --pages to count the pages themselves.

Examples:
  skcheck mem                               where the memory is
  skcheck mem --pages                       ... and what every page of the host is
  skcheck mem --pages --exact               ... and every queue measured, however long it takes
  skcheck mem --cgroup /system.slice        the memory of one cgroup
  skcheck mem --exit-code --max-unaccounted 5%
                                            for a check: 1 when more belongs to nobody
  skcheck mem --format json                 for programs (fields: docs/json.md)

Exit: 0 ran; 1 too much belongs to nobody (with --exit-code); 2 failed or misused; 130 and 143 ended by
SIGINT and SIGTERM.";

#[derive(Debug, Args)]
pub(crate) struct MemArgs {
    /// Count what every page of the host is (root; takes a second or less)
    #[arg(long)]
    pub(crate) pages: bool,
    /// The memory of this cgroup instead of the host's; as in /proc/PID/cgroup, or below /sys/fs/cgroup
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().try_map(not_empty), conflicts_with_all = ["pages", "engine", "exact", "exact_limit"])]
    pub(crate) cgroup: Option<OsString>,
    /// How to write it: table, json
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = DocumentFormat::Table)]
    pub(crate) format: DocumentFormat,
    /// Exit with 1 when too much belongs to nobody
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// How much may belong to nobody: 2G, or 5% of the memory [a tenth, at least 1.5G, at most 6G]
    #[arg(long, value_name = "SIZE|PERCENT", value_parser = parse_ceiling)]
    pub(crate) max_unaccounted: Option<Ceiling>,
    /// Draw in ASCII, whatever the locale
    #[arg(long)]
    pub(crate) ascii: bool,
    #[command(flatten)]
    pub(crate) measuring: MeasuringArgs,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
    #[command(flatten)]
    pub(crate) roots: RootArgs,
}

fn not_empty(path: OsString) -> Result<OsString, &'static str> {
    if path.is_empty() { Err("no cgroup has this path; the root is /") } else { Ok(path) }
}
