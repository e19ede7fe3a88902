//! The table on terminals and in pipes.

use std::net::UdpSocket;

use crate::run::{Unread, on_terminal, run, skcheck};

/// So many columns; all of the program's own signs take one.
fn columns(line: &str) -> usize {
    line.chars().count()
}

#[test]
fn fits_the_terminal() {
    let unread = Unread::make(70_000);
    for width in [76, 80, 100, 132, 200] {
        let arguments = format!("--pid {} --port {}", std::process::id(), unread.port());
        let shown = on_terminal(&mut skcheck(&arguments), width);
        let widest = shown.lines().map(columns).max().unwrap();
        assert!(widest <= usize::from(width), "{widest} > {width}:\n{shown}");
        assert!(shown.contains("68.4 KiB"), "{shown}");
    }
}

#[test]
fn a_terminal_that_is_too_narrow_keeps_every_pid() {
    let unread = Unread::make(100);
    let arguments = format!("--pid {} --port {}", std::process::id(), unread.port());
    let shown = on_terminal(&mut skcheck(&arguments), 50);
    let name = format!(" {}", std::process::id());
    assert!(shown.lines().any(|line| line.ends_with(&name)), "{shown}");
    assert!(shown.lines().any(|line| line.trim_start().starts_with("FD PROTO STATE")), "{shown}");
}

#[test]
fn eighty_columns_lose_no_address_of_ipv4() {
    let unread = Unread::make(100);
    let (local, peer) = (unread.reader.local_addr().unwrap(), unread.writer.local_addr().unwrap());
    let arguments = format!("--pid {} --port {}", std::process::id(), unread.port());
    let shown = on_terminal(&mut skcheck(&arguments), 80);
    assert!(shown.contains(&format!("{local} > {peer}")), "{shown}");
}

#[test]
fn a_pipe_gets_everything_whatever_columns_says() {
    let unread = Unread::make(100);
    let (local, peer) = (unread.reader.local_addr().unwrap(), unread.writer.local_addr().unwrap());
    let mut command = skcheck(&format!("--by socket --pid {} --port {}", std::process::id(), unread.port()));
    let table = run(command.env("COLUMNS", "40")).out;
    let row = table.lines().find(|line| line.contains(&local.to_string())).unwrap();
    let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[2..5], ["tcp", "ESTAB", "100 B"], "{row}");
    assert!(cells.contains(&peer.to_string().as_str()), "{row}");
}

#[test]
fn ascii_is_enough() {
    let reader = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = reader.local_addr().unwrap();
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"0123456789", address).unwrap();
    let mut command =
        skcheck(&format!("-u --pid {} --port {} --engine proc", std::process::id(), address.port()));
    let table = run(command.env("LC_ALL", "C")).out;
    assert!(table.is_ascii(), "{table}");
    let row = table.lines().find(|line| line.contains(&address.to_string())).unwrap();
    assert!(row.contains("<="), "a truesize is marked: {row}");
    assert!(table.contains("<= in a queue: memory"), "and explained: {table}");
    assert!(table.contains("an unknown amount unread"), "{table}");
}

#[test]
fn says_first_who_and_how_much() {
    let unread = Unread::make(60_000);
    let table = run(&mut skcheck(&format!("--pid {} --port {}", std::process::id(), unread.port()))).out;
    let first = table.lines().next().unwrap();
    assert!(first.contains(&format!("({})", std::process::id())), "{first}");
    let held = rustix::io::ioctl_fionread(&unread.reader).unwrap();
    assert_eq!(held, 60_000);
    assert!(table.contains("1 socket of 1 process holds 58.6 KiB unread"), "{table}");
}

#[test]
fn nothing_found_is_said_in_words() {
    let ran = run(&mut skcheck(&format!("--pid {} --process no-such-name", std::process::id())));
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.starts_with("No socket matches; "), "{}", ran.out);
    assert!(ran.out.contains("Next: skcheck"), "{}", ran.out);
}
