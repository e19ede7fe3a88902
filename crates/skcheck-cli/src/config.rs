//! What was typed, and the environment it was typed in: what it means here.

pub(crate) mod mem;
pub(crate) mod watch;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use skcheck_core::engine::Limits;
use skcheck_core::{NetnsChoice, Query, State};

use crate::args::{
    By, EngineChoice, FilterArgs, Format, MeasuringArgs, OutputArgs, RootArgs, ScanArgs, SortKey,
};
use crate::text::{Charset, Page, parse_duration};

/// How many processes or sockets a table shows, unless told otherwise.
const TABLE_TOP: usize = 20;

/// How many sockets a table shows of each process, unless told otherwise.
const TABLE_PER_PROCESS: usize = 3;

/// How long measuring may take, unless told otherwise: an incident's first look must be quick.
const BUDGET: Duration = Duration::from_millis(200);

/// Below this, whoever is slow would be taken for one that does not answer.
const LEAST_TIMEOUT: Duration = Duration::from_millis(100);

/// The longest time between two looks at the packets of a socket.
const MAX_AGAIN: Duration = Duration::from_secs(3600);

/// One scan: what to ask, how to arrange it, how to write it, what its exit code says.
#[derive(Debug, Clone)]
pub(crate) struct ScanConfig {
    pub(crate) query: Query,
    pub(crate) measuring: Measuring,
    pub(crate) roots: RootArgs,
    /// How long those that do not answer are waited for, together.
    pub(crate) timeout: Duration,
    /// A process that was asked for and does not exist.
    pub(crate) missing_pid: Option<u32>,
    /// Whether the query leaves anything out that the default shows.
    pub(crate) narrowed: bool,
    pub(crate) arrangement: Arrangement,
    pub(crate) format: Format,
    pub(crate) page: Page,
    /// Whether tables name namespaces and containers even where there is only one.
    pub(crate) wide: bool,
    /// Whether the table says what looked, at how much, and for how long.
    pub(crate) verbose: bool,
    /// How long loading the engine took.
    pub(crate) loading: Duration,
    /// Only readers that stand still, with the reason.
    pub(crate) stalled: bool,
    /// What is reported ends with the report: there is nothing more to ask about it.
    pub(crate) ends: bool,
    pub(crate) exit_code: bool,
    pub(crate) strict: bool,
}

/// What looks into the kernel, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measuring {
    pub(crate) engine: EngineChoice,
    /// Everything is to be measured, however long it takes.
    pub(crate) exact: bool,
    pub(crate) limits: Limits,
}

/// How a report is sorted, grouped and cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrangement {
    pub(crate) sort: SortKey,
    pub(crate) by: By,
    /// How many processes (or sockets) to show; `None`: all.
    pub(crate) top: Option<usize>,
    /// How many sockets of each process to show; `None`: all.
    pub(crate) per_process: Option<usize>,
}

impl ScanConfig {
    /// What these arguments mean.
    pub(crate) fn new(args: ScanArgs, page: Page) -> ScanConfig {
        let ScanArgs { filter, output, measuring, timeout, roots, stalled, exit_code, strict } = args;
        let query = query(filter);
        let mut which = query.clone();
        which.deep = false;
        let narrowed = which != Query::default() && which != everything();
        ScanConfig {
            narrowed,
            query,
            measuring: Measuring::within(&measuring, BUDGET),
            roots,
            timeout: timeout.timeout,
            missing_pid: None,
            arrangement: Arrangement::new(&output),
            format: output.format,
            page,
            wide: output.wide,
            verbose: output.verbose,
            loading: Duration::ZERO,
            stalled,
            ends: false,
            exit_code,
            strict,
        }
    }
}

impl Measuring {
    /// What these arguments mean, where measuring may take so long unless told otherwise.
    fn within(args: &MeasuringArgs, budget: Duration) -> Measuring {
        let exact = args.exact || args.exact_limit.is_some();
        let packets = args.exact_limit.map_or(Limits::PACKETS, packet_limit);
        let limits = Limits { packets, time: (!exact).then_some(budget), lock: false };
        Measuring { engine: args.engine, exact, limits }
    }

    /// What is measured unless told otherwise.
    pub(crate) fn usual() -> Measuring {
        let limits = Limits { time: Some(BUDGET), ..Limits::default() };
        Measuring { engine: EngineChoice::Auto, exact: false, limits }
    }

    /// Why this cannot be done, whatever the host is like.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        (self.exact && self.engine == EngineChoice::Proc)
            .then_some("--exact measures through BPF, which --engine proc leaves out: use auto or bpf")
    }
}

/// How many packets of a socket are walked at most; 0 stands for all.
pub(crate) fn packet_limit(typed: u32) -> u32 {
    if typed == 0 { u32::MAX } else { typed }
}

impl Arrangement {
    fn new(output: &OutputArgs) -> Arrangement {
        let limit = |typed: Option<usize>, in_tables: usize| match typed {
            Some(0) => None,
            Some(n) => Some(n),
            None => (output.format == Format::Table).then_some(in_tables),
        };
        Arrangement {
            sort: output.sort,
            by: output.by,
            top: limit(output.top, TABLE_TOP),
            per_process: limit(output.per_process, TABLE_PER_PROCESS),
        }
    }
}

