//! What may be typed behind `skcheck leaks`.

use clap::Args;

use crate::args::format::DocumentFormat;
use crate::args::host::{RootArgs, TimeoutArgs};

pub(super) const EXAMPLES: &str = "\
A socket that is in no table of the kernel is closed and was never released, or was made and never
used: from outside both look the same. What is found is looked for again half a second later.

Examples:
  skcheck leaks                     who has 2000 sockets open, or 500 that no table knows
  skcheck leaks --min-leaked 1      everybody who has one
  skcheck leaks --exit-code         for a check: 1 when somebody has as many
  skcheck leaks --format json       for programs (fields: docs/json.md)

Exit: 0 ran; 1 a process is listed (with --exit-code); 2 failed or misused; 130 and 143 ended by
SIGINT and SIGTERM.";

#[derive(Debug, Args)]
pub(crate) struct LeaksArgs {
    /// Processes with at least N sockets open, whatever they do
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_open: u64,
    /// Processes with at least N sockets that are in no table
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_leaked: u64,
    /// How to write it: table, json
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = DocumentFormat::Table)]
    pub(crate) format: DocumentFormat,
    /// Exit with 1 when a process is listed
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
    #[command(flatten)]
    pub(crate) roots: RootArgs,
}
