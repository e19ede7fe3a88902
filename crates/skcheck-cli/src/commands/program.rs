//! This program, started again for a part of the work.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::sys::signal::{SigSet, Signal};

use crate::report::Privilege;

/// Starts this program, whatever has become of its file.
pub(super) fn program() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("skcheck");
    command
}

/// Begins alike, whoever has started it: with a name that can be found (it would be called after that file),
/// with ears for who tells it to end, and with descriptors that are its own.
pub(crate) fn begin() {
    if rustix::thread::name().is_ok_and(|name| name.as_c_str() == c"exe") {
        let _ = rustix::thread::set_name(c"skcheck");
    }
    let _ = ends().thread_unblock();
    skcheck_bpf::pass_on_none();
}

/// What tells it to end.
pub(super) fn ends() -> SigSet {
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM])
}

/// Who asks.
pub(super) fn privilege() -> Privilege {
    if rustix::process::geteuid().is_root() { Privilege::Root } else { Privilege::User }
}
