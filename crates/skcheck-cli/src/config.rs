//! What was typed, and the environment it was typed in: what it means here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use skcheck_core::{NetnsChoice, Query, State};

use crate::args::{By, FilterArgs, Format, OutputArgs, RootArgs, ScanArgs, SortKey};
use crate::text::Charset;

/// How many processes or sockets a table shows, unless told otherwise.
const TABLE_TOP: usize = 20;

/// How many sockets a table shows of each process, unless told otherwise.
const TABLE_PER_PROCESS: usize = 3;

/// One scan: what to ask, how to arrange it, how to write it, what its exit code says.
#[derive(Debug, Clone)]
pub(crate) struct ScanConfig {
    pub(crate) query: Query,
    pub(crate) roots: RootArgs,
    /// A process that was asked for and does not exist.
    pub(crate) missing_pid: Option<u32>,
    /// Whether the query leaves anything out that the default shows.
    pub(crate) narrowed: bool,
    pub(crate) arrangement: Arrangement,
    pub(crate) format: Format,
    pub(crate) page: Page,
    /// Whether tables name namespaces and containers even where there is only one.
    pub(crate) wide: bool,
    pub(crate) exit_code: bool,
    pub(crate) strict: bool,
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

/// What a table is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Columns; `None`: as many as it takes (a pipe, a file).
    pub(crate) width: Option<usize>,
    pub(crate) charset: Charset,
}

impl ScanConfig {
    /// What these arguments mean.
    pub(crate) fn new(args: ScanArgs, page: Page) -> ScanConfig {
        let ScanArgs { filter, output, roots, exit_code, strict } = args;
        let query = query(filter);
        let narrowed = query != Query::default() && query != everything();
        ScanConfig {
            narrowed,
            query,
            roots,
            missing_pid: None,
            arrangement: Arrangement::new(&output),
            format: output.format,
            page,
            wide: output.wide,
            exit_code,
            strict,
        }
    }
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

impl Page {
    /// The page that standard output is.
    pub(crate) fn of_stdout() -> Page {
        let stdout = rustix::stdio::stdout();
        let width = rustix::termios::isatty(stdout).then(|| {
            let columns = rustix::termios::tcgetwinsize(stdout).map_or(0, |size| size.ws_col);
            terminal_width(columns, std::env::var("COLUMNS").ok().as_deref())
        });
        Page { width, charset: charset(|name| std::env::var_os(name)) }
    }
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
    let every_protocol = !(filter.tcp || filter.udp || filter.unix);
    let every_version = !(filter.ipv4 || filter.ipv6);
    let mut query = Query::default();
    query.tcp = filter.tcp || every_protocol;
    query.udp = filter.udp || every_protocol;
    query.unix = filter.unix || every_protocol;
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
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    const PIPE: Page = Page { width: None, charset: Charset::Ascii };

    fn config(arguments: &str) -> ScanConfig {
        let words = std::iter::once("skcheck").chain(arguments.split_whitespace());
        ScanConfig::new(Cli::try_parse_from(words).unwrap().scan, PIPE)
    }

    #[test]
    fn protocols_and_versions_narrow() {
        let check = |arguments: &str, expected: [bool; 5]| {
            let query = config(arguments).query;
            let asked = [query.tcp, query.udp, query.unix, query.ipv4, query.ipv6];
            assert_eq!(asked, expected, "{arguments}");
        };
        check("", [true; 5]);
        check("-t", [true, false, false, true, true]);
        check("-tu", [true, true, false, true, true]);
        check("-x", [false, false, true, true, true]);
        check("-4", [true, true, true, true, false]);
        check("-6t", [true, false, false, false, true]);
        check("-46", [true; 5]);
    }

    #[test]
    fn everything_typed_is_asked() {
        let query = config(
            "--min-recvq 1K --min-sendq 2 --min-charged 3 --min-worst 4 --state listen,close-wait \
             --pid 5 --pid 6 --process ab --port 7 --all",
        )
        .query;
        let sizes = [query.min_recv_q, query.min_send_q, query.min_charged, query.min_worst];
        assert_eq!(sizes, [Some(1024), Some(2), Some(3), Some(4)]);
        assert_eq!(query.states, [State::Listen, State::CloseWait]);
        assert_eq!((query.pids, query.process), (vec![5, 6], Some(b"ab".to_vec())));
        assert_eq!((query.port, query.include_idle), (Some(7), true));
    }

