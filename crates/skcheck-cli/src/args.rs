//! What was typed, and nothing else.

mod leaks;
mod mem;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use skcheck_core::{NetnsChoice, State};

pub(crate) use crate::args::leaks::LeaksArgs;
pub(crate) use crate::args::mem::MemArgs;
pub(crate) use crate::args::watch::{WatchArgs, WatchFormat};
use crate::config::{parse_again, parse_netns, parse_state, parse_timeout};
use crate::text::parse_size;

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
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which sockets")]
pub(crate) struct FilterArgs {
    /// Recv-Q, as `ss` prints it (a listener's count is no size)
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) min_recvq: Option<u64>,
    /// Send-Q, as `ss` prints it
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) min_sendq: Option<u64>,
    /// Memory charged for the larger side, receiving or sending
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) min_charged: Option<u64>,
    /// Memory that the larger side can pin at worst
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) min_worst: Option<u64>,
    /// TCP [no protocol named: all of them]
    #[arg(short, long)]
    pub(crate) tcp: bool,
    /// UDP and UDP-Lite
    #[arg(short, long)]
    pub(crate) udp: bool,
    /// Unix sockets
    #[arg(short = 'x', long)]
    pub(crate) unix: bool,
    /// MPTCP, with its subflows (-t alone shows those as TCP)
    #[arg(long)]
    pub(crate) mptcp: bool,
    /// Raw and ping sockets (ping, dhcpcd, fping, ...)
    #[arg(long)]
    pub(crate) raw: bool,
    /// Packet sockets, with their rings (tcpdump, keepalived, ...)
    #[arg(long)]
    pub(crate) packet: bool,
    /// Netlink sockets
    #[arg(long)]
    pub(crate) netlink: bool,
    /// Of IP sockets, only IPv4
    #[arg(short = '4', long)]
    pub(crate) ipv4: bool,
    /// Of IP sockets, only IPv6
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// States, separated by commas: established, close-wait, closed-held, ...
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_state)]
    pub(crate) state: Vec<State>,
    /// Held by this process; may be given several times
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: Vec<u32>,
    /// Held by a process with this in its name or in its command's base name
    #[arg(long, value_name = "NAME")]
    pub(crate) process: Option<OsString>,
    /// With this port at either end
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Network namespace: all, current, or that of a PID, a PATH or a name of `ip netns`
    #[arg(long, value_name = "WHICH", value_parser = parse_netns, default_value = "all")]
    pub(crate) netns: NetnsChoice,
    /// Of this container: its name, or the beginning of its id
    #[arg(long, value_name = "ID-OR-NAME")]
    pub(crate) container: Option<OsString>,
    /// Of this pod: NAME, NAMESPACE/NAME or uid
    #[arg(long, value_name = "NAME")]
    pub(crate) pod: Option<OsString>,
    /// Of a cgroup whose whole path matches: '*' is any text, '?' one byte ('*nginx*')
    #[arg(long, value_name = "GLOB")]
    pub(crate) cgroup: Option<OsString>,
    /// Sockets with empty queues too
    #[arg(long)]
    pub(crate) all: bool,
    /// Look for every holder everywhere: threads' own tables, io_uring, messages in flight [only for sockets
    /// that carry data and that nobody else has]
    #[arg(long)]
    pub(crate) deep: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Rank by pinned (not measured: by charged), charged, worst, recvq, sendq, unread or pid
    #[arg(long, value_enum, value_name = "KEY", default_value_t = SortKey::Pinned, hide_possible_values = true)]
    pub(crate) sort: SortKey,
    /// The N heaviest blocks, or sockets with --by socket; 0: all [table: 20, JSON: all]
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The N heaviest sockets of each block; 0: all [table: 3, JSON: all]
    #[arg(long, value_name = "N")]
    pub(crate) per_process: Option<usize>,
    /// A block for each process, container, pod, netns or cgroup, or a flat list: socket
    #[arg(long, value_enum, value_name = "WHAT", hide_possible_values = true, default_value_t = By::Process)]
    pub(crate) by: By,
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

#[derive(Debug, Args)]
#[command(next_help_heading = "Measuring inside the kernel")]
pub(crate) struct MeasuringArgs {
    /// What looks: bpf (root), proc (and NETLINK_SOCK_DIAG), or auto: bpf where it works
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = EngineChoice::Auto, hide_possible_values = true)]
    pub(crate) engine: EngineChoice,
    /// Measure every socket, however long it takes [heaviest first, for 200 ms; mem: 2 s]
    #[arg(long)]
    pub(crate) exact: bool,
    /// Packets of one socket to measure at most; 0: 2.7 million (10000 if not given). Implies --exact
    #[arg(long, value_name = "N")]
    pub(crate) exact_limit: Option<u32>,
}

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
    /// changes meanwhile, and whoever uses it waits. Given up where a stuck process keeps a lock
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
    /// How many unread bytes to leave; each can pin 32 KiB
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) fragments: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    Pinned,
    Charged,
    Worst,
    Recvq,
    Sendq,
    Unread,
    Pid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Process,
    Socket,
    Container,
    Pod,
    Netns,
    Cgroup,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    Auto,
    Proc,
    Bpf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Jsonl,
}
