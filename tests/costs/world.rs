//! A pid and network namespace of its own, in which nothing lives but what a test puts there.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;
use skcheck_core::{Live, Query, Snapshot, scan};

use crate::skip::{Skip, is_root, skip};

/// Set in the environment of a test that runs in its own world.
const INSIDE: &str = "SKCHECK_TEST_OWN_WORLD";
/// Set in the environment of a child of such a test: what it shall do.
const ROLE: &str = "SKCHECK_TEST_ROLE";

/// Runs `inside` in a world of its own, as the test `test`: the test binary runs itself there.
pub(crate) fn in_own_world(test: &str, inside: fn()) {
    if std::env::var(INSIDE).is_ok_and(|name| name == test) {
        return inside();
    }
    // A user who is not root may still make namespaces, in a user namespace.
    let user: &[&str] = if is_root() { &[] } else { &["--user", "--map-root-user"] };
    let unshare = |program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(user).args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]).args(program);
        command.env(INSIDE, test).stdin(Stdio::null());
        command.output().expect("unshare runs")
    };
    if !unshare(&["true"]).status.success() {
        return skip(Skip::NeedsNetns);
    }
    let this = std::env::current_exe().expect("the test binary has a path");
    let this = this.to_str().expect("the path is UTF-8");
    let output = unshare(&[this, "--exact", test, "--nocapture", "--test-threads=1"]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "in its own world, {test} failed:\n{out}\n{err}");
    assert!(out.contains("1 passed"), "no test is called {test}:\n{out}\n{err}");
    println!("{out}");
}

/// The role that this process plays for a test in its own world, if it is its child.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// A child that runs the same test, in this role.
pub(crate) fn child(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test binary has a path"));
    let test = std::env::var(INSIDE).expect("a test in its own world");
    command.args(["--exact", &test, "--nocapture", "--test-threads=1"]).env(ROLE, role).stdin(Stdio::null());
    command
}

/// The query of a scan in which nothing matches.
pub(crate) fn scan_idle() -> Snapshot {
    let snapshot = scan(&Live::new(), &Query::default()).expect("a scan");
    assert!(snapshot.sockets.is_empty(), "all are idle: {:?}", snapshot.sockets);
    snapshot
}

/// Idle sockets of all kinds.
pub(crate) struct Sockets {
    _tcp: Vec<TcpListener>,
    _udp: Vec<UdpSocket>,
    _unix: Vec<(UnixStream, UnixStream)>,
}

impl Sockets {
    /// Makes this many; a multiple of four, and some users may have 1024 descriptors at most.
    pub(crate) fn make(count: usize) -> Sockets {
        allow_descriptors();
        let any = (Ipv4Addr::UNSPECIFIED, 0);
        Sockets {
            _tcp: (0..count / 4).map(|_| TcpListener::bind(any).expect("a TCP socket")).collect(),
            _udp: (0..count / 4).map(|_| UdpSocket::bind(any).expect("a UDP socket")).collect(),
            _unix: (0..count / 4).map(|_| UnixStream::pair().expect("a unix pair")).collect(),
        }
    }
}

/// Raises the limit of descriptors as far as this user may.
pub(crate) fn allow_descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("up to the hard limit");
    limit.maximum.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// Leaves this process one processor, so that it has no threads to look at processes with.
pub(crate) fn keep_one_processor() {
    let mut one = CpuSet::new();
    one.set(sched_getcpu().expect("a processor")).expect("one that there is");
    sched_setaffinity(Pid::from_raw(0), &one).expect("less than before");
}

/// Processes that hold what this process lets them inherit, and nothing else but three pipes. They
/// end with this process, which holds the other end of their input.
pub(crate) struct Idlers(Vec<Child>);

impl Idlers {
    pub(crate) fn start(count: usize) -> Idlers {
        let start = |_| {
            let mut command = Command::new("cat");
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("cat is there")
        };
        Idlers((0..count).map(start).collect())
    }
}

impl Drop for Idlers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}
