//! Names that others choose must not reach a terminal raw, nor get lost in JSON.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{PROGRAM, json, run, skcheck};

/// Whether every character may be printed: no control, no format character.
fn assert_harmless(text: &str) {
    let bad: Vec<char> = text
        .chars()
        .filter(|&c| {
            c.is_control() && c != '\n'
                || matches!(c, '\u{200e}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect();
    assert!(bad.is_empty(), "{bad:?} in {text:?}");
}

#[test]
fn a_process_named_by_an_attacker() {
    let dir = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"a\x1b[31m\xe2\x80\xae\xff\n");
    let program = dir.path().join(name);
    std::os::unix::fs::symlink(PROGRAM, &program).unwrap();
    let mut holder = Command::new(&program)
        .args([OsStr::new("hold-stalled-reader"), OsStr::new("--fragments"), OsStr::new("3")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = holder.id();

    let table = run(&mut skcheck(&format!("--pid {pid}"))).out;
    assert_harmless(&table);
    assert!(table.contains(&format!("a\\x1b[31m\\u{{202e}}\\xff\\x0a {pid}")), "{table}");

    let report = json(&format!("--pid {pid}"));
    let process = &report["processes"][0];
    assert_eq!(process["comm"], "a\u{1b}[31m\u{202e}\u{fffd}\n");
    assert_eq!(process["comm_hex"], "611b5b33316de280aeff0a");
    let command = process["cmdline_hex"][0].as_str().unwrap();
    assert!(command.ends_with("2f611b5b33316de280aeff0a"), "{command}");
    assert_eq!(process["cmdline"][1], "hold-stalled-reader");
    assert_eq!(process["cmdline_hex"][1], Value::Null);

    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
}

#[test]
fn a_unix_path_that_is_no_text() {
    let dir = tempfile::tempdir().unwrap();
    let name = b"\xff\x1b[2J\\x";
    let path = dir.path().join(OsStr::from_bytes(name));
    let reader = UnixDatagram::bind(&path).unwrap();
    let writer = UnixDatagram::unbound().unwrap();
    writer.connect(&path).unwrap();
    writer.send(b"hello").unwrap();
    let pid = std::process::id();

    let table = run(&mut skcheck(&format!("-x --pid {pid} --per-process 0"))).out;
    assert_harmless(&table);
    assert!(table.contains("/\\xff\\x1b[2J\\\\x"), "{table}");

    let report = json(&format!("-x --pid {pid} --engine proc"));
    let wanted: String = path.as_os_str().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let socket = socket_with(&report, |local| local["path_hex"] == wanted.as_str());
    assert_eq!(
        (socket["recv_q"].as_u64(), socket["recv_q_unit"].as_str()),
        (Some(5), Some("first_datagram"))
    );
    assert_eq!(socket["unread"], Value::Null);
    drop(reader);
}

#[test]
fn an_abstract_name_that_turns_text_around() {
    use std::os::linux::net::SocketAddrExt as _;
    let name = format!("skcheck-\u{202e}-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let client = UnixStream::connect_addr(&address).unwrap();
    let pid = std::process::id();

    let table = run(&mut skcheck(&format!("-x --pid {pid} --per-process 0"))).out;
    assert_harmless(&table);
    assert!(table.contains("@skcheck-\\u{202e}-"), "{table}");
    assert!(table.lines().any(|line| line.contains("@skcheck-") && line.contains("1 conn")), "{table}");

    let report = json(&format!("-x --pid {pid}"));
    let socket = socket_with(&report, |local| local["abstract"] == name.as_str());
    assert_eq!(socket["recv_q_unit"], "connections");
    assert!(socket["local"].get("abstract_hex").is_none());
    drop((listener, client));
}

fn socket_with(report: &Value, wanted: impl Fn(&Value) -> bool) -> &Value {
    let sockets = report["sockets"].as_array().unwrap();
    sockets.iter().find(|socket| wanted(&socket["local"])).unwrap_or_else(|| panic!("in {report:#}"))
}
