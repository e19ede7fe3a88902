use clap::Parser as _;
use skcheck_core::testing;

use super::*;
use crate::args::{Cli, Command, EngineChoice};

fn config(arguments: &str, page: Page) -> MemConfig {
    let words = ["skcheck", "mem"].into_iter().chain(arguments.split_whitespace());
    match Cli::try_parse_from(words).unwrap().command {
        Some(Command::Mem(args)) => MemConfig::new(args, page),
        other => panic!("{other:?}"),
    }
}

const PIPE: Page = Page { width: None, charset: Charset::Utf8 };

#[test]
fn a_ceiling_in_bytes() {
    let ledger = testing::ledger(Bytes(40 << 30), Vec::new(), None, Vec::new());
    let check = |typed: Option<Ceiling>, expected: u64| {
        assert_eq!(ceiling(typed, &ledger), Bytes(expected), "{typed:?}");
    };
    check(None, 4 << 30);
    check(Some(Ceiling::Size(7)), 7);
    check(Some(Ceiling::Share(5_000)), 2 << 30);
    check(Some(Ceiling::Share(100_000)), 40 << 30);
    let small = testing::ledger(Bytes(1 << 30), Vec::new(), None, Vec::new());
    assert_eq!(ceiling(None, &small), Bytes(3 << 29));
}

#[test]
fn everything_typed_is_meant() {
    let usual = config("", PIPE);
    assert!(!usual.pages && usual.cgroup.is_none() && !usual.exit_code);
    assert_eq!(usual.ceiling, None);
    assert_eq!(usual.page.charset, Charset::Utf8);
    assert_eq!(usual.measuring.limits.time, Some(Duration::from_secs(2)));
    let typed = config("--pages --exit-code --max-unaccounted 1M --ascii --exact --engine bpf", PIPE);
    assert!(typed.pages && typed.exit_code);
    assert_eq!(typed.ceiling, Some(Ceiling::Size(1 << 20)));
    assert_eq!(typed.page.charset, Charset::Ascii);
    assert_eq!((typed.measuring.limits.time, typed.measuring.engine), (None, EngineChoice::Bpf));
    assert_eq!(config("--cgroup /a", PIPE).cgroup, Some(b"/a".to_vec()));
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let check = |variables: &[(&str, &'static str)], expected: bool| {
        let variable = |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| *value);
        assert_eq!(may_color(variable), expected, "{variables:?}");
    };
    check(&[("TERM", "xterm")], true);
    check(&[], false);
    check(&[("TERM", "dumb")], false);
    check(&[("TERM", "xterm"), ("NO_COLOR", "1")], false);
    check(&[("TERM", "xterm"), ("NO_COLOR", "")], true);
    assert!(!config("", PIPE).color);
}
