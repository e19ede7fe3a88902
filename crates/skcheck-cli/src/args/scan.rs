//! What may be typed behind `skcheck` alone.

use clap::Args;
use skcheck_core::Missing;

use crate::args::filter::FilterArgs;
use crate::args::host::{RootArgs, TimeoutArgs};
use crate::args::measuring::MeasuringArgs;
use crate::args::output::OutputArgs;
use crate::args::values::parse_gap;

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) measuring: MeasuringArgs,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
    #[command(flatten)]
    pub(crate) roots: RootArgs,
    /// Look twice, a second apart: only who read, or accepted, nothing in between, and why
    #[arg(long, help_heading = "Which sockets", conflicts_with_all = ["exact", "exact_limit"])]
    pub(crate) stalled: bool,
    /// Exit with 1 when a socket matched
    #[arg(long, help_heading = "Output")]
    pub(crate) exit_code: bool,
    /// Exit with 3 when something could not be seen
    #[arg(long, help_heading = "Output")]
    pub(crate) strict: bool,
    /// With --strict: not for these, as JSON names them (gaps: what): processes, table, engine, ...
    #[arg(
        long,
        value_name = "KIND",
        requires = "strict",
        value_delimiter = ',',
        value_parser = parse_gap,
        help_heading = "Output"
    )]
    pub(crate) accept_gap: Vec<Missing>,
}
