//! What may be typed behind `skcheck packets`.

use std::time::Duration;

use clap::Args;

use crate::args::format::DocumentFormat;
use crate::args::host::{RootArgs, TimeoutArgs};
use crate::args::values::parse_again;

#[derive(Debug, Args)]
pub(crate) struct PacketsArgs {
    /// A process that holds the socket, or a thread that has it in a table of its own
    #[arg(value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: u32,
    /// Its descriptor there
    #[arg(value_name = "FD")]
    pub(crate) fd: u32,
    /// Look once more after so long (500ms, 5s, 1m), and say what became of the packets
    #[arg(long, value_name = "TIME", value_parser = parse_again)]
    pub(crate) again: Option<Duration>,
    /// Walk at most N packets; 0: all
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) limit: u32,
    /// Lock a TCP socket while it is walked, and in passing each other TCP socket of its namespace: nothing
    /// changes meanwhile, and whoever uses it waits (since Linux 5.17). Given up where a stuck process keeps a lock
    #[arg(long)]
    pub(crate) lock: bool,
    /// The first N packets of each queue, in a table its last three too; 0: all [table: 20, JSON: all]
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// How to write it: table, json
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = DocumentFormat::Table)]
    pub(crate) format: DocumentFormat,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
    #[command(flatten)]
    pub(crate) roots: RootArgs,
}