    #[test]
    fn namespaces_that_may_be_asked_for() {
        let check = |text: &str, expected: NetnsChoice| assert_eq!(parse_netns(text), Ok(expected), "{text}");
        check("all", NetnsChoice::All);
        check("current", NetnsChoice::Current);
        check("4711", NetnsChoice::OfProcess(4711));
        check("/proc/1/ns/net", NetnsChoice::OfFile("/proc/1/ns/net".into()));
        check("blue", NetnsChoice::OfFile("/run/netns/blue".into()));
        check("47b", NetnsChoice::OfFile("/run/netns/47b".into()));
        for text in ["", ".", "..", "0", "4294967296", "run/netns/blue", "../blue"] {
            assert!(parse_netns(text).is_err(), "{text}");
        }
    }

    #[test]
    fn containers_and_roots_that_are_typed() {
        let config = config("--container web --pod prod/api --cgroup /a* --host-root /h --proc /h/proc");
        let bytes = |text: &str| Some(text.as_bytes().to_vec());
        let Query { container, pod, cgroup, .. } = config.query;
        assert_eq!((container, pod, cgroup), (bytes("web"), bytes("prod/api"), bytes("/a*")));
        assert_eq!((config.roots.host_root, config.roots.proc), ("/h".into(), "/h/proc".into()));
    }

    #[test]
    fn limits_follow_the_format() {
        let check = |arguments: &str, top: Option<usize>, per_process: Option<usize>| {
            let Arrangement { top: a, per_process: b, .. } = config(arguments).arrangement;
            assert_eq!((a, b), (top, per_process), "{arguments}");
        };
        check("", Some(20), Some(3));
        check("--top 0 --per-process 0", None, None);
        check("--top 5", Some(5), Some(3));
        check("--format json", None, None);
        check("--format jsonl --top 7 --per-process 2", Some(7), Some(2));
    }

    #[test]
    fn narrowed_means_less_than_the_default() {
        assert!(!config("").narrowed);
        assert!(!config("--all --top 3").narrowed);
        assert!(config("-t").narrowed);
        assert!(config("--all --min-recvq 1").narrowed);
    }

    #[test]
    fn every_state_has_its_names() {
        for state in State::ALL.into_iter().filter(|state| *state != State::TimeWait) {
            assert_eq!(parse_state(state.name()), Ok(state));
            assert_eq!(parse_state(&state.name().replace('_', "-").to_uppercase()), Ok(state));
        }
        let of_ss =
            ["estab", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "closed", "unconn", "listening"];
        let expected =
            ["established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "close", "close", "listen"];
        for (name, state) in of_ss.iter().zip(expected) {
            assert_eq!(parse_state(name).unwrap().name(), state);
        }
        for text in ["", "foo", "established "] {
            assert!(parse_state(text).unwrap_err().contains("closed-held"), "{text}");
        }
        assert!(parse_state("time-wait").unwrap_err().contains("no data"));
    }

    #[test]
    fn widths() {
        assert_eq!(terminal_width(132, Some("70")), 132);
        assert_eq!(terminal_width(0, Some("70")), 70);
        assert_eq!(terminal_width(0, Some("wide")), 80);
        assert_eq!(terminal_width(0, Some("0")), 80);
        assert_eq!(terminal_width(0, None), 80);
    }

    #[test]
    fn charsets() {
        let check = |set: &[(&str, &str)], expected: Charset| {
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            assert_eq!(charset(variable), expected, "{set:?}");
        };
        check(&[], Charset::Ascii);
        check(&[("LANG", "C")], Charset::Ascii);
        check(&[("LANG", "de_DE.UTF-8")], Charset::Utf8);
        check(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")], Charset::Ascii);
        check(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")], Charset::Utf8);
    }
}
