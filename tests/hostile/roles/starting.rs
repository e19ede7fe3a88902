//! Processes that are in the middle of execve(2): it closes a file, and that does not come to an end
//! (`exec_update_lock` is held).

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::{about_to, forever, holds, innocent, open, unread};
use crate::fuse::{NEVER_CLOSED, SLOWLY};
use crate::role::call;
use crate::world::Shows;

pub(super) fn exec() {
    call("sk-exec");
    start(&open(NEVER_CLOSED));
}

/// Its sockets, with what is unread in them, live through it.
pub(super) fn exec_with_sockets() {
    call("sk-exec");
    let (writer, reader) = unread(7000);
    for socket in [&writer, &reader] {
        rustix::io::fcntl_setfd(socket.as_fd(), rustix::io::FdFlags::empty()).expect("it is open");
    }
    holds("holds", &reader, 7000);
    start(&open(NEVER_CLOSED));
}

/// Starts programs one after another, each of which takes a little to start.
pub(super) fn exec_slowly() {
    call("sk-slowly");
    innocent(&Shows::Nothing);
    loop {
        let file = open(SLOWLY);
        let mut slow = Command::new("sleep");
        let child = slow.arg("0.05").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        // std waits until it has started.
        let _ = child.and_then(|mut child| child.wait());
        drop(file);
    }
}

/// The standard output is the test's: what lives on here must not keep it.
fn start(_closed_on_exec: &File) -> ! {
    about_to(&Shows::Silent("maps".to_owned()));
    let error = Command::new("sleep").arg("100").stdin(Stdio::null()).exec();
    eprintln!("not started: {error}");
    forever()
}