/// The page that standard output is.
pub(crate) fn stdout_page() -> Page {
    let stdout = rustix::stdio::stdout();
    let width = rustix::termios::isatty(stdout).then(|| {
        let columns = rustix::termios::tcgetwinsize(stdout).map_or(0, |size| size.ws_col);
        terminal_width(columns, std::env::var("COLUMNS").ok().as_deref())
    });
    Page { width, charset: charset(|name| std::env::var_os(name)) }
}

/// The width of a terminal that says it has so many columns; one that does not know says 0.
fn terminal_width(columns: u16, variable: Option<&str>) -> usize {
    let known = (columns > 0).then_some(usize::from(columns));
    known.or_else(|| variable?.parse().ok().filter(|&columns| columns > 0)).unwrap_or(80)
}

/// The charset of the locale: the first of these variables that is set and not empty decides.
fn charset<V: AsRef<OsStr>>(variable: impl Fn(&str) -> Option<V>) -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| variable(name))
        .find(|value| !value.as_ref().is_empty())
        .map(|value| value.as_ref().to_string_lossy().to_ascii_lowercase());
    match locale {
        Some(locale) if locale.contains("utf-8") || locale.contains("utf8") => Charset::Utf8,
        _ => Charset::Ascii,
    }
}

fn everything() -> Query {
    let mut query = Query::default();
    query.include_idle = true;
    query
}

fn query(filter: FilterArgs) -> Query {
    let FilterArgs { tcp, udp, unix, mptcp, raw, packet, netlink, .. } = filter;
    let every_protocol = !(tcp || udp || unix || mptcp || raw || packet || netlink);
    let every_version = !(filter.ipv4 || filter.ipv6);
    let mut query = Query::default();
    query.tcp = tcp || every_protocol;
    query.udp = udp || every_protocol;
    query.unix = unix || every_protocol;
    query.mptcp = mptcp || every_protocol;
    query.raw = raw || every_protocol;
    query.packet = packet || every_protocol;
    query.netlink = netlink || every_protocol;
    query.ipv4 = filter.ipv4 || every_version;
    query.ipv6 = filter.ipv6 || every_version;
    query.states = filter.state;
    query.min_recv_q = filter.min_recvq;
    query.min_send_q = filter.min_sendq;
    query.min_charged = filter.min_charged;
    query.min_worst = filter.min_worst;
    query.pids = filter.pid;
    query.process = filter.process.map(OsString::into_vec);
    query.netns = filter.netns;
    query.container = filter.container.map(OsString::into_vec);
    query.pod = filter.pod.map(OsString::into_vec);
    query.cgroup = filter.cgroup.map(OsString::into_vec);
    query.port = filter.port;
    query.include_idle = filter.all;
    query.deep = filter.deep;
    query
}

/// Network namespaces: `all`, `current`, a process id, the path of a file that stands for one, or a
/// name of `ip netns`.
pub(crate) fn parse_netns(text: &str) -> Result<NetnsChoice, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "all" => Ok(NetnsChoice::All),
        "current" => Ok(NetnsChoice::Current),
        path if path.starts_with('/') => Ok(NetnsChoice::OfFile(path.into())),
        _ if is_number => match text.parse() {
            Ok(pid) if pid > 0 => Ok(NetnsChoice::OfProcess(pid)),
            _ => Err("no process has this id".to_owned()),
        },
        "" | "." | ".." => Err("name all, current, a PID, a file, or one of ip netns".to_owned()),
        name if name.contains('/') => Err("the path of a file must begin with /".to_owned()),
        name => Ok(NetnsChoice::OfFile(format!("/run/netns/{name}").into())),
    }
}

/// The time between two looks.
pub(crate) fn parse_again(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("two looks at once tell nothing".to_owned()),
        time if time > MAX_AGAIN => Err("too long: at most 1h".to_owned()),
        time => Ok(time),
    }
}

/// How long those that do not answer are waited for.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if time < LEAST_TIMEOUT => Err("too short: at least 100ms".to_owned()),
        time if time > MAX_AGAIN => Err("too long: at most 1h".to_owned()),
        time => Ok(time),
    }
}

/// A state by its name here or in `ss`; `-` and `_` are alike.
pub(crate) fn parse_state(text: &str) -> Result<State, String> {
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let wanted = plain(text);
    let by_ss = match wanted.as_str() {
        "estab" => Some(State::Established),
        "unconn" | "closed" => Some(State::Close),
        "listening" => Some(State::Listen),
        _ => None,
    };
    match by_ss.or_else(|| State::ALL.into_iter().find(|state| plain(state.name()) == wanted)) {
        Some(State::TimeWait) => Err("such sockets hold no data and are never listed".to_owned()),
        Some(state) => Ok(state),
        None => {
            let listed = State::ALL.into_iter().filter(|state| *state != State::TimeWait);
            let names: Vec<String> = listed.map(|state| state.name().replace('_', "-")).collect();
            Err(format!("no such state; there are {}", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests;
