//! How a report is arranged and written.

use clap::{Args, ValueEnum};

use crate::args::format::Format;

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Rank by pinned (not measured: by charged), charged, worst, recvq, sendq, unread or pid
    #[arg(long, value_enum, value_name = "KEY", default_value_t = SortArg::Pinned, hide_possible_values = true)]
    pub(crate) sort: SortArg,
    /// The N heaviest blocks, or sockets with --by socket; 0: all [table: 20, JSON: all]
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The N heaviest sockets of each block; 0: all [table: 3, JSON: all]
    #[arg(long, value_name = "N")]
    pub(crate) per_process: Option<usize>,
    /// A block for each process, container, pod, netns or cgroup, or a flat list: socket
    #[arg(long, value_enum, value_name = "WHAT", hide_possible_values = true, default_value_t = ByArg::Process)]
    pub(crate) by: ByArg,
    /// Columns for namespace and container, even where there is only one
    #[arg(long)]
    pub(crate) wide: bool,
    /// How to write the report: table, json, jsonl
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Below the table: what looked, at how much, and how long it took
    #[arg(long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortArg {
    Pinned,
    Charged,
    Worst,
    Recvq,
    Sendq,
    Unread,
    Pid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ByArg {
    Process,
    Socket,
    Container,
    Pod,
    Netns,
    Cgroup,
}
