//! What the probe tells of processes that do something else than read.

use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::net::SocketType;
use skcheck_core::watch::evidence::{Call, Interest, ProcessEvidence, Syscall, ThreadEvidence};
use skcheck_core::watch::{Probe, Sample, SocketKey, StillOpen};
use skcheck_core::{Holder, Live, Payload, Protocols, Query};

use crate::support::child::{Sleeper, no_child_is_born};
use crate::support::doing::{self, Doing};
use crate::support::scan::{self, eventually, get};
use crate::support::skip::kernel;
use crate::support::sockets::{drain, inode, send_unix, tcp_pair, unix_pair};

/// Not a test: what children of these tests do.
#[test]
fn a_child() {
    doing::play();
}

fn sample(probe: &mut Probe<'_>, before: Option<&Sample>) -> Sample {
    let _quiet = no_child_is_born();
    probe.sample(None, before).expect("the host can be sampled")
}

/// What is said of a process whose socket does not move, once `is_there` holds.
pub(crate) fn evidence(pid: u32, is_there: impl Fn(&ProcessEvidence) -> bool) -> ProcessEvidence {
    let mut query = scan::unix_only();
    (query.include_idle, query.pids) = (false, vec![pid]);
    let host = Live::new();
    let mut probe = Probe::new(&host, query);
    let mut before = sample(&mut probe, None);
    assert!(before.processes.get(&pid).is_none_or(|process| !process.closely), "nothing has stood still yet");
    let mut last = None;
    let found = (0..500).find_map(|_| {
        let now = sample(&mut probe, Some(&before));
        let process = now.processes.get(&pid).filter(|process| process.closely).cloned();
        before = now;
        last = process.clone().or(last.take());
        std::thread::sleep(Duration::from_millis(10));
        process.filter(&is_there)
    });
    found.unwrap_or_else(|| panic!("not within five seconds: {last:#?}"))
}

/// A unix pair: the end that has something to read, and the one that keeps it open.
pub(crate) fn unread() -> (std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
    let (reader, writer) = unix_pair(SocketType::STREAM);
    send_unix(&writer, 1000);
    (reader, writer)
}

fn in_call(thread: &ThreadEvidence, wanted: Call) -> Option<u64> {
    match thread.syscall {
        Some(Syscall::In { call, arguments: [first, ..], .. }) if call == wanted => Some(first),
        _ => None,
    }
}

/// Before 5.16 a kernel that is built without frame pointers knows no wchan (`get_wchan`).
fn tells_wchan() -> bool {
    kernel() >= [5, 16]
}

#[test]
fn stopped_and_traced() {
    let (reader, _writer) = unread();
    let child = Sleeper::holding(reader);
    let pid = Pid::from_raw(child.pid().try_into().expect("small"));
    let asleep = evidence(child.pid(), |process| process.state == Some(b'S'));
    let [thread] = &asleep.threads[..] else { panic!("{asleep:?}") };
    assert!(in_call(thread, Call::Sleep).is_some(), "{thread:?}");
    if tells_wchan() {
        assert!(thread.wchan.as_ref().is_some_and(|name| name.ends_with(b"nanosleep")), "{thread:?}");
    }
    assert_eq!((thread.tid, thread.comm.as_deref()), (child.pid(), Some(&b"sleep"[..])));
    assert_eq!((asleep.comm.as_deref(), asleep.parent), (Some(&b"sleep"[..]), Some(std::process::id())));
    assert_eq!((asleep.tracer, asleep.missing.as_slice()), (None, &[][..]));

    kill(pid, Signal::SIGSTOP).expect("it is ours");
    let stopped = evidence(child.pid(), |process| process.state == Some(b'T'));
    assert_eq!((stopped.start_time, stopped.tracer), (asleep.start_time, None));
    assert_eq!(stopped.threads[0].state, Some(b'T'));
    kill(pid, Signal::SIGCONT).expect("it is ours");

    // A tracer that lets it run, and one that stops it.
    ptrace::seize(pid, ptrace::Options::empty()).expect("it is ours");
    let traced = evidence(child.pid(), |process| process.tracer.is_some());
    assert_eq!(traced.tracer, Some(std::process::id()));
    ptrace::interrupt(pid).expect("it is traced");
    let halted = evidence(child.pid(), |process| process.state == Some(b't'));
    assert_eq!(halted.tracer, Some(std::process::id()));
    ptrace::detach(pid, None).expect("it has stopped");
}

