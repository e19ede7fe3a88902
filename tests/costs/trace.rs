//! Counts the system calls of a child through ptrace(2).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::ops::Index;
use std::process::{Command, Stdio};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::world::keep_one_processor;

/// How often each system call was made, by its number.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Calls(BTreeMap<libc::c_long, u64>);

impl Calls {
    /// How many calls there were.
    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// All calls but these.
    pub(crate) fn without(&self, numbers: &[libc::c_long]) -> Calls {
        Calls(self.0.iter().filter(|(number, _)| !numbers.contains(number)).map(|(n, c)| (*n, *c)).collect())
    }
}

impl Index<libc::c_long> for Calls {
    type Output = u64;

    fn index(&self, number: libc::c_long) -> &u64 {
        self.0.get(&number).unwrap_or(&0)
    }
}

/// In the child: runs `traced`, whose system calls on this thread [`count`] counts. It has one processor, so that
/// no other thread does a part of it.
pub(crate) fn let_count<T>(traced: impl FnOnce() -> T) -> T {
    keep_one_processor();
    ptrace::traceme().expect("the parent may trace");
    // Only from now on may the parent wait for a thread that is not the process's first.
    println!("\n{THREAD}{}", nix::unistd::gettid());
    raise(Signal::SIGSTOP).expect("a signal to itself");
    let result = traced();
    raise(Signal::SIGSTOP).expect("a signal to itself");
    result
}

const THREAD: &str = "traced thread ";

/// Starts a child that calls [`let_count`], counts, and returns what else it printed.
pub(crate) fn count(mut child: Command) -> (Calls, String) {
    let mut child = child.stdout(Stdio::piped()).spawn().expect("the test binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let thread = lines.find_map(|line| Some(line.strip_prefix(THREAD)?.parse().expect("a number")));
    let thread = Pid::from_raw(thread.expect("the child gets there"));
    let calls = calls_until_stop(thread);
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().expect("it ends").success(), "{rest:?}");
    (calls, rest.join("\n"))
}

fn calls_until_stop(thread: Pid) -> Calls {
    assert!(is_stop(&wait_for(thread)), "it stops itself");
    ptrace::setoptions(thread, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL).expect("options");
    let mut calls = Calls::default();
    let mut entering = true;
    loop {
        ptrace::syscall(thread, None).expect("it goes on");
        match wait_for(thread) {
            WaitStatus::PtraceSyscall(_) => {
                if entering {
                    *calls.0.entry(number_of_call(thread)).or_default() += 1;
                }
                entering = !entering;
            }
            status if is_stop(&status) => break,
            other => panic!("{other:?}"),
        }
    }
    ptrace::detach(thread, None).expect("it is let go");
    calls
}

/// Waits for what the traced thread, which need not be its process's first, does next.
fn wait_for(thread: Pid) -> WaitStatus {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED | WaitPidFlag::__WALL;
    waitid(Id::Pid(thread), flags).expect("the thread is traced")
}

fn is_stop(status: &WaitStatus) -> bool {
    matches!(status, WaitStatus::Stopped(_, Signal::SIGSTOP) | WaitStatus::PtraceEvent(_, Signal::SIGSTOP, 0))
}

/// The number of the system call in which the stopped thread is.
fn number_of_call(thread: Pid) -> libc::c_long {
    let text = std::fs::read_to_string(format!("/proc/{thread}/syscall")).expect("of a traced thread");
    let number = text.split(' ').next().and_then(|word| word.trim().parse().ok());
    number.unwrap_or_else(|| panic!("no system call: {text:?}"))
}
