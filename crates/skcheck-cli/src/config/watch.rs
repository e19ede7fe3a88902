//! What `skcheck watch` was asked for: how often, how long, what to show.

use std::time::Duration;

use skcheck_core::Query;

use crate::args::{EngineChoice, WatchArgs, WatchFormat};
use crate::config::limit::{TABLE_TOP, limit};
use crate::config::query::query;
use crate::config::roots::Roots;
use crate::text::Page;

/// One watch: what to ask, when to look, what to show.
#[derive(Debug, Clone)]
pub(crate) struct WatchConfig {
    pub(crate) query: Query,
    pub(crate) engine: EngineChoice,
    pub(crate) roots: Roots,
    pub(crate) cadence: Cadence,
    pub(crate) format: WatchFormat,
    /// How many sockets to show; `None`: all, on a terminal all that it has room for.
    pub(crate) top: Option<usize>,
    /// Whether the table is redrawn in place.
    pub(crate) redraws: bool,
    pub(crate) page: Page,
    pub(crate) exit_code: bool,
}

/// When to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cadence {
    /// The time between two looks.
    pub(crate) interval: Duration,
    /// When to look for the last time; `None`: never.
    pub(crate) length: Option<Duration>,
}

impl WatchConfig {
    /// What these arguments mean, written on this page.
    pub(crate) fn new(args: WatchArgs, page: Page) -> WatchConfig {
        let is_terminal = page.width.is_some();
        // A terminal that cannot move its cursor gets what a pipe gets.
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let redraws = args.format == WatchFormat::Table && is_terminal && !is_dumb;
        let usual = (args.format == WatchFormat::Table && !redraws).then_some(TABLE_TOP);
        WatchConfig {
            query: query(args.filter),
            engine: args.engine,
            roots: args.roots.into(),
            cadence: Cadence { interval: args.interval, length: args.length },
            format: args.format,
            top: limit(args.top, usual),
            redraws,
            page,
            exit_code: args.exit_code,
        }
    }
}

impl Cadence {
    /// When to look next, since the beginning, where so much has passed: at the next multiple of the
    /// interval, so that time spent looking shifts nothing. The last window is not much shorter than the
    /// others: too short a window tells nothing. `None` when it is over.
    pub(crate) fn next(self, elapsed: Duration) -> Option<Duration> {
        if self.length.is_some_and(|length| elapsed >= length) {
            return None;
        }
        let passed = elapsed.as_nanos() / self.interval.as_nanos().max(1);
        let next = self.interval.saturating_mul(u32::try_from(passed + 1).unwrap_or(u32::MAX));
        match self.length {
            Some(length) if length.saturating_sub(next) < self.interval / 2 => Some(length),
            _ => Some(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::text::Charset;

    fn config(arguments: &str, width: Option<usize>) -> WatchConfig {
        let words = ["skcheck", "watch"].into_iter().chain(arguments.split_whitespace());
        let Some(Command::Watch(args)) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        WatchConfig::new(*args, Page { width, charset: Charset::Utf8 })
    }

    #[test]
    fn looks_every_second_until_told_to_stop() {
        let config = config("", None);
        assert_eq!(config.cadence, Cadence { interval: Duration::from_secs(1), length: None });
        assert_eq!((config.top, config.redraws, config.exit_code), (Some(20), false, false));
        assert_eq!(config.query, Query::default());
    }

    #[test]
    fn what_is_shown_depends_on_where() {
        assert_eq!(config("--format jsonl", None).top, None);
        assert_eq!(config("--top 5 --format jsonl", None).top, Some(5));
        assert_eq!(config("--top 0", None).top, None);
        assert!(!config("--format jsonl", Some(80)).redraws);
    }

    #[test]
    fn takes_the_filters_of_the_scan() {
        let config = config("-t --pid 5 --min-recvq 1K --for 30s --interval 500ms", None);
        assert_eq!((config.query.pids, config.query.min_recv_q), (vec![5], Some(1024)));
        assert_eq!(config.query.protocols, skcheck_core::Protocols::TCP);
        let cadence = Cadence { interval: Duration::from_millis(500), length: Some(Duration::from_secs(30)) };
        assert_eq!(config.cadence, cadence);
    }

    #[test]
    fn keeps_to_its_beat() {
        let ms = Duration::from_millis;
        let check = |interval: u64, length: Option<u64>, elapsed: u64, expected: Option<u64>| {
            let cadence = Cadence { interval: ms(interval), length: length.map(ms) };
            assert_eq!(cadence.next(ms(elapsed)), expected.map(ms), "{interval} {length:?} {elapsed}");
        };
        check(1000, None, 3, Some(1000));
        check(1000, None, 1000, Some(2000));
        check(1000, None, 1350, Some(2000));
        // A look that took longer than the interval costs those that it missed.
        check(1000, None, 4350, Some(5000));
        check(1000, Some(5000), 3990, Some(4000));
        check(1000, Some(5000), 4010, Some(5000));
        check(1000, Some(5000), 5001, None);
        check(1000, Some(400), 3, Some(400));
        check(1000, Some(1400), 3, Some(1400));
        check(1000, Some(1600), 3, Some(1000));
        check(1000, Some(1600), 1003, Some(1600));
    }
}