/// How often a thread was taken off its processor.
fn switches(pid: u32, tid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).expect("it runs");
    let lines = status.lines().filter(|line| line.contains("ctxt_switches:"));
    let number = |line: &str| line.rsplit('\t').next()?.parse::<u64>().ok();
    lines.map(|line| number(line).expect("a number")).sum()
}

#[test]
fn blocked_in_calls() {
    for (role, call) in [("read", Call::Read), ("write", Call::Write)] {
        let (reader, _writer) = unread();
        let (child, fds) = Doing::start(role, reader);
        let is_there = |thread: &ThreadEvidence| in_call(thread, call) == Some(fds[0].into());
        let is_told = std::path::Path::new("/proc/self/schedstat").exists();
        // Once it does not run any more, its switches are as many as its turns on a processor.
        let (found, thread) = eventually("it is at rest", || {
            let found = evidence(child.pid(), |process| process.threads.iter().any(is_there));
            let thread = found.threads.iter().find(|thread| is_there(thread)).expect("above").clone();
            let switches = switches(child.pid(), thread.tid);
            (thread.runs == is_told.then_some(switches)).then_some((found, thread))
        });
        assert_eq!(thread.state, Some(b'S'));
        assert!(thread.wchan.is_some() || !tells_wchan(), "{thread:?}");
        assert!(found.threads.len() >= 2 && !found.more_threads, "{found:?}");
        assert!(
            found.epolls.is_empty() && found.rings.is_empty() && found.dead_children.is_empty(),
            "{found:?}"
        );
        assert_eq!((found.missing.as_slice(), found.descriptors_age), (&[][..], Duration::ZERO));
    }
    let (reader, _writer) = unread();
    let (child, _) = Doing::start("park", reader);
    evidence(child.pid(), |process| {
        process.threads.iter().all(|thread| in_call(thread, Call::Futex).is_some())
    });
}

#[test]
fn spinning() {
    let (reader, _writer) = unread();
    let (child, _) = Doing::start("spin", reader);
    let runs = |process: &ProcessEvidence| {
        let thread = process.threads.iter().max_by_key(|thread| thread.ticks);
        thread.is_some_and(|thread| thread.syscall == Some(Syscall::Running) && thread.state == Some(b'R'))
    };
    let first = evidence(child.pid(), runs);
    let busiest = |process: &ProcessEvidence| {
        process.threads.iter().map(|thread| (thread.ticks, thread.tid)).max().expect("a thread")
    };
    // Ticks of which there are a hundred a second.
    let later =
        evidence(child.pid(), |process| busiest(process).0 > busiest(&first).0.map(|ticks| ticks + 5));
    assert_eq!(busiest(&first).1, busiest(&later).1);
}

#[test]
fn a_zombie_child() {
    let (reader, _writer) = unread();
    let (child, zombies) = Doing::start("zombie", reader);
    let found = evidence(child.pid(), |process| !process.dead_children.is_empty());
    assert_eq!(found.dead_children, zombies);
}

