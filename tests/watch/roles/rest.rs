//! Programs that hold a socket and do something else.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::net::RecvFlags;
use seccompiler::SeccompAction;

use crate::memory;
use crate::role::{Given, ready};
use crate::support::sandbox;

const LONG: Duration = Duration::from_secs(1000);

/// Sleeps.
pub(crate) fn sleep(given: Given) {
    ready();
    std::thread::sleep(LONG);
    drop(given);
}

/// Reads from its socket into memory that nobody fills: it is stuck in the middle, and has the socket
/// locked. Says that it is ready before. Another thread reads as well, and waits for the lock.
pub(crate) fn read_into_nothing(given: Given) {
    let [socket] = given.sockets::<1>();
    let (buffer, faults) = memory::of_userfaultfd(4096).expect("root may");
    let other = socket.try_clone().expect("a descriptor");
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        let _ = rustix::net::recv(&other, &mut [0; 16], RecvFlags::empty());
    });
    ready();
    let _ = rustix::net::recv(&socket, buffer, RecvFlags::empty());
    drop(faults);
}

/// Waits for more than there is, and leaves that where it is.
pub(crate) fn wait_for_all(given: Given) {
    let [socket] = given.sockets::<1>();
    ready();
    let _ = rustix::net::recv(&socket, &mut vec![0; 1 << 20], RecvFlags::WAITALL | RecvFlags::PEEK);
}

/// Waits for another thread, which never comes.
pub(crate) fn park(given: Given) {
    ready();
    std::thread::park_timeout(LONG);
    drop(given);
}

/// Reads from a pipe into which nobody writes.
pub(crate) fn await_pipe(given: Given) {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    ready();
    let _ = rustix::io::read(&reader, &mut [0]);
    drop((given, writer));
}

/// Runs all the time.
pub(crate) fn spin(given: Given) {
    ready();
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
        if turns == u64::MAX {
            break;
        }
    }
    drop(given);
}

/// Has a worker that reads the socket from its standard input, but that never comes to it; and waits for
/// something else.
pub(crate) fn lose_worker(given: Given) {
    let [socket] = given.sockets::<1>();
    let mut command = Command::new("sleep");
    command.arg("100").stdin(socket.try_clone().expect("a descriptor")).stdout(Stdio::null());
    let worker = command.spawn().expect("it is everywhere");
    ready();
    std::thread::sleep(LONG);
    drop((socket, worker));
}

/// Has a child that has ended, and does not know it.
pub(crate) fn lose_child(given: Given) {
    let mut command = Command::new("true");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let worker = command.spawn().expect("it is everywhere");
    ready();
    std::thread::sleep(LONG);
    drop((given, worker));
}

/// Its main thread ends, and leaves the socket to another.
pub(crate) fn lose_main(given: Given) {
    std::thread::spawn(move || {
        std::thread::sleep(LONG);
        drop(given);
    });
    // Only the kernel ends one thread of a process without unsafe code: for a call that is forbidden.
    let getppid = if cfg!(target_arch = "x86_64") { 110 } else { 173 };
    sandbox::apply(&sandbox::filter(getppid, Vec::new(), SeccompAction::KillThread));
    ready();
    let _ = rustix::process::getppid();
    unreachable!("the thread was killed");
}

/// Becomes another program, which ends with the test as a role does.
pub(crate) fn become_program(command: &str) {
    let mut words = command.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    ready();
    let error = command.args(words).exec();
    panic!("it does not start: {error}");
}
