//! Real programs, with the processes that they start.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::role::Role;
use crate::support::scan::eventually;

/// Where a program is, if it is installed.
pub(crate) fn real(program: &str) -> Option<String> {
    let directories = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let places = directories.map(|directory| format!("{directory}/{program}"));
    places.into_iter().find(|place| Path::new(place).exists())
}

/// A program with its workers. They end when this is dropped.
pub(crate) struct Family(Role);

impl Family {
    /// Starts it by a command, and waits until somebody listens at this port.
    pub(crate) fn start(command: &[&str], port: u16) -> Family {
        let family = Family(Role::start(&format!("become {}", command.join(" ")), Vec::new()));
        eventually("it listens", || listens(port).then_some(()));
        family
    }

    /// The process that was started.
    pub(crate) fn first(&self) -> u32 {
        self.0.pid()
    }

    /// Its workers, once there are so many.
    pub(crate) fn workers<const N: usize>(&self) -> [u32; N] {
        eventually("it has its workers", || children(self.first()).try_into().ok())
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        for pid in children(self.first()) {
            signal(pid, Signal::SIGKILL);
        }
    }
}

/// Whether somebody listens at this port of this network namespace: a connection would be passed on.
fn listens(port: u16) -> bool {
    let (at, state) = (format!(":{port:04X}"), Some("0A"));
    ["tcp", "tcp6"].iter().any(|table| {
        let table = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        table.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(1).is_some_and(|local| local.ends_with(&at)) && words.get(3).copied() == state
        })
    })
}

/// The processes that this one has started, in the order of their numbers.
fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut pids: Vec<u32> = listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
}
