//! Who may keep a socket's lock for good. Before Linux 6.9 all who ask NETLINK_SOCK_DIAG wait for one another
//! (`sock_diag_mutex`), so there nobody may ask for a lock that perhaps never comes free: whoever does holds
//! up everybody on the host.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use crate::collect::asking::conversation::is_gone;
use crate::collect::host_facts::release;
use crate::host::Host;
use crate::procfs::number::parse_number;
use crate::procfs::osrelease::Release;

/// Since this release whoever asks waits for nobody else who does.
const CONCURRENT: Release = Release::new(6, 9);

/// Kernel functions that a thread waits in with no socket locked, by how their names begin: for data, room,
/// connections, events, locks of its own, time, children, signals. `0`: it runs.
const HARMLESS: [&str; 38] = [
    "0",
    "wait_woken",
    "sk_wait",
    "sk_stream_wait",
    "stream_wait",
    "tcp_",
    "inet_csk",
    "__skb_wait",
    "skb_wait",
    "unix_",
    "__unix",
    "sock_alloc_send",
    "schedule_timeout",
    "ep_poll",
    "do_epoll",
    "poll_schedule",
    "do_poll",
    "do_sys_poll",
    "do_select",
    "core_sys_select",
    "futex",
    "__futex",
    "hrtimer",
    "do_nanosleep",
    "pipe_",
    "anon_pipe",
    "do_wait",
    "kernel_wait",
    "do_sigtimedwait",
    "sigsuspend",
    "do_signal_stop",
    "ptrace_stop",
    "do_freezer",
    "signalfd",
    "eventfd",
    "timerfd",
    "inotify",
    "n_tty",
];

/// Whether whoever asks for a socket's lock can hold up others who ask for something else.
pub(crate) fn are_exclusive(host: &dyn Host) -> bool {
    release(host).is_some_and(|it| Release::of(&it) < Some(CONCURRENT))
}

/// Those of these processes that may be stuck with a socket locked: a thread of theirs waits for something
/// else than sockets make one wait for, or may not be looked at.
pub(crate) fn may_be_kept_by(host: &dyn Host, pids: &BTreeSet<u32>) -> FxHashSet<u32> {
    let mut kept = FxHashSet::default();
    let mut threads: Vec<u32> = Vec::new();
    let mut paths: Vec<PathBuf> = Vec::new();
    for pid in pids {
        let tasks = format!("/proc/{pid}/task");
        let listed = host.read_dir(Path::new(&tasks), &mut |name| {
            if let Some(tid) = parse_number(name) {
                threads.extend([*pid; 2]);
                // What may not be looked at shows 0 in the one, and is refused in the other.
                paths.extend(["wchan", "syscall"].map(|file| format!("{tasks}/{tid}/{file}").into()));
            }
        });
        kept.extend(listed.is_err_and(|error| !is_gone(&error)).then_some(*pid));
    }
    host.read_each(&paths, 256, &mut |at, file| {
        let is_wchan = at % 2 == 0;
        let is_harmless = match file {
            Ok(file) => !is_wchan || HARMLESS.iter().any(|name| file.starts_with(name.as_bytes())),
            // It has ended; or the kernel has no such file.
            Err(error) => is_gone(&error),
        };
        kept.extend(threads.get(at).filter(|_| !is_harmless));
    });
    kept
}
