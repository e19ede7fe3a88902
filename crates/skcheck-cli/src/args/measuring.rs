//! What looks into the kernel, and how far.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(next_help_heading = "Measuring inside the kernel")]
pub(crate) struct MeasuringArgs {
    /// What looks: bpf (root), proc (and NETLINK_SOCK_DIAG), or auto: bpf where it works
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = EngineChoice::Auto, hide_possible_values = true)]
    pub(crate) engine: EngineChoice,
    /// Measure every socket, however long it takes [heaviest first, for 200 ms; mem: 2 s]
    #[arg(long)]
    pub(crate) exact: bool,
    /// Measure every socket, of each at most N packets instead of 10000; 0: 2.7 million
    #[arg(long, value_name = "N")]
    pub(crate) exact_limit: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    Auto,
    Proc,
    Bpf,
}
