//! What skcheck gives another skcheck that works for it.

use clap::{Args, ValueEnum};

use crate::args::host::RootArgs;

#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Be this half of the BPF engine, and read nothing
    #[arg(long)]
    pub(crate) half: Option<HalfArg>,
    #[command(flatten)]
    pub(crate) roots: RootArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HalfArg {
    Finder,
    Walker,
}
