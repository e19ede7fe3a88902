//! Which sockets are asked for.

use std::ffi::OsString;

use clap::Args;
use skcheck_core::{NetnsChoice, State};

use crate::args::protocols::ProtocolArgs;
use crate::args::values::{parse_netns, parse_state};
use crate::text::parse_size;

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
    #[command(flatten)]
    pub(crate) protocols: ProtocolArgs,
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
