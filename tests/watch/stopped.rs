//! Readers whose process is stopped: by job control, or by a tracer.

use nix::libc::SYS_clock_nanosleep;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use skcheck_core::watch::cause::{CauseCode, Fact};

use crate::kernel;
use crate::look::{SHORT, stands_on, watch};
use crate::pairs::Pair;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::sockets::inode;

#[test]
fn by_job_control() {
    if !in_own_netns("stopped::by_job_control") {
        return;
    }
    let pair = Pair::tcp(1 << 20, 1 << 20);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let role = Role::start("read 1", vec![pair.reader]);
    kernel::sleeps_in(role.pid(), &[SYS_clock_nanosleep]);
    role.signal(Signal::SIGSTOP);
    kernel::is_in_state(role.pid(), b'T');
    let seen = watch(SHORT);
    let cause = seen.stalled_by(reader, CauseCode::Stopped);
    stands_on(cause, role.pid(), |fact| *fact == Fact::State(b'T'));
}

#[test]
fn by_a_tracer() {
    if !in_own_netns("stopped::by_a_tracer") {
        return;
    }
    let pair = Pair::tcp(1 << 20, 1 << 20);
    pair.write(50_000);
    let reader = inode(&pair.reader);
    let role = Role::start("read 1", vec![pair.reader]);
    kernel::sleeps_in(role.pid(), &[SYS_clock_nanosleep]);
    let traced = Pid::from_raw(role.pid().cast_signed());
    ptrace::attach(traced).expect("root may");
    kernel::is_in_state(role.pid(), b't');
    let seen = watch(SHORT);
    let cause = seen.stalled_by(reader, CauseCode::Stopped);
    stands_on(cause, role.pid(), |fact| *fact == Fact::State(b't'));
    stands_on(cause, role.pid(), |fact| *fact == Fact::TracedBy(std::process::id()));
}
