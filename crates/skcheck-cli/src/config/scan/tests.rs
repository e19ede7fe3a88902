use clap::Parser as _;
use skcheck_core::engine::Limits;
use skcheck_core::{Protocol, Protocols, State};

use super::*;
use crate::args::{Cli, EngineChoice};
use crate::text::Charset;

const PIPE: Page = Page { width: None, charset: Charset::Ascii };

fn config(arguments: &str) -> ScanConfig {
    let words = std::iter::once("skcheck").chain(arguments.split_whitespace());
    ScanConfig::new(Cli::try_parse_from(words).unwrap().scan, PIPE)
}

/// Whatever families there are: each has its switch, which asks for it and its kin alone.
#[test]
fn every_protocol_has_a_switch() {
    for protocol in Protocol::ALL {
        let flag = protocol.flag();
        assert_eq!(config(&format!("--{flag}")).query.protocols, Protocols::of_flag(flag), "{flag}");
    }
}

#[test]
fn protocols_and_versions_narrow() {
    let check = |arguments: &str, expected: [bool; 5]| {
        let query = config(arguments).query;
        let [tcp, udp, unix] =
            [Protocols::TCP, Protocols::UDP, Protocols::UNIX].map(|it| query.protocols & it == it);
        let asked = [tcp, udp, unix, query.ipv4, query.ipv6];
        assert_eq!(asked, expected, "{arguments}");
    };
    check("", [true; 5]);
    check("-t", [true, false, false, true, true]);
    check("-tu", [true, true, false, true, true]);
    check("-x", [false, false, true, true, true]);
    check("-4", [true, true, true, true, false]);
    check("-6t", [true, false, false, false, true]);
    check("-46", [true; 5]);
    let check = |arguments: &str, expected: [bool; 5]| {
        let query = config(arguments).query;
        let all = [Protocols::TCP, Protocols::MPTCP, Protocols::RAW, Protocols::PACKET, Protocols::NETLINK];
        let asked = all.map(|it| query.protocols & it == it);
        assert_eq!(asked, expected, "{arguments}");
    };
    check("", [true; 5]);
    check("-tux", [true, false, false, false, false]);
    check("--mptcp", [false, true, false, false, false]);
    check("--raw", [false, false, true, false, false]);
    check("--packet", [false, false, false, true, false]);
    check("--netlink", [false, false, false, false, true]);
    check("-t --packet", [true, false, false, true, false]);
    check("-4", [true; 5]);
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
fn what_is_measured() {
    let check = |arguments: &str, engine: EngineChoice, packets: u32, time: Option<u64>| {
        let measuring = config(arguments).measuring;
        let limits = Limits::new(packets, time.map(Duration::from_millis));
        assert_eq!((measuring.engine, measuring.limits), (engine, limits), "{arguments}");
        assert_eq!(config(arguments).request().is_exact(), time.is_none(), "{arguments}");
        assert_eq!(measuring.contradiction(), None, "{arguments}");
    };
    check("", EngineChoice::Auto, 10_000, Some(200));
    check("--engine proc", EngineChoice::Proc, 10_000, Some(200));
    check("--engine bpf --exact", EngineChoice::Bpf, 10_000, None);
    check("--exact-limit 5", EngineChoice::Auto, 5, None);
    check("--exact --exact-limit 0", EngineChoice::Auto, u32::MAX, None);
    for arguments in ["--engine proc --exact", "--engine proc --exact-limit 1"] {
        assert!(config(arguments).measuring.contradiction().unwrap().contains("--engine proc"));
    }
}

#[test]
fn narrowed_means_less_than_the_default() {
    assert!(!config("").request().is_narrowed());
    assert!(!config("--all --top 3 --deep").request().is_narrowed());
    assert!(config("-t").request().is_narrowed());
    assert!(config("--all --min-recvq 1").request().is_narrowed());
    assert!(config("--stalled").request().is_narrowed());
}