#[test]
fn epoll_sets() {
    let (reader, _writer) = unread();
    let socket = inode(&reader);
    let (child, fds) = Doing::start("epoll", reader);
    let [set, input, level, edge, once, outer, idle] = fds[..] else { panic!("{fds:?}") };
    let waits = |thread: &ThreadEvidence| in_call(thread, Call::EpollWait) == Some(set.into());
    let found = evidence(child.pid(), |process| process.threads.iter().any(waits));
    assert_eq!(found.epolls.iter().map(|epoll| epoll.fd).collect::<Vec<_>>(), [set, outer]);
    let events = |epoll: usize, fd: u32| {
        found.epolls[epoll]
            .interests
            .iter()
            .find(|interest| interest.fd == fd)
            .map(|interest| interest.events)
    };
    let only = |events: Option<u32>| {
        events.map(|events| events & (Interest::IN | Interest::OUT | Interest::EDGE | Interest::ONESHOT))
    };
    assert_eq!(only(events(0, input)), Some(Interest::OUT | Interest::EDGE));
    assert_eq!(only(events(0, edge)), Some(Interest::IN | Interest::EDGE));
    // It has fired: only the flag is left.
    assert_eq!(events(0, once), Some(Interest::ONESHOT));
    assert_eq!(only(events(1, set)), Some(Interest::IN));
    // Under another number, and the same socket.
    let interest = found.epolls[0].interests.iter().find(|interest| interest.fd == input);
    assert_eq!(interest.expect("above").inode, Some(socket.get().into()));
    // Those hold nothing, and are not in the sample.
    assert_eq!((events(0, level), events(0, idle)), (None, None));
}

/// Sockets that hold nothing any more, and TCP's memory.
#[test]
fn drained_and_closed() {
    let (mut read, mut closed) = (tcp_pair("127.0.0.1"), tcp_pair("127.0.0.1"));
    read.send(1000);
    closed.send(2000);
    let host = Live::new();
    let mut probe = Probe::new(&host, Query::default());
    let before = sample(&mut probe, None);
    let [read_key, closed_key] = [&read.server, &closed.server].map(|server| {
        SocketKey::of(get(&before.snapshot, inode(server))).expect("the kernel gives it a cookie")
    });
    let process = &before.processes.get(&std::process::id()).expect("it holds unread data");
    assert!(!process.closely && process.threads.iter().all(|thread| thread.ticks.is_some()), "{process:?}");
    assert!(before.drained.is_empty() && before.first_packets.is_empty());
    assert!(before.tcp_memory.is_some());

    drain(&read.server, 1000);
    drain(&closed.server, 2000);
    drop(closed.server);
    let now = sample(&mut probe, Some(&before));
    assert!(now.at > before.at);
    assert_eq!(now.drained.get(&read_key), Some(&StillOpen::Yes));
    assert_eq!(now.drained.get(&closed_key), Some(&StillOpen::No));
    // What was not looked at is not here.
    assert!(now.drained.len() < before.snapshot.sockets.len() + 1);
}

/// The process at the other end of what a standing reader's process cannot write is looked at too.
#[test]
fn a_chain_is_followed() {
    let (first, _client) = unread();
    let (second, blocked) = unix_pair(SocketType::STREAM);
    let last = Sleeper::holding(second.try_clone().expect("a free descriptor"));
    drop(second);
    rustix::io::ioctl_fionbio(&blocked, true).expect("a socket");
    while rustix::net::send(&blocked, &[0; 4096], rustix::net::SendFlags::empty()).is_ok() {}
    let host = Live::new();
    let query = Query::of(Protocols::UNIX);
    let mut probe = Probe::new(&host, query);
    let before = sample(&mut probe, None);
    let report = get(&before.snapshot, inode(&first));
    assert_eq!(report.footprint.received.payload, Some(Payload(1000)));
    let now = sample(&mut probe, Some(&before));
    let peers = &get(&now.snapshot, inode(&blocked)).peer_holders;
    assert_eq!(peers[..], [Holder::new(last.pid(), Sleeper::FD)]);
    for pid in [std::process::id(), last.pid()] {
        assert!(now.processes.get(&pid).is_some_and(|process| process.closely), "{pid}: {:?}", now.processes);
    }
    eventually("it sleeps", || {
        let thread = now.processes.get(&last.pid())?.threads.first()?;
        in_call(thread, Call::Sleep)
    });
}
