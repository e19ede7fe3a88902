//! What was typed, and nothing else.

mod demo;
mod filter;
mod format;
mod host;
mod leaks;
mod measuring;
mod mem;
mod output;
mod packets;
mod protocols;
mod scan;
pub(crate) mod values;
mod watch;
mod worker;

use clap::{Parser, Subcommand};

pub(crate) use crate::args::demo::{DemoArgs, FragmentsArg};
pub(crate) use crate::args::filter::FilterArgs;
pub(crate) use crate::args::format::{DocumentFormat, Format, WatchFormat};
pub(crate) use crate::args::host::RootArgs;
pub(crate) use crate::args::leaks::LeaksArgs;
pub(crate) use crate::args::measuring::{EngineChoice, MeasuringArgs};
pub(crate) use crate::args::mem::MemArgs;
pub(crate) use crate::args::output::{ByArg, OutputArgs, SortArg};
pub(crate) use crate::args::packets::PacketsArgs;
pub(crate) use crate::args::scan::ScanArgs;
pub(crate) use crate::args::watch::WatchArgs;
pub(crate) use crate::args::worker::{HalfArg, WorkerArgs};

const EXAMPLES: &str = "\
SIZE is 4096, 64K, 1.5G (powers of 1024), 1MiB, or 1MB (powers of 1000). Sizes mean \"at least\";
all conditions must hold together. Run as root to see everybody's sockets with their holders.

Examples:
  skcheck                          who sits on unread or unsent data, heaviest first
  skcheck --min-recvq 1M           sockets with at least 1 MiB in Recv-Q
  skcheck --pid 4711 --by socket   every socket of one process that holds something
  skcheck --state close-wait --all sockets in one state, idle ones too
  skcheck --by pod                 which pods they are in (container, netns, cgroup)
  skcheck --exact                  measure every queue, however long it takes
  skcheck mem --pages              where the host's memory is, and whether sockets have what is missing
  skcheck leaks                    who opens sockets and never releases them
  skcheck --stalled                who reads or accepts nothing for a second, and why
  skcheck watch --pid 4711         does it read, and if not, why
  skcheck packets 4711 12          the packets behind descriptor 12 of a process
  skcheck --format json            for programs (fields: docs/json.md)
  skcheck demo                     make a stalled reader, and see how it shows

Exit: 0 ran; 1 a socket matched, mem: too much belongs to nobody, leaks: a process is listed, watch: a
reader or listener stands still in the end (all with --exit-code); 2 failed or misused; 3 something could not be seen (with --strict).
2 goes before 3, and 3 before 1. 130 and 143: ended by SIGINT or SIGTERM (a watch ends with 0 then).";

/// Shows who sits on unread socket data, and what memory that may pin
#[derive(Debug, Parser)]
#[command(name = "skcheck", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) scan: ScanArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a stalled reader on loopback, show the report of it, and clean up
    Demo(DemoArgs),
    /// Show who opens sockets and never releases them
    #[command(after_help = leaks::EXAMPLES)]
    Leaks(LeaksArgs),
    /// Show where the memory is, how much belongs to nobody, and whether sockets explain that
    #[command(after_help = mem::EXAMPLES)]
    Mem(MemArgs),
    /// Show the packets in the queues of one socket, and the pages that they pin
    Packets(PacketsArgs),
    /// Show who reads and who stands still, and why, until Ctrl-C
    #[command(after_help = watch::EXAMPLES)]
    Watch(Box<WatchArgs>),
    /// Read for another skcheck what may never answer, until standard input ends
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Hold a stalled reader until standard input ends
    #[command(hide = true)]
    HoldStalledReader(FragmentsArg),
}
