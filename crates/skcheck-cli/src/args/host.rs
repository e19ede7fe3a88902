//! Where the host is, and how long it is waited for.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::args::values::parse_timeout;

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "On a host that does not answer")]
pub(crate) struct TimeoutArgs {
    /// Wait so long for all processes and file systems together that do not answer (500ms, 5s, 1m)
    #[arg(long, value_name = "TIME", value_parser = parse_timeout, default_value = "10s")]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "From inside a container")]
pub(crate) struct RootArgs {
    /// Where the host's root directory is mounted
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) host_root: PathBuf,
    /// Where the host's /proc is mounted
    #[arg(long, value_name = "DIR", default_value = "/proc")]
    pub(crate) proc: PathBuf,
}
