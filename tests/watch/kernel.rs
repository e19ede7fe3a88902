//! What the kernel itself says of a process, read as directly as can be: tests assert with it that a
//! situation is there before they ask what a watch makes of it.

use std::fs;

use skcheck_core::Inode;

use crate::support::scan::eventually;

/// The state in /proc/PID/stat: that of the main thread.
pub(crate) fn state(pid: u32) -> u8 {
    state_in(&format!("/proc/{pid}/stat"))
}

/// The state of a thread.
pub(crate) fn thread_state(pid: u32, tid: u32) -> u8 {
    state_in(&format!("/proc/{pid}/task/{tid}/stat"))
}

fn state_in(path: &str) -> u8 {
    let stat = fs::read(path).expect("it is not reaped");
    // Behind the name, which may have anything in it.
    let end = stat.iter().rposition(|&byte| byte == b')').expect("a name");
    stat[end + 2]
}

/// Waits until the process is in this state.
pub(crate) fn is_in_state(pid: u32, wanted: u8) {
    let what = format!("pid {pid} is in state {}", char::from(wanted));
    eventually(&what, || (state(pid) == wanted).then_some(()));
}

/// Its threads.
pub(crate) fn threads(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("it can be listed").file_name();
    let mut tids: Vec<u32> =
        entries.map(|entry| name(entry).to_str().expect("ASCII").parse().expect("a number")).collect();
    tids.sort_unstable();
    tids
}

/// Waits until the main thread sleeps in this system call; gives the call's first argument.
pub(crate) fn sleeps_in(pid: u32, calls: &[i64]) -> u64 {
    sleeps_in_thread(pid, pid, calls)
}

/// The same for another thread.
pub(crate) fn sleeps_in_thread(pid: u32, tid: u32, calls: &[i64]) -> u64 {
    eventually(&format!("thread {tid} sleeps in one of {calls:?}"), || {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).ok()?;
        let mut words = text.split_whitespace();
        let number: i64 = words.next()?.parse().ok()?;
        let first = u64::from_str_radix(words.next()?.trim_start_matches("0x"), 16).ok()?;
        (calls.contains(&number) && thread_state(pid, tid) == b'S').then_some(first)
    })
}

/// The descriptor under which a process has a socket.
pub(crate) fn descriptor(pid: u32, inode: Inode) -> u32 {
    let found = descriptors(pid).into_iter().find(|(_, target)| *target == link(inode));
    found.unwrap_or_else(|| panic!("pid {pid} does not hold {}", link(inode))).0
}

/// Its descriptors, and what they refer to.
pub(crate) fn descriptors(pid: u32) -> Vec<(u32, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("root may");
    let descriptor = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.ok()?.path();
        let fd = path.file_name()?.to_str()?.parse().ok()?;
        Some((fd, fs::read_link(path).ok()?.to_str()?.to_owned()))
    };
    entries.filter_map(descriptor).collect()
}

fn link(inode: Inode) -> String {
    format!("socket:[{}]", inode.get())
}

/// The epoll sets of a process that have this descriptor in them, each with the events.
pub(crate) fn epoll_events(pid: u32, fd: u32) -> Vec<(u32, u32)> {
    let sets = descriptors(pid).into_iter().filter(|(_, target)| target == "anon_inode:[eventpoll]");
    let events = |set: u32| -> Option<u32> {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{set}")).ok()?;
        info.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_it = words.first() == Some(&"tfd:") && words.get(1)?.parse() == Ok(fd);
            is_it.then(|| u32::from_str_radix(words.get(3)?, 16).ok())?
        })
    };
    sets.filter_map(|(set, _)| Some((set, events(set)?))).collect()
}

/// The descriptors of its sockets, in order.
pub(crate) fn sockets(pid: u32) -> Vec<u32> {
    let descriptors = descriptors(pid).into_iter();
    let mut sockets: Vec<u32> =
        descriptors.filter(|(_, target)| target.starts_with("socket:")).map(|(fd, _)| fd).collect();
    sockets.sort_unstable();
    sockets
}
