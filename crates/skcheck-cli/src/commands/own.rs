//! This program, started again for a part of the work.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Starts this program, whatever has become of its file.
pub(super) fn program() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("skcheck");
    command
}

/// What was started so is called after that file; who lists processes by name shall find it.
pub(crate) fn take_name() {
    if rustix::thread::name().is_ok_and(|name| name.as_c_str() == c"exe") {
        let _ = rustix::thread::set_name(c"skcheck");
    }
}
