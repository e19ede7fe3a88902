//! Every descriptor of every process that holds a socket.

use std::process::Command;
use std::time::Duration;

use seccompiler::SeccompAction;
use skcheck_core::{Holder, Holding, Payload, Query, RecvQueue, State};

use crate::support::child::Sleeper;
use crate::support::sandbox;
use crate::support::scan::{self, eventually, find, get, mine};
use crate::support::sockets::{inode, tcp_pair};

#[test]
fn one_descriptor_duplicated() {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(10);
    let second = pair.server.try_clone().expect("a free descriptor");
    let snapshot = scan::run(&scan::port(pair.port));
    let report = get(&snapshot, inode(&pair.server));
    let mut both = [mine(&pair.server), mine(&second)];
    both.sort_unstable();
    assert_eq!(report.holders, both);
    assert!(!report.is_shared(), "two descriptors of one process");
}

/// Handed to a child and kept: both hold it, and it counts once.
#[test]
fn shared_with_a_child() {
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(1000);
    let child = Sleeper::holding(pair.server.try_clone().expect("a free descriptor"));
    let mut query = scan::port(pair.port);
    query.min_recv_q = Some(1);
    let snapshot = scan::run(&query);
    let report = get(&snapshot, inode(&pair.server));
    let mut both = [mine(&pair.server), Holder::new(child.pid(), Sleeper::FD)];
    both.sort_unstable();
    assert_eq!(report.holders, both);
    assert!(report.is_shared());
    let totals = snapshot.totals();
    assert_eq!((totals.sockets, totals.processes, totals.unread), (1, 2, Payload(1000)));
    assert_eq!((totals.unread_unknown, totals.charged_unknown), (0, 0));
    assert_eq!(Some(totals.charged), report.footprint.received.charged);
}

#[test]
fn both_ends_of_a_connection_name_each_others_process() {
    let mut pair = tcp_pair("::1");
    pair.send(10);
    let (server, port) = (inode(&pair.server), pair.port);
    let child = Sleeper::holding(pair.server);
    let there = Holder::new(child.pid(), Sleeper::FD);
    let snapshot = scan::run(&scan::port(port));
    let report = get(&snapshot, server);
    assert_eq!((&report.holders[..], &report.peer_holders[..]), (&[there][..], &[mine(&pair.client)][..]));
    assert_eq!(get(&snapshot, inode(&pair.client)).peer_holders, [there]);
    for pid in [child.pid(), std::process::id()] {
        let process = snapshot.process(pid).expect("both are described");
        let comm = std::fs::read(format!("/proc/{pid}/comm")).expect("it runs");
        assert_eq!(process.comm.as_deref(), comm.strip_suffix(b"\n"));
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        let start = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19));
        assert_eq!(process.start_time, start.map(|ticks| ticks.parse().expect("a number")));
    }
}

/// Set in the environment of a process that loses its main thread.
const LOSE_MAIN_THREAD: &str = "SKCHECK_TEST_LOSE_MAIN_THREAD";

/// The other threads of a process go on with its descriptors, which its own directory no longer shows.
#[test]
fn a_process_whose_main_thread_has_ended() {
    if std::env::var_os(LOSE_MAIN_THREAD).is_some() {
        return lose_main_thread();
    }
    let mut pair = tcp_pair("127.0.0.1");
    pair.send(1234);
    let (server, port) = (inode(&pair.server), pair.port);
    let mut command = Command::new(std::env::current_exe().expect("the test binary has a path"));
    command.args(["--exact", "holders::a_process_whose_main_thread_has_ended"]).env(LOSE_MAIN_THREAD, "1");
    let child = Sleeper::running(&mut command, pair.server);
    drop(command); // it still has the descriptor
    let pid = child.pid();
    eventually("its main thread ends, another goes on", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is not yet waited for");
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("one lives").count();
        (stat.contains(") Z ") && threads == 2).then_some(())
    });
    let shown = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    assert_eq!(shown, 0, "this is what makes it hard to find");

    let snapshot = scan::run(&scan::port(port));
    let report = get(&snapshot, server);
    assert_eq!(report.socket.recv_q, RecvQueue::Payload(Payload(1234)));
    assert_eq!(report.holders, [Holder::new(pid, Sleeper::FD)]);
    assert_eq!(report.holding, Holding::Descriptors);
    assert_eq!(get(&snapshot, inode(&pair.client)).peer_holders, [Holder::new(pid, Sleeper::FD)]);
    let mut everywhere = scan::port(port);
    everywhere.deep = true;
    assert_eq!(
        get(&scan::run(&everywhere), server).holders,
        report.holders,
        "told once, however deep the look"
    );

    // And reset: closed, and still held by that thread.
    crate::support::sockets::reset(pair.client);
    let closed = eventually("it is reset", || {
        let snapshot = scan::run(&Query::default());
        find(&snapshot, server).filter(|report| report.socket.state == State::ClosedHeld).cloned()
    });
    assert_eq!(closed.holders, [Holder::new(pid, Sleeper::FD)]);
}

/// Leaves a sleeping thread behind, and lets the kernel end any thread that wants to end the process:
/// the main one, after this test.
fn lose_main_thread() {
    std::thread::spawn(|| std::thread::sleep(Duration::from_secs(300)));
    let exit_group = if cfg!(target_arch = "x86_64") { 231 } else { 94 };
    let filter = sandbox::filter(exit_group, Vec::new(), SeccompAction::KillThread);
    seccompiler::apply_filter_all_threads(&filter).expect("any process may narrow itself");
}

#[test]
fn a_default_query_leaves_idle_sockets_out() {
    let pair = tcp_pair("127.0.0.1");
    let mut query = Query::default();
    query.port = Some(pair.port);
    assert_eq!(scan::run(&query).sockets, []);
    assert_eq!(scan::run(&scan::port(pair.port)).sockets.len(), 2);
}
