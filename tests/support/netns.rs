//! Tests that run in a network namespace of their own: the test binary runs itself there.

use std::process::{Command, Stdio};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::child::spawn;
use super::skip::{Skip, is_root, skip};

/// Set in the environment of a test that runs in its own namespace.
const INSIDE: &str = "SKCHECK_TEST_OWN_NETNS";

/// Whether the calling test is in a network namespace of its own, with loopback up. If not, runs
/// the test named `test` once more in one, and the caller returns. To be used as
///
/// ```ignore
/// if !in_own_netns("module::test") { return; }
/// ```
pub(crate) fn in_own_netns(test: &str) -> bool {
    if std::env::var(INSIDE).is_ok_and(|name| name == test) {
        loopback_up();
        return true;
    }
    if !is_root() {
        skip(Skip::NeedsNetns);
        return false;
    }
    let mut command = Command::new("unshare");
    command
        .arg("--net")
        .arg(std::env::current_exe().expect("the test binary has a path"))
        .args(["--exact", test, "--nocapture", "--test-threads=1", "--include-ignored"])
        .env(INSIDE, test)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = spawn(&mut command).wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "in its own namespace, {test} failed:\n{out}\n{err}");
    assert!(out.contains("1 passed"), "no test is called {test}:\n{out}\n{err}");
    let skipped = out.lines().filter_map(|line| line.find("skipped: ").map(|at| &line[at..]));
    skipped.for_each(|line| println!("{line}"));
    false
}

/// Sets the loopback interface up (RTM_NEWLINK; `struct ifinfomsg` of linux/rtnetlink.h).
pub(crate) fn loopback_up() {
    const RTM_NEWLINK: u16 = 16;
    const REQUEST_ACK: u16 = 0x5;
    const UP: u32 = 1;
    let mut request = Vec::new();
    request.extend(32u32.to_ne_bytes());
    request.extend(RTM_NEWLINK.to_ne_bytes());
    request.extend(REQUEST_ACK.to_ne_bytes());
    request.extend([0; 8]); // sequence, port
    request.extend([0; 4]); // family, type
    request.extend(1i32.to_ne_bytes()); // the index of lo
    request.extend(UP.to_ne_bytes());
    request.extend(UP.to_ne_bytes()); // the flags that change
    let socket = Socket::new(NETLINK_ROUTE).expect("a netlink socket");
    socket.send_to(&request, &SocketAddr::new(0, 0), 0).expect("the request is sent");
    let mut answer = Vec::with_capacity(4096);
    socket.recv_from(&mut answer, 0).expect("an answer comes");
    assert_eq!(answer[16..20], [0; 4], "lo does not come up");
}
