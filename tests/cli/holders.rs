//! Sockets that are in no table of a process: how that is told.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde_json::Value;

use crate::run::{Unread, json, on_terminal, skcheck, wait_until};
use crate::unique;

/// A reader's descriptor that is in a message alone, and where that message waits.
fn in_flight() -> (std::net::TcpStream, u16, [UnixStream; 2]) {
    let unread = Unread::make(1234);
    let port = unread.port();
    let (sender, receiver) = UnixStream::pair().unwrap();
    let fds = [unread.reader.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    rustix::net::sendmsg(&sender, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).unwrap();
    (unread.writer, port, [receiver, sender])
}

fn check(report: &Value, receiver: &UnixStream, ambiguous: bool) {
    let reader =
        report["sockets"].as_array().unwrap().iter().find(|socket| socket["unread"] == 1234).unwrap();
    assert_eq!((&reader["holding"], &reader["ambiguous"]), (&"in_flight".into(), &ambiguous.into()));
    let holder = serde_json::json!({
        "pid": std::process::id(), "fd": receiver.as_raw_fd(), "via": "in_flight", "tid": null
    });
    let holders = reader["holders"].as_array().unwrap();
    assert!(holders.contains(&holder), "{holder} in {holders:?}");
    assert!(ambiguous || holders.len() == 1, "{holders:?}");
}

#[test]
fn a_message_that_nobody_has_received() {
    if !rustix::process::geteuid().is_root() {
        // Another process may have it as well, and that may not be looked at.
        return println!("skipped: needs root");
    }
    let (_writer, port, [receiver, _sender]) = in_flight();
    let arguments = |engine: &str| format!("-t --port {port} --engine {engine}");
    check(&json(&arguments("proc")), &receiver, true);
    let screen = on_terminal(&mut skcheck(&arguments("proc")), 80);
    assert!(screen.contains(" in flight? "), "{screen}");
    check(&json(&arguments("bpf")), &receiver, false);
    let screen = on_terminal(&mut skcheck(&arguments("bpf")), 80);
    let told = format!("in flight: not received yet at fd {}\n", receiver.as_raw_fd());
    assert!(screen.contains(&told), "{screen}");
    let answer = format!("of a socket in flight to it (fd {}).", receiver.as_raw_fd());
    assert!(screen.replace('\n', " ").contains(&answer), "{screen}");
    let widest = screen.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 80, "{screen}");
}

/// What a process has not got rid of when it ends is nobody's; the socket's cgroup tells where that was.
#[test]
fn an_orphan_says_of_which_cgroup() {
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap();
    let mounts = String::from_utf8_lossy(&mounts);
    let mut version_2 = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
    let Some(mount) = version_2.find_map(|line| line.split(' ').nth(4)) else {
        return println!("skipped: no cgroup of version 2");
    };
    let name = unique::name("orphan");
    let group = Path::new(mount).join(&name);
    if std::fs::create_dir(&group).is_err() {
        return println!("skipped: needs root");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = "echo $$ > \"$0/cgroup.procs\" && exec 3<>/dev/tcp/127.0.0.1/$1 && exec cat /dev/zero >&3";
    let mut writer =
        Command::new("bash").args(["-c", script]).arg(&group).arg(port.to_string()).spawn().unwrap();
    let (_reader, _) = listener.accept().unwrap();
    let arguments = format!("-t --port {port}");
    let is_full = |socket: &Value| socket["holding"] == "descriptors" && socket["unsent"].as_u64() > Some(0);
    wait_until("it has sent what nobody takes", || {
        json(&arguments)["sockets"].as_array().unwrap().iter().any(is_full)
    });
    writer.kill().unwrap();
    writer.wait().unwrap();
    wait_until("nobody has it any more", || {
        let report = json(&arguments);
        report["sockets"].as_array().unwrap().iter().any(|it| it["holding"] == "orphan")
    });
    let screen = on_terminal(&mut skcheck(&arguments), 80);
    let by_cgroup = on_terminal(&mut skcheck(&format!("{arguments} --by cgroup")), 80);
    std::fs::remove_dir(&group).unwrap();
    assert!(screen.contains("(orphaned)") && screen.contains(&format!("of cgroup /{name}\n")), "{screen}");
    let others = "1 socket more holds nothing unread: 1 closed by the process, not finished.";
    assert!(screen.contains("\n1 socket of 1 process holds ") && screen.contains(others), "{screen}");
    assert!(by_cgroup.contains(&name) && !by_cgroup.contains("of cgroup"), "{by_cgroup}");
}
