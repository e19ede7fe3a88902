//! Real programs that a test starts, with the descriptors that it chooses.

use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kernel;
use crate::support::child::spawn;

/// A program. It ends when this is dropped.
pub(crate) struct Program(Child);

impl Program {
    /// Starts it. `words` are its name and its arguments.
    pub(crate) fn start(words: &str, from: impl Into<Stdio>, to: impl Into<Stdio>) -> Program {
        let mut words = words.split_whitespace();
        let mut command = Command::new(words.next().expect("a name"));
        let child = spawn(command.args(words).stdin(from).stdout(to).stderr(Stdio::null()));
        Program(child)
    }

    /// Starts a program that is stopped before it has done anything that matters.
    pub(crate) fn stopped(words: &str, from: impl Into<Stdio>, to: impl Into<Stdio>) -> Program {
        let program = Program::start(words, from, to);
        program.signal(Signal::SIGSTOP);
        kernel::is_in_state(program.pid(), b'T');
        program
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).expect("it runs");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
