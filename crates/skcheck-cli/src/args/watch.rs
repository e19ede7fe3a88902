//! What may be typed behind `skcheck watch`.

use std::time::Duration;

use clap::Args;

use crate::args::filter::FilterArgs;
use crate::args::format::WatchFormat;
use crate::args::host::RootArgs;
use crate::args::measuring::EngineChoice;
use crate::args::values::{parse_interval, parse_length};

pub(super) const EXAMPLES: &str = "\
A reader stands still when it has unread data and read nothing since the last look; so does a listener at
which connections wait, when it has accepted none of them. Run as root to see what threads are blocked in,
and which epoll sets ask for the data. Filters decide what is shown; who keeps it waiting is looked for
everywhere.

Examples:
  skcheck watch                             who reads, and who does not, until Ctrl-C
  skcheck watch --pid 4711 --for 5s         one process: does it read, and if not, why
  skcheck watch --min-recvq 64K --interval 5s >> watch.log
                                            a block of text every 5 s
  skcheck watch --for 2s --exit-code        for a check: 1 when somebody stands still in the end
  skcheck watch --format jsonl              for programs: a document every second (docs/json.md)

Exit: 0 ran; 1 a reader or a listener stands still in the end (with --exit-code); 2 failed or misused.";

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Look so often: 500ms, 5s, 1m
    #[arg(long, value_name = "TIME", value_parser = parse_interval, default_value = "1s")]
    pub(crate) interval: Duration,
    /// End after so long, with the look that is going on then [until Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = parse_length)]
    pub(crate) length: Option<Duration>,
    /// The N worst sockets; 0: all [a terminal: what fits, else 20, JSON: all]
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// How to write it: table, jsonl
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = WatchFormat::Table)]
    pub(crate) format: WatchFormat,
    /// Exit with 1 when a reader, or a listener, stands still in the end
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// What looks: bpf (root), proc (and NETLINK_SOCK_DIAG), or auto: bpf where it works
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = EngineChoice::Auto, hide_possible_values = true)]
    pub(crate) engine: EngineChoice,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) roots: RootArgs,
}
