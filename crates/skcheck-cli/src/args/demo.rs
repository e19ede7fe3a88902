//! What may be typed behind `skcheck demo`.

use clap::Args;

use crate::args::format::Format;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) fragments: FragmentsArg,
    /// How to write the report: table, json, jsonl
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FragmentsArg {
    /// How many unread bytes to leave; each can pin a chunk of pages: 32 KiB, or one page where that is more
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) fragments: u32,
}
